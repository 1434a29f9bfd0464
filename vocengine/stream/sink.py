"""Where imported feedback goes: `voc.feedback`, and refused rows to the dead letters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from vocengine.contracts import Feedback, Rejected, encode
from vocengine.errors import BrokerUnavailable
from vocengine.settings import KafkaSettings
from vocengine.stream import clients
from vocengine.stream.enrich import dead_letter
from vocengine.stream.inbox import Received


class FeedbackSink:
    """A sink for `vocengine.intake`: events keyed by id; `flush` returns when the broker has all of them."""

    def __init__(self, settings: KafkaSettings, *, origin: str) -> None:
        self._settings = settings
        self._origin = origin
        self._producer = clients.producer(settings, client_id="import")
        self._pending: list[Any] = []

    def send(self, event: Feedback) -> None:
        """Take an event."""
        self._pending.append(
            self._producer.send(self._settings.topic("feedback"), encode(event), key=event.event_id.encode())
        )

    def reject(self, raw: bytes, rejected: Rejected, row: int) -> None:
        """Send a refused row to the dead letters; it is mended in the file, not replayed."""
        now = datetime.now(UTC)
        place = TopicPartition(self._origin, 0)
        letter = dead_letter("import", Received(place, row, None, raw, now, None), rejected, now=now)
        self._pending.append(
            self._producer.send(self._settings.topic("dead-letter"), encode(letter), key=rejected.code.encode())
        )

    def flush(self) -> None:
        """Wait until the broker has everything. Raises BrokerUnavailable where it does not."""
        pending, self._pending = self._pending, []
        try:
            self._producer.flush(timeout=60)
            for future in pending:
                future.get(timeout=60)
        except KafkaError as error:
            raise BrokerUnavailable(f"the broker did not take the events: {error}; run the import again") from error

    def close(self) -> None:
        """Close the connection."""
        self._producer.close(timeout=10)
