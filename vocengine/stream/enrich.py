"""enrich: feedback → enriched, mentions and dead letters, with the consumed offsets, in one Kafka transaction."""

from __future__ import annotations

import base64
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from vocengine.contracts import DeadLetter, Enriched, Feedback, Rejected, decode_feedback, encode
from vocengine.settings import Settings
from vocengine.stream import clients
from vocengine.stream.inbox import Inbox, Received, as_commit, next_offsets
from vocengine.stream.splitting import in_parts
from vocengine.trends.mentions import Monitored, mentions_of

log = logging.getLogger(__name__)

Pipeline = Callable[[Sequence[Feedback], Sequence[datetime]], list[Enriched]]
_Record = Received[Feedback | Rejected]


# What the topics take (`max.message.bytes`); checked here, where one record can still be told from the others.
MAX_MESSAGE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """A message to publish; `topic` without its prefix."""

    topic: str
    key: bytes
    value: bytes


def understand(batch: Sequence[_Record], pipeline: Pipeline, monitored: Monitored, *, now: datetime) -> list[Message]:
    """A batch of records → the messages to publish. Pure but for the models inside `pipeline`.

    A record that the contract refuses becomes a dead letter; so does one on which the pipeline fails, found by
    splitting the batch, while the rest goes on.
    """
    letters: list[DeadLetter] = []
    good: list[tuple[_Record, Feedback]] = []
    for record in batch:
        if isinstance(record.message, Rejected):
            letters.append(dead_letter("enrich", record, record.message, now=now))
        else:
            good.append((record, record.message))

    messages: list[Message] = []

    def work(part: Sequence[tuple[_Record, Feedback]]) -> None:
        enriched = pipeline([event for _, event in part], [record.arrived_at for record, _ in part])
        messages.extend([message for event in enriched for message in _messages(event, monitored)])

    def dead(item: tuple[_Record, Feedback], error: Exception) -> None:
        record, event = item
        log.error("record %s@%d could not be processed", record.partition, record.offset, exc_info=error)
        reason = Rejected("processing_failed", f"event {event.event_id!r} made the pipeline fail: {error!r:.300}")
        letters.append(dead_letter("enrich", record, reason, now=now))

    in_parts(good, work, dead)
    return messages + [Message("dead-letter", letter.code.encode(), encode(letter)) for letter in letters]


def _messages(event: Enriched, monitored: Monitored) -> list[Message]:
    value = encode(event)
    if len(value) > MAX_MESSAGE_BYTES:
        raise ValueError(f"the enriched event has {len(value)} bytes; {MAX_MESSAGE_BYTES} are the most")
    return [Message("enriched", event.event_id.encode(), value)] + [
        Message("mentions", mention.key.encode(), encode(mention)) for mention in mentions_of(event, monitored)
    ]


def dead_letter(role: str, record: Received[object], why: Rejected, *, now: datetime) -> DeadLetter:
    """The dead letter of a record, with its raw bytes."""
    return DeadLetter(
        role=role,
        code=why.code,
        message=why.message,
        field=why.field,
        topic=record.partition.topic,
        partition=record.partition.partition,
        offset=record.offset,
        key_base64=_base64(record.key),
        value_base64=_base64(record.value),
        failed_at=now,
    )


class EnrichSession:
    """One membership of the enrich group: *poll → understand → one transaction*."""

    def __init__(self, settings: Settings, pipeline: Pipeline, *, instance: str) -> None:
        kafka = settings.kafka
        self._settings = settings
        self._pipeline = pipeline
        self._monitored = Monitored(**settings.monitor.model_dump())
        # One transactional id a member: a successor with the same instance name ends an unfinished transaction.
        self._producer: KafkaProducer = clients.producer(
            kafka, client_id=f"enrich-{instance}", transactional_id=f"{kafka.group('enrich')}.{instance}"
        )
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self._producer.close, timeout=0)
            self._consumer: KafkaConsumer = clients.consumer(
                kafka, group=kafka.group("enrich"), client_id=f"enrich-{instance}"
            )
            on_failure.callback(self._consumer.close, autocommit=False)
            self._inbox: Inbox[Feedback | Rejected] = Inbox(
                self._consumer,
                kafka.topic("feedback"),
                decode=decode_feedback,
                place=self._committed,
                time_of=lambda message: message.occurred_at if isinstance(message, Feedback) else None,
                max_records=settings.stream.batch_max_records,
            )
            on_failure.pop_all()

    def step(self) -> int:
        """One batch. Raises KafkaError where the transaction could not be committed; nothing of it is visible then."""
        batch = self._inbox.take(self._settings.stream.poll_timeout_ms)
        if not batch:
            return 0
        messages = understand(batch, self._pipeline, self._monitored, now=datetime.now(UTC))
        self._producer.begin_transaction()
        try:
            for message in messages:
                self._producer.send(self._settings.kafka.topic(message.topic), message.value, key=message.key)
            # The membership under which the batch was fetched: a member that has lost its partitions since is refused.
            self._producer.send_offsets_to_transaction(as_commit(next_offsets(batch)), self._inbox.membership)
            self._producer.commit_transaction()
        except BaseException:
            self._abort()
            raise
        return len(batch)

    def close(self) -> None:
        """Leave the group at once."""
        self._consumer.close(autocommit=False)
        self._producer.close(timeout=5)

    def _committed(self, partitions: set[TopicPartition]) -> dict[TopicPartition, int]:
        """Where the group stands; waits for a transaction of a former owner that is still open."""
        starts: dict[TopicPartition, int] = self._consumer.beginning_offsets(list(partitions))
        wait_ms = 2 * self._settings.kafka.transaction_timeout_ms
        return {tp: self._consumer.committed(tp, timeout_ms=wait_ms) or starts[tp] for tp in partitions}

    def _abort(self) -> None:
        try:
            self._producer.abort_transaction()
        except Exception as error:  # fenced or unreachable: the broker ends the transaction itself
            log.debug("abort failed: %s", error)


def _base64(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode("ascii")
