"""Where imported events go: two verbs and a confirmation, so that a broker, a file and a test fit alike."""

from __future__ import annotations

import base64
from typing import BinaryIO, Protocol

import orjson

from vocengine.contracts import Feedback, Rejected, encode


class Sink(Protocol):
    """Takes events and refused rows.

    `flush` returns only when all that was handed over before is safe; what it raises stops the import, and
    everything since the last flush that returned is sent again at the next try.
    """

    def send(self, event: Feedback) -> None:
        """Take an event; it may stay in a buffer until `flush`."""

    def reject(self, raw: bytes, rejected: Rejected, row: int) -> None:
        """Take a row that was refused, as the file has it, for the dead letters."""

    def flush(self) -> None:
        """Return when everything taken is safe."""


class ListSink:
    """Keeps everything in memory, for tests and small imports."""

    def __init__(self) -> None:
        self.events: list[Feedback] = []
        self.rejected: list[tuple[bytes, Rejected, int]] = []
        self.flushes = 0

    def send(self, event: Feedback) -> None:
        """Keep an event."""
        self.events.append(event)

    def reject(self, raw: bytes, rejected: Rejected, row: int) -> None:
        """Keep a refused row."""
        self.rejected.append((raw, rejected, row))

    def flush(self) -> None:
        """Count the confirmation."""
        self.flushes += 1


class JsonLinesSink:
    """Writes events to one stream and refused rows to another, a JSON object a line, for dry runs and converting."""

    def __init__(self, events: BinaryIO, rejected: BinaryIO | None = None) -> None:
        self._events = events
        self._rejected = rejected

    def send(self, event: Feedback) -> None:
        """Write an event."""
        self._events.write(encode(event) + b"\n")

    def reject(self, raw: bytes, rejected: Rejected, row: int) -> None:
        """Write the row number, the reason and the raw row (base64), where a stream for it was given."""
        if self._rejected is not None:
            value = {
                "row": row,
                "code": rejected.code,
                "field": rejected.field,
                "message": rejected.message,
                "value_base64": base64.b64encode(raw).decode("ascii"),
            }
            self._rejected.write(orjson.dumps(value) + b"\n")

    def flush(self) -> None:
        """Hand both streams to the operating system."""
        self._events.flush()
        if self._rejected is not None:
            self._rejected.flush()
