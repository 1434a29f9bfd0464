"""Where a page of verbatims ends: a place in (time, id) order, as a short word for the address."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime

from vocengine.errors import InputError


class CursorError(InputError):
    """A `before` parameter that no page ever gave out."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Strictly older than (at, row_id), newest first. Stays true while new rows arrive."""

    at: datetime
    row_id: str


def encode_cursor(cursor: Cursor) -> str:
    """The cursor as URL-safe text; the inverse of `decode_cursor`."""
    text = f"{cursor.at.astimezone(UTC).isoformat()} {cursor.row_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(word: str) -> Cursor:
    """The cursor that `encode_cursor` made. Raises CursorError for any other text."""
    try:
        text = base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)).decode()
        at_text, row_id = text.split(" ", 1)
        at = datetime.fromisoformat(at_text)
    except (ValueError, binascii.Error, UnicodeError):
        raise CursorError(f"before is {word[:40]!r}; give the value of next_before from the page before") from None
    if at.tzinfo is None or "\x00" in row_id:
        raise CursorError(f"before is {word[:40]!r}; give the value of next_before from the page before")
    return Cursor(at, row_id)
