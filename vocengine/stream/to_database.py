"""Kafka → PostgreSQL: rows and the consumed offsets in one database transaction, for the roles store and detect."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

from kafka import KafkaConsumer, TopicPartition

from vocengine.contracts import Rejected, encode
from vocengine.settings import Settings
from vocengine.store import outbox, positions
from vocengine.store.engine import Connection, Engine, transaction
from vocengine.stream import clients
from vocengine.stream.enrich import dead_letter
from vocengine.stream.inbox import Inbox, Received, as_commit
from vocengine.stream.splitting import in_parts

log = logging.getLogger(__name__)

M = TypeVar("M")


class Handler(Protocol[M]):
    """What a role does with a batch, inside the caller's transaction."""

    def handle(self, connection: Connection, batch: Sequence[Received[M]]) -> list[tuple[Received[M], Rejected]]:
        """Write the batch; returns records to dead-letter although nothing failed (an id with other content)."""

    def committed(self) -> None:
        """The transaction of the last `handle` is in."""

    def rolled_back(self) -> None:
        """It is not; whatever was remembered of it is wrong."""


class DatabaseSession(Generic[M]):
    """One membership of a group whose position lives in the database: *poll → handle → one transaction*.

    The position moves only from where this member left it, so a member that lost its partition without knowing
    cannot write (StaleMember). Kafka gets the offsets too, afterwards, for the tools that show lag.
    """

    def __init__(
        self,
        role: str,
        settings: Settings,
        engine: Engine,
        handler: Handler[M],
        *,
        topic: str,
        decode: Callable[[bytes | None], M | Rejected],
        instance: str,
    ) -> None:
        kafka = settings.kafka
        self._role, self._settings, self._engine, self._handler = role, settings, engine, handler
        self._group = kafka.group(role)
        self._positions: dict[TopicPartition, int] = {}
        handler.rolled_back()
        self._consumer: KafkaConsumer = clients.consumer(kafka, group=self._group, client_id=f"{role}-{instance}")
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self._consumer.close, autocommit=False)
            self._inbox: Inbox[M | Rejected] = Inbox(
                self._consumer,
                kafka.topic(topic),
                decode=decode,
                place=self._stored,
                max_records=settings.stream.batch_max_records,
            )
            on_failure.pop_all()

    def step(self) -> int:
        """One batch. Raises StoreUnavailable or StaleMember; nothing of the batch is written then."""
        batch = self._inbox.take(self._settings.stream.poll_timeout_ms)
        if not batch:
            return 0
        self._write(batch)
        self._consumer.commit_async(as_commit({tp: self._positions[tp] for tp in {r.partition for r in batch}}))
        return len(batch)

    def close(self) -> None:
        """Leave the group at once."""
        self._consumer.close(autocommit=False)

    def _write(self, batch: Sequence[Received[M | Rejected]]) -> None:
        """The batch in one transaction; where a record makes it fail, in as few as isolate that record."""

        def dead(record: Received[M | Rejected], error: Exception) -> None:
            log.error("record %s@%d could not be written", record.partition, record.offset, exc_info=error)
            reason = Rejected("processing_failed", f"the record could not be written: {_short(error)}")
            self._transact([], [(record, reason)])

        in_parts(batch, lambda part: self._transact(part, []), dead)

    def _transact(self, part: Sequence[Received[M | Rejected]], refused: list[tuple[Received[Any], Rejected]]) -> None:
        good: list[Received[M]] = []
        for record in part:
            if isinstance(record.message, Rejected):
                refused.append((record, record.message))
            else:
                good.append(record)  # type: ignore[arg-type]
        following = {record.partition: record.offset + 1 for record in (*part, *(record for record, _ in refused))}
        try:
            with transaction(self._engine) as connection:
                moves = [(tp.topic, tp.partition, self._positions[tp], after) for tp, after in following.items()]
                positions.advance(connection, self._group, moves)
                if good:
                    refused += self._handler.handle(connection, good)
                outbox.put(connection, self._letters(refused))
        except BaseException:
            self._handler.rolled_back()
            raise
        self._handler.committed()
        self._positions.update(following)

    def _letters(self, refused: Sequence[tuple[Received[Any], Rejected]]) -> list[tuple[str, bytes | None, bytes]]:
        topic, now = self._settings.kafka.topic("dead-letter"), datetime.now(UTC)
        return [
            (topic, why.code.encode(), encode(dead_letter(self._role, record, why, now=now))) for record, why in refused
        ]

    def _stored(self, assigned: set[TopicPartition]) -> dict[TopicPartition, int]:
        """Where each partition stands in the database."""
        starts: Mapping[TopicPartition, int] = self._consumer.beginning_offsets(list(assigned))
        ends: Mapping[TopicPartition, int] = self._consumer.end_offsets(list(assigned))
        with transaction(self._engine) as connection:
            stored = positions.load(
                connection, self._group, {(tp.topic, tp.partition): offset for tp, offset in starts.items()}
            )
            for tp in assigned:
                position = stored[tp.topic, tp.partition]
                if position > ends[tp]:
                    # The topic is not the one that the position belongs to. What was stored stays stored: event
                    # ids are idempotent, so reading it all is safe and skipping it would lose events.
                    log.error(
                        "%s: %s ends at %d, before the stored position %d: the topic was made anew; reading it "
                        "from its beginning",
                        self._role,
                        tp,
                        ends[tp],
                        position,
                    )
                    position = starts[tp]
                    positions.reset(connection, self._group, tp.topic, tp.partition, position)
                elif position < starts[tp]:
                    # Retention deleted what was never read; say so instead of waiting for it for ever.
                    log.error("%s: %s lost offsets %d to %d by retention", self._role, tp, position, starts[tp])
                self._positions[tp] = position
        # Another member may have moved these keys meanwhile.
        self._handler.rolled_back()
        return {tp: self._positions[tp] for tp in assigned}


def _short(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:300] if text else ''}"
