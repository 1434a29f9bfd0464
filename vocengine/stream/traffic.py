"""The traffic of the keys of a detect member: in the database, with a cache that a rollback empties."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from vocengine.alerts import Traffic, follow, has_traffic, with_drivers
from vocengine.alerts.mix import Parts
from vocengine.contracts import Alert, Mention
from vocengine.store import detector_states
from vocengine.store.engine import Connection

_CACHED_KEYS = 20_000


class TrafficBook:
    """Reads, moves and writes the traffic of keys, inside the transaction of the batch."""

    def __init__(self, *, allowed_lateness: timedelta) -> None:
        self._lateness = allowed_lateness
        self._states: dict[str, Traffic] = {}

    def read(self, connection: Connection, mentions: Iterable[Mention]) -> None:
        """Have the states of all keys that are mentioned."""
        missing = {m.key for m in mentions if has_traffic(m.kind)} - self._states.keys()
        stored = detector_states.load(connection, map(_stored_as, missing))
        for key in missing:
            known = stored.get(_stored_as(key))
            self._states[key] = Traffic() if known is None else Traffic.from_bytes(known)

    def follow(self, mentions: Sequence[Mention], raised: Sequence[Alert]) -> tuple[list[Alert], dict[str, Parts]]:
        """Move the states; returns the `raised` alerts with what stands out behind them, and all parts by alert id."""
        parts = follow(mentions, self._states, raised, allowed_lateness=self._lateness)
        return [with_drivers(alert, parts.get(alert.alert_id)) for alert in raised], parts

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
