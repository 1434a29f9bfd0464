"""The outbox's way to Kafka: each message leaves exactly once.

One relay at a time, chosen by a lock in the database. What has left is marked in the same Kafka transaction as
the messages, as the committed offset of a group that nobody joins: `seq + 1`. A relay that dies between commit and
clean-up leaves rows behind that its successor knows to have left.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from kafka import ConsumerGroupMetadata, KafkaProducer, OffsetAndMetadata, TopicPartition

from vocengine.settings import Settings
from vocengine.store import outbox
from vocengine.store.engine import Connection, Engine, transaction
from vocengine.stream import clients

log = logging.getLogger(__name__)

_POLL = timedelta(milliseconds=200)
_NOT_MINE = timedelta(seconds=2)


class RelaySession:
    """Holds the relay lock, if it can be had, and sends what the outbox holds."""

    def __init__(self, settings: Settings, engine: Engine, stop: threading.Event) -> None:
        self._settings, self._engine, self._stop = settings, engine, stop
        self._lock_connection: Connection | None = None
        self._producer: KafkaProducer | None = None
        self._sent = 0
        self._cursor = TopicPartition(settings.kafka.topic("alerts"), 0)

    def step(self) -> int:
        """Send what is there; waits a moment where there is nothing, or where another relay is at work."""
        if self._producer is None and not self._become_relay():
            self._stop.wait(_NOT_MINE.total_seconds())
            return 0
        assert self._producer is not None and self._lock_connection is not None
        with transaction(self._engine) as connection:
            waiting = outbox.after(connection, self._sent)
        if not waiting:
            self._stop.wait(_POLL.total_seconds())
            return 0
        self._producer.begin_transaction()
        try:
            for message in waiting:
                self._producer.send(message.topic, message.value, key=message.key)
            self._producer.send_offsets_to_transaction(
                {self._cursor: OffsetAndMetadata(waiting[-1].seq + 1, "", -1)}, self._group
            )
            self._producer.commit_transaction()
        except BaseException:
            self._close_producer()
            raise
        self._sent = waiting[-1].seq
        with transaction(self._engine) as connection:
            outbox.forget(connection, self._sent)
        return len(waiting)

    def close(self) -> None:
        """Let another relay take over."""
        self._close_producer()
        if self._lock_connection is not None:
            self._lock_connection.invalidate()  # closes the session for good, and with it the lock
            self._lock_connection.close()
            self._lock_connection = None

    def _become_relay(self) -> bool:
        with transaction(self._engine) as connection:
            installation = outbox.installation_id(connection)
        connection = self._engine.connect()
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        if not outbox.try_relay_lock(connection):
            connection.close()
            return False
        self._lock_connection = connection
        name = f"{self._settings.kafka.group('relay')}.{installation}"
        # The same transactional id for every relay of this installation: a predecessor that still lives is fenced.
        self._producer = clients.producer(self._settings.kafka, client_id="relay", transactional_id=name)
        self._group = ConsumerGroupMetadata(group_id=name)
        reader = clients.consumer(self._settings.kafka, group=name, client_id="relay-cursor")
        try:
            self._sent = (reader.committed(self._cursor) or 1) - 1
        finally:
            reader.close(autocommit=False)
        log.info("relay: at work from %d", self._sent)
        return True

    def _close_producer(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            producer.close(timeout=2)
