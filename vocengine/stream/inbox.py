"""What a consumer has fetched and not yet handed on, served in order of event time over its partitions.

A member that catches up reads one partition far ahead of another; detectors want time order. So, as Kafka
Streams does, the partition whose next record is the oldest is served first, and one that has records still to
come is waited for a moment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition

from vocengine.errors import TopicsMissing

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# How long a partition that lags but has nothing fetched yet holds up the others.
_PATIENCE_MS = 150
_PATIENCE_ROUNDS = 4


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
    (it is then served at once). Without `time_of` partitions are served as they come. What a revoked partition had
    left here is dropped: its new owner fetches it.
    """

    def __init__(
        self,
        consumer: KafkaConsumer,
        topic: str,
        *,
        decode: Callable[[bytes | None], T],
        time_of: Callable[[T], datetime | None] | None = None,
        max_records: int = 512,
    ) -> None:
        self._consumer = consumer
        self._decode = decode
        self._time_of = time_of
        self._max_records = max_records
        self._waiting: dict[TopicPartition, deque[tuple[datetime, Received[T]]]] = {}
        self.newly_assigned: set[TopicPartition] = set()
        consumer.subscribe([topic], listener=_Listener(self))
        # A group leader that does not yet know the topic's partitions assigns none to anybody, and if the knowledge
        # comes while that assignment is on its way, nobody asks again until the metadata is refreshed.
        if not consumer.partitions_for_topic(topic):
            raise TopicsMissing(f"topic {topic} does not exist: run `vocengine streams apply`")

    def take(self, timeout_ms: int) -> list[Received[T]]:
        """Up to `max_records` records, oldest event time first; empty where none came within `timeout_ms`."""
        self._fetch(0 if any(self._waiting.values()) else timeout_ms)
        rounds = 0
        while self._time_of and self._behind() and rounds < _PATIENCE_ROUNDS and any(self._waiting.values()):
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

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go on from `offset`; what was fetched of the partition is dropped."""
        self._waiting.pop(partition, None)
        self._consumer.seek(partition, offset)

    def _fetch(self, timeout_ms: int) -> None:
        full = [tp for tp, queue in self._waiting.items() if len(queue) >= 2 * self._max_records]
        if full:
            self._consumer.pause(*full)
        try:
            fetched: dict[TopicPartition, list[Any]] = self._consumer.poll(timeout_ms, max_records=self._max_records)
        finally:
            still = [tp for tp in full if tp in self._consumer.assignment()]
            if still:
                self._consumer.resume(*still)
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

    def _behind(self) -> bool:
        """Whether a partition has records to come and none here."""
        for tp in self._consumer.assignment():
            if not self._waiting.get(tp):
                highwater = self._consumer.highwater(tp)
                if highwater is not None and highwater > self._consumer.position(tp):
                    return True
        return False

    def revoked(self, partitions: set[TopicPartition]) -> None:
        """Called on a rebalance."""
        for tp in partitions:
            self._waiting.pop(tp, None)
        self.newly_assigned -= partitions

    def assigned(self, partitions: set[TopicPartition]) -> None:
        """Called on a rebalance."""
        self.newly_assigned |= partitions


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


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, inbox: Inbox[Any]) -> None:
        self._inbox = inbox

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._inbox.revoked(set(revoked))

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._inbox.assigned(set(assigned))
