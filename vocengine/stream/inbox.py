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
from collections.abc import Callable, Mapping
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
_PATIENCE_MS = 150
_PATIENCE_ROUNDS = 4
_QUIET_S = 10.0
_MOST_BATCHES_WAITING = 8


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
        rounds = 0
        while (
            self._time_of
            and rounds < _PATIENCE_ROUNDS
            and any(self._waiting.values())
            and self._room()
            and self._behind()
        ):
            self._fetch(_PATIENCE_MS // _PATIENCE_ROUNDS)
            rounds += 1
        batch: list[Received[T]] = []
        while len(batch) < self._max_records:
            heads = [(queue[0][0], tp) for tp, queue in self._waiting.items() if queue]
            if not heads:
                break
            if len(heads) == 1:
                queue = self._waiting[heads[0][1]]
                while queue and len(batch) < self._max_records:
                    batch.append(queue.popleft()[1])
                break
            heads.sort()
            (_, first), (limit, _) = heads[0], heads[1]
            queue = self._waiting[first]
            while queue and queue[0][0] <= limit and len(batch) < self._max_records:
                batch.append(queue.popleft()[1])
        return batch

    def _fetch(self, timeout_ms: int) -> None:
        # Never by pausing partitions: the client can forget to go on with what it had fetched of a paused one.
        most = self._max_records if self._room() else 1
        fetched: dict[TopicPartition, list[Any]] = self._consumer.poll(timeout_ms, max_records=most)
        # Before looking at the rebalances: one that comes after it leaves this membership behind.
        membership = self._consumer.group_metadata()
        if self._rebalanced():
            return
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

    def _room(self) -> bool:
        """Whether more may wait here. What a take hands on is made up for by its first fetch; the rest is patience."""
        return sum(map(len, self._waiting.values())) < _MOST_BATCHES_WAITING * self._max_records

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

    def _behind(self) -> bool:
        """Whether a partition has records to come and none here."""
        with contextlib.suppress(*_NO_LONGER_MINE):
            for tp in set(self._consumer.assignment()):
                if not self._waiting.get(tp):
                    highwater = self._consumer.highwater(tp)
                    if highwater is not None and highwater > self._consumer.position(tp, timeout_ms=100):
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


_BEGINNING = datetime.min.replace(tzinfo=UTC)


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
