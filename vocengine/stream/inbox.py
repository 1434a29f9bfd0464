"""What a consumer has fetched and not yet handed on, served in order of event time over its partitions.

A member that catches up reads one partition far ahead of another; detectors want time order. So, as Kafka
Streams does, the partition whose next record is the oldest is served first, and one that has records still to
come is waited for a moment.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from kafka import (
    ConsumerGroupMetadata,
    ConsumerRebalanceListener,
    KafkaConsumer,
    OffsetAndMetadata,
    TopicPartition,
)
from kafka.errors import IllegalStateError

from vocengine.errors import TopicsMissing

log = logging.getLogger(__name__)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# How long a partition that lags but has nothing fetched yet holds up the others.
_PATIENCE_MS = 1_000
_PATIENCE_STEP_MS = 25
_QUIET_S = 10.0
# The client hands out all it fetched of one partition before the next, so there must be room for a piece of each
# (`clients.FETCH_BYTES`, compressed); some 3 KB a record when decoded.
_MOST_WAITING = 20_000
_POLLED_RECORDS = 1_000


@dataclass(frozen=True, slots=True)
class Received(Generic[T_co]):
    """A record with its decoded message, and where it stood."""

    partition: TopicPartition
    offset: int
    key: bytes | None
    value: bytes | None
    arrived_at: datetime
    message: T_co


class Inbox(Generic[T]):
    """Batches of decoded records from a subscribed consumer.

    `decode` turns bytes into a message and must not raise; `time_of` gives its event time, None where it has none
    (it is then served at once). Without `time_of` partitions are served as they come.

    After every rebalance all that was fetched is dropped and `place` says where to go on in each partition: what the
    client fetched before and after a rebalance cannot be told apart. `membership` is the one under which the last
    batch was fetched; a commit that carries it is refused once the group has moved on.
    """

    def __init__(
        self,
        consumer: KafkaConsumer,
        topic: str,
        *,
        decode: Callable[[bytes | None], T],
        place: Callable[[set[TopicPartition]], Mapping[TopicPartition, int]],
        time_of: Callable[[T], datetime | None] | None = None,
        max_records: int = 512,
    ) -> None:
        self._consumer = consumer
        self._decode = decode
        self._place = place
        self._time_of = time_of
        self._max_records = max_records
        self._waiting: dict[TopicPartition, deque[tuple[datetime, Received[T]]]] = {}
        self._quiet_since = time.monotonic()
        self.membership: ConsumerGroupMetadata = consumer.group_metadata()
        # Filled by the client's own thread, emptied by ours.
        self._rebalances: SimpleQueue[set[TopicPartition]] = SimpleQueue()
        consumer.subscribe([topic], listener=_Listener(self._rebalances))
        # A group leader that does not yet know the topic's partitions assigns none to anybody, and if the knowledge
        # comes while that assignment is on its way, nobody asks again until the metadata is refreshed.
        if not consumer.partitions_for_topic(topic):
            raise TopicsMissing(f"topic {topic} does not exist: run `vocengine streams apply`")

    def take(self, timeout_ms: int) -> list[Received[T]]:
        """Up to `max_records` records, oldest event time first; empty where none came within `timeout_ms`."""
        self._fetch(0 if any(self._waiting.values()) else timeout_ms)
        patience_ms = _PATIENCE_MS if self._time_of else 0
        while patience_ms > 0 and any(self._waiting.values()) and self._room() and self._behind():
            # The client hands on one partition's records after the other: only what brings nothing costs patience.
            if not self._fetch(_PATIENCE_STEP_MS):
                patience_ms -= _PATIENCE_STEP_MS
        batch: list[Received[T]] = []
        while len(batch) < self._max_records:
            heads = sorted((queue[0][0], tp) for tp, queue in self._waiting.items() if queue)
            if not heads:
                break
            first = heads[0][1]
            limit = heads[1][0] if len(heads) > 1 else _END
            queue = self._waiting[first]
            while queue and queue[0][0] <= limit and len(batch) < self._max_records:
                batch.append(queue.popleft()[1])
            if not queue and self._time_of and self._behind([first]):
                break  # what comes next of this partition may be older than what waits of the others
        return batch

    def _fetch(self, timeout_ms: int) -> bool:
        """Put what has come to what waits; returns whether anything has."""
        # Never by pausing partitions: the client can forget to go on with what it had fetched of a paused one.
        most = max(_POLLED_RECORDS, self._max_records) if self._room() else 1
        fetched: dict[TopicPartition, list[Any]] = self._consumer.poll(timeout_ms, max_records=most)
        # Before looking at the rebalances: one that comes after it leaves this membership behind.
        membership = self._consumer.group_metadata()
        if self._rebalanced():
            return False
        self.membership = membership
        self._note(idle=not fetched)
        for tp, records in fetched.items():
            queue = self._waiting.setdefault(tp, deque())
            latest = queue[-1][0] if queue else _BEGINNING
            for record in records:
                message = self._decode(record.value)
                # Within a partition the order stands: a record is never served before the one in front of it.
                if self._time_of:
                    latest = max(latest, self._time_of(message) or latest)
                arrived = datetime.fromtimestamp(record.timestamp / 1000, UTC)
                queue.append((latest, Received(tp, record.offset, record.key, record.value, arrived, message)))
        return bool(fetched)

    def _room(self) -> bool:
        """Whether more may wait here."""
        return sum(map(len, self._waiting.values())) < _MOST_WAITING

    def _note(self, *, idle: bool) -> None:
        """Where every partition stands, in the debug log, when nothing has come for a while."""
        now = time.monotonic()
        if not idle:
            self._quiet_since = now
        elif now - self._quiet_since > _QUIET_S and log.isEnabledFor(logging.DEBUG):
            self._quiet_since = now
            with contextlib.suppress(*_NO_LONGER_MINE):
                standing = {
                    tp.partition: (self._consumer.position(tp, timeout_ms=100), self._consumer.highwater(tp))
                    for tp in set(self._consumer.assignment())
                }
                log.debug("quiet: position and end by partition %s, %s", standing, self.membership)

    def _rebalanced(self) -> bool:
        """Whether the assignment changed since the last look; if so, go to where `place` says in each partition."""
        changed = False
        while not self._rebalances.empty():
            self._rebalances.get()
            changed = True
        if changed:
            self._waiting.clear()
            mine = set(self._consumer.assignment())
            for tp, offset in (self._place(mine) if mine else {}).items():
                with contextlib.suppress(*_NO_LONGER_MINE):
                    self._consumer.seek(tp, offset)
        return changed

    def _behind(self, partitions: Iterable[TopicPartition] | None = None) -> bool:
        """Whether one of `partitions` (all, where none are named) has records to come and none here."""
        with contextlib.suppress(*_NO_LONGER_MINE):
            for tp in partitions or set(self._consumer.assignment()):
                if not self._waiting.get(tp):
                    highwater = self._consumer.highwater(tp)
                    # Unknown until the first response of the partition has been read.
                    if highwater is None or highwater > self._consumer.position(tp, timeout_ms=100):
                        return True
        return False


def next_offsets(batch: list[Received[T]]) -> dict[TopicPartition, int]:
    """For each partition of `batch`, the offset after its last record."""
    following: dict[TopicPartition, int] = {}
    for record in batch:
        following[record.partition] = max(following.get(record.partition, 0), record.offset + 1)
    return following


def as_commit(following: dict[TopicPartition, int]) -> dict[TopicPartition, OffsetAndMetadata]:
    """The same in the form that Kafka commits."""
    return {tp: OffsetAndMetadata(offset, "", -1) for tp, offset in following.items()}


_BEGINNING, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


# A partition was taken away, by the client's own thread, between our asking and our acting: the rebalance that took
# it is seen at the next fetch.
_NO_LONGER_MINE = (KeyError, AssertionError, IllegalStateError)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Called on the client's own thread: it only takes note."""

    def __init__(self, rebalances: SimpleQueue[set[TopicPartition]]) -> None:
        self._rebalances = rebalances

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._rebalances.put(set(revoked))

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._rebalances.put(set(assigned))
