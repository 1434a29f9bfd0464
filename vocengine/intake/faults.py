"""How a value that cannot be used is told within a record's translation; it never leaves the package."""

from __future__ import annotations

from vocengine.contracts import Rejected

_SHOWN_VALUE_CHARS = 80


class RowFault(Exception):
    """Carries why a record is refused up to the translator, which returns it as a value."""

    def __init__(self, message: str, *, field: str | None, code: str = "invalid_field") -> None:
        super().__init__(message)
        self.rejected = Rejected(code, message, field)


def shown(value: object) -> str:
    """A value as messages show it, cut to a length that fits a line."""
    text = repr(value)
    return text if len(text) <= _SHOWN_VALUE_CHARS else f"{text[:_SHOWN_VALUE_CHARS]}… ({len(text)} characters)"
