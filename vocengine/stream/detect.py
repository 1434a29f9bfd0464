"""detect: mentions → detector states and alerts; the alerts leave by the outbox."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from vocengine.alerts import Amendment, KeyState, Meter, amended, codec, note_of, watch, watched_as
from vocengine.alerts.mix import Parts
from vocengine.alerts.policy_source import PolicySource
from vocengine.contracts import Alert, Mention, Rejected, decode_mention, encode
from vocengine.settings import Settings
from vocengine.store import detector_states, incidents, outbox
from vocengine.store.cases import Casebook
from vocengine.store.engine import Connection, Engine
from vocengine.stream.alert_policies import WeighedRules, budget_of, detector_policy_of, source_of
from vocengine.stream.inbox import Received
from vocengine.stream.to_database import DatabaseSession
from vocengine.stream.traffic import TrafficBook

log = logging.getLogger(__name__)

# States kept in memory between batches; beyond it the whole cache is dropped and read again as needed.
_CACHED_KEYS = 100_000


class DetectHandler:
    """Owns the keys of its partitions: their states live in the database, with a cache that a rollback empties."""

    def __init__(self, settings: Settings, *, partitions: int, source: PolicySource | None = None) -> None:
        self._source = source or source_of(settings)
        self._casebook = Casebook.of(settings, self._source)
        self._settings = settings.alerts
        self._alerts_topic = settings.kafka.topic("alerts")
        self._partitions = partitions
        self._signals = settings.alerts.signals
        self._states: dict[str, KeyState] = {}
        self._meters: dict[str, Meter] = {}
        self._policies = self._source.current
        self._rules = WeighedRules(self._policies, detector_policy_of(self._settings))
        self._budget = budget_of(self._settings, self._policies)
        self._traffic = TrafficBook(self._rules, self._budget, partitions=partitions)

    def handle(
        self, connection: Connection, batch: Sequence[Received[Mention]]
    ) -> list[tuple[Received[Mention], Rejected]]:
        """Move the detectors; alerts go to their table and to the outbox, with their cases."""
        self._follow_policies()
        by_partition: defaultdict[int, list[Mention]] = defaultdict(list)
        for record in batch:
            by_partition[record.partition.partition].append(record.message)
        self._read(connection, batch, by_partition)
        mentioned = [record.message for record in batch]
        self._traffic.read(connection, mentioned)
        raised: list[Alert] = []
        amendments: list[Amendment] = []
        parts: dict[str, Parts] = {}
        now = datetime.now(UTC)
        self._rules.read(connection, {record.message.key for record in batch}, now=now)
        for partition, mentions in by_partition.items():
            found = watch(
                mentions,
                self._states,
                self._meters[_meter_key(partition)],
                rules=self._rules,
                budget=self._budget,
                partitions=self._partitions,
                now=now,
                signals=self._signals,
            )
            _report(found.refused, partition)
            odd = {id(mention) for mention in found.refused}
            explained, behind = self._traffic.follow(
                [m for m in mentions if id(m) not in odd],
                found.alerts,
                self._meters[_meter_key(partition)].purse,
                now=now,
            )
            raised += explained
            amendments += found.amendments
            parts |= behind
        self._traffic.write(connection, mentioned)
        moved = self._watched(batch)
        detector_states.save(
            connection,
            {key: codec.to_bytes(self._states[key]) for key in moved}
            | {key: self._meters[key].to_bytes() for key in map(_meter_key, by_partition)},
        )
        folded = incidents.fold(connection, self._policies.applied(raised), parts, now=now)
        raised = folded.alerts
        detector_states.add_alerts(connection, raised)
        self._casebook.take_up(connection, raised, now=now, beside=folded.beside)
        told = [*raised, *self._amend(connection, amendments, now=now)]
        outbox.put(connection, [(self._alerts_topic, a.alert_id.encode(), encode(a)) for a in told])
        return []

    def _follow_policies(self) -> None:
        """A batch is watched, and its alerts are judged, by the policies that were in force at its beginning."""
        if self._source.current is self._policies:
            return
        self._policies = self._source.current
        self._rules = WeighedRules(self._policies, detector_policy_of(self._settings))
        self._budget = budget_of(self._settings, self._policies)
        self._traffic.by(self._rules, self._budget)

    def _amend(self, connection: Connection, amendments: Sequence[Amendment], *, now: datetime) -> list[Alert]:
        """Write down what became of reported falls; an ended one is noted in its case. Returns the revisions."""
        if not amendments:
            return []
        known = detector_states.load_alerts(connection, {one.alert_id for one in amendments})
        revisions = []
        for amendment in amendments:
            alert = known.get(amendment.alert_id)
            if alert is None:  # too mild for its policy, so that nobody heard of it
                continue
            known[alert.alert_id] = revision = amended(alert, amendment, now=now)
            revisions.append(revision)
            if amendment.ended is not None:
                self._casebook.note(connection, alert.alert_id, note_of(alert, amendment), now=now)
        detector_states.amend_alerts(connection, revisions)
        return revisions

    def committed(self) -> None:
        """The cache is what the database holds."""
        if len(self._states) > _CACHED_KEYS:
            self._states.clear()
        self._traffic.committed()

    def rolled_back(self) -> None:
        """The cache is ahead of the database: drop it."""
        self._states.clear()
        self._meters.clear()
        self._traffic.rolled_back()

    def _watched(self, batch: Sequence[Received[Mention]]) -> dict[str, str]:
        """The states that the batch moves, with their kinds."""
        return dict(one for record in batch for one in watched_as(record.message, self._signals))

    def _read(
        self, connection: Connection, batch: Sequence[Received[Mention]], partitions: dict[int, list[Mention]]
    ) -> None:
        kinds = {key: kind for key, kind in self._watched(batch).items() if key not in self._states}
        meters = [key for key in map(_meter_key, partitions) if key not in self._meters]
        stored = detector_states.load(connection, [*kinds, *meters])
        for key, kind in kinds.items():
            self._states[key] = codec.from_bytes(stored[key], kind) if key in stored else KeyState(kind)
        for key in meters:
            self._meters[key] = Meter.from_bytes(stored[key]) if key in stored else Meter()


def open_detect(
    settings: Settings, engine: Engine, *, instance: str, partitions: int, source: PolicySource | None = None
) -> DatabaseSession[Mention]:
    """A session of the role; `partitions` is how many the mentions have, `source` where policies come from."""
    handler = DetectHandler(settings, partitions=partitions, source=source)
    return DatabaseSession(
        "detect", settings, engine, handler, topic="mentions", decode=decode_mention, instance=instance
    )


def _report(refused: Sequence[Mention], partition: int) -> None:
    if refused:
        first = refused[0]
        log.warning(
            "detect: partition %d: %d mentions passed over: event %s is dated %s, after now or far ahead of all before",
            partition,
            len(refused),
            first.event_id[:80],
            first.occurred_at.isoformat(),
        )


def _meter_key(partition: int) -> str:
    return f"meter:{partition}"
