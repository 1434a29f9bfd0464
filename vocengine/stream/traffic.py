"""The traffic of the keys of a detect member: in the database, with a cache that a rollback empties."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from vocengine.alerts import Budget, Rules, Traffic, follow, has_traffic, with_drivers
from vocengine.alerts.budget import Purse
from vocengine.alerts.mix import Parts
from vocengine.alerts.traffic import SPIKES
from vocengine.contracts import Alert, Mention
from vocengine.store import detector_states
from vocengine.store.engine import Connection

_CACHED_KEYS = 20_000


class TrafficBook:
    """Reads, moves and writes the traffic of keys, inside the transaction of the batch."""

    def __init__(self, rules: Rules, budget: Budget, *, partitions: int) -> None:
        self._rules, self._budget, self._partitions = rules, budget, partitions
        self._states: dict[str, Traffic] = {}

    def by(self, rules: Rules, budget: Budget) -> None:
        """Go by other rules and another budget from now on."""
        self._rules, self._budget = rules, budget

    def read(self, connection: Connection, mentions: Iterable[Mention]) -> None:
        """Have the states of all keys that are mentioned."""
        missing = {m.key for m in mentions if has_traffic(m.kind)} - self._states.keys()
        stored = detector_states.load(connection, map(_stored_as, missing))
        for key in missing:
            known = stored.get(_stored_as(key))
            self._states[key] = Traffic() if known is None else Traffic.from_bytes(known)

    def follow(
        self, mentions: Sequence[Mention], falls: Sequence[Alert], purse: Purse, *, now: datetime
    ) -> tuple[list[Alert], dict[str, Parts]]:
        """Move the states; returns the `falls` with what stands out behind them and the volume spikes, and the parts.

        Spikes are one more kind beside the kinds of keys that share the partition's purse.
        """
        a_day = self._budget.a_day / self._partitions
        found = follow(
            mentions,
            self._states,
            falls,
            rules=self._rules,
            draw=lambda: purse.draw(SPIKES, 1.0, a_day),
            budget=str(self._budget),
            now=now,
        )
        return [*(with_drivers(fall, found.parts.get(fall.alert_id)) for fall in falls), *found.spikes], found.parts

    def write(self, connection: Connection, mentions: Iterable[Mention]) -> None:
        """Write down what the mentions moved."""
        moved = {m.key for m in mentions if has_traffic(m.kind)}
        detector_states.save(connection, {_stored_as(key): self._states[key].to_bytes() for key in moved})

    def committed(self) -> None:
        """The cache is what the database holds."""
        if len(self._states) > _CACHED_KEYS:
            self._states.clear()

    def rolled_back(self) -> None:
        """The cache is ahead of the database: drop it."""
        self._states.clear()


def _stored_as(key: str) -> str:
    return f"traffic:{key}"
