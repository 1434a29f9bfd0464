"""One record of a file, with what is needed to name it, refuse it and replay it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import orjson

from vocengine.contracts import Rejected

# Longer than any text that the contract takes, short enough that a lost quote cannot fill the memory.
MAX_RECORD_CHARS = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """Record `number` (from 1, counting broken ones); `line` is where it starts in a text file (from 1).

    `fault` says why a row could not be read; its `record` is then empty.
    """

    number: int
    record: dict[str, Any] = field(default_factory=dict)
    raw_bytes: bytes | None = None
    line: int | None = None
    fault: Rejected | None = None

    def raw(self) -> bytes:
        """The row as the file has it; of a binary format, as JSON."""
        if self.raw_bytes is not None:
            return self.raw_bytes
        return orjson.dumps(self.record, default=str)


@dataclass(frozen=True, slots=True)
class Reader:
    """An open file: its format, its columns (None for JSON, which has none) and its rows, read as they are taken."""

    format: str
    columns: tuple[str, ...] | None
    rows: Callable[[], Generator[Row, None, None]]
