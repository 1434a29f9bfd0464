"""What could not be processed, kept with everything needed to mend and replay it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a record was refused: a value that flows on, not an exception.

    `code` is stable and for machines (`invalid_json`, `invalid_field`, …); `message` names the field, the value
    received and what would be right.
    """

    code: str
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused record on `voc.dead-letter`: the raw bytes (base64) and where they stood."""

    role: str
    code: str
    message: str
    field: str | None
    topic: str
    partition: int
    offset: int
    key_base64: str | None
    value_base64: str | None
    failed_at: datetime
    schema_version: int = 1
