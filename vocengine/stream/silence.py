"""Data silence by time, beside the role detect: no event tells that none comes, so somebody has to look.

Every member looks; one at a time, by a lock, and each silence is raised once. It ends by itself when data comes again.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from vocengine.alerts.policy_source import PolicySource
from vocengine.alerts.silence import BUDGET_PART, EVERYTHING, LEARNED_H, silent_streams, to_alert
from vocengine.contracts import Alert, encode
from vocengine.settings import Settings
from vocengine.store import arrivals, detector_states, outbox, silences
from vocengine.store.arrivals import Arrived
from vocengine.store.cases import Casebook
from vocengine.store.engine import Connection, Engine, transaction
from vocengine.stream.alert_policies import budget_of, source_of

log = logging.getLogger(__name__)

_EVERY_S = 60.0
_STATE = "silence-watch"
# Looks so far apart mean that nobody was looking in between.
_ABSENT_S = 900.0


class SilenceSession:
    """Looks now and then for sources and channels that have stopped sending."""

    def __init__(
        self, settings: Settings, engine: Engine, stop: threading.Event, source: PolicySource | None = None
    ) -> None:
        self._engine, self._stop, self._settings = engine, stop, settings.alerts
        self._source = source or source_of(settings)
        self._casebook = Casebook.of(settings, self._source)
        self._topic = settings.kafka.topic("alerts")

    def step(self) -> int:
        """One look and a pause; returns how many silences began or ended. Raises StoreUnavailable."""
        changed = self.look(datetime.now(UTC))
        self._stop.wait(_EVERY_S)
        return len(changed)

    def look(self, now: datetime) -> list[Alert]:
        """Raise what has fallen silent and resolve what sends again; returns these alerts as they are then."""
        with transaction(self._engine) as connection:
            if not silences.take_turn(connection):
                return []
            hour = int(now.timestamp()) // 3600
            since = self._watched_since(connection, now, hour)
            came = arrivals.since(connection, hour - 2 * LEARNED_H)
            resolved = self._resolve(connection, came, now)
            raised = self._raise(connection, came, hour, since, now)
            arrivals.forget(connection, before=hour - 2 * LEARNED_H)
        for alert in (*resolved, *raised):
            log.warning("silence: %s is %s", alert.label, "silent" if alert.status == "open" else "sending again")
        return [*resolved, *raised]

    def close(self) -> None:
        """Nothing is held between two looks."""

    def _raise(
        self, connection: Connection, came: Sequence[Arrived], hour: int, since: int, now: datetime
    ) -> list[Alert]:
        counts: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
        for one in came:
            counts[one.source, one.channel][one.hour] = one.n
        policies = self._source.current
        budget = budget_of(self._settings, policies)
        a_day = BUDGET_PART * budget.at_most / budget.per_days
        found = silent_streams(counts, now=hour, watched_since=since, false_alarms_a_day=a_day)
        words = f"{budget}, a twentieth of it for silences"
        alerts = policies.applied([to_alert(silent, budget=words, raised_at=now) for silent in found])
        new = silences.without_known(connection, alerts)
        detector_states.add_alerts(connection, new)
        self._casebook.take_up(connection, new, now=now)
        outbox.put(connection, [(self._topic, alert.alert_id.encode(), encode(alert)) for alert in new])
        return new

    def _resolve(self, connection: Connection, came: Sequence[Arrived], now: datetime) -> list[Alert]:
        newest: dict[str, int] = defaultdict(int)
        for one in came:
            for key in (f"source:{one.source}", f"channel:{one.channel}", EVERYTHING):
                newest[key] = max(newest[key], one.hour)
        resolved = []
        for alert in silences.lasting(connection):
            # The window begins with the first hour without anything.
            if newest[alert.key] >= int(alert.window_start.timestamp()) // 3600:
                ended = silences.end(connection, alert)
                self._casebook.recover(connection, alert.alert_id, note=f"{alert.label} sends again", now=now)
                outbox.put(connection, [(self._topic, ended.alert_id.encode(), encode(ended))])
                resolved.append(ended)
        return resolved

    def _watched_since(self, connection: Connection, now: datetime, hour: int) -> int:
        """Since which hour somebody has been looking without a break; what was before that says nothing."""
        raw = detector_states.load(connection, [_STATE]).get(_STATE)
        since, looked = hour + 1, None
        if raw is not None:
            d = orjson.loads(raw)
            since, looked = d["since"], datetime.fromisoformat(d["looked_at"])
            if (now - looked).total_seconds() > _ABSENT_S:
                log.warning("silence: nobody looked from %s on; silence since then is not judged", looked.isoformat())
                since = hour + 1
        detector_states.save(connection, {_STATE: orjson.dumps({"since": since, "looked_at": now})})
        return since
