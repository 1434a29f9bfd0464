"""CSV as exports really write it: any usual delimiter, quoted newlines, BOM; a broken row costs one row."""

from __future__ import annotations

import csv
import gzip
import io
from collections import deque
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TextIO

from vocengine.contracts import Rejected
from vocengine.errors import SourceError
from vocengine.intake.mapping import CsvOptions
from vocengine.intake.rows import MAX_RECORD_CHARS, Reader, Row

_DELIMITERS = (",", ";", "\t", "|")
_SNIFFED_CHARS = 65_536
_SNIFFED_ROWS = 50
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class _TooLong(Exception):
    """A record grew over the limit: almost always a quote that is never closed."""


def open_csv(path: Path, options: CsvOptions) -> Reader:
    """A reader of a CSV file (`.gz` too) whose first record is the header.

    Raises SourceError where there is no header, or the file is UTF-16.
    """
    # The csv module's own limit is one for the whole process and lies below what a long chat needs.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD_CHARS))
    with _open(path, options) as stream:
        sample = stream.read(_SNIFFED_CHARS)
    if not sample.strip():
        raise SourceError(f"{path} is empty: a CSV file starts with a row of column names")
    delimiter = options.delimiter or sniff_delimiter(sample, quote=options.quote)
    with _open(path, options) as stream:
        lines = _Lines(stream)
        try:
            header = next(record for record in _csv(lines, options, delimiter) if record)
        except (StopIteration, csv.Error, _TooLong) as error:
            raise SourceError(f"{path}: the header cannot be read: {error}") from None
    columns = _column_names(header)

    def rows() -> Generator[Row, None, None]:
        with _open(path, options) as stream:
            yield from _rows(stream, columns, options, delimiter)

    return Reader("csv", columns, rows)


def sniff_delimiter(sample: str, *, quote: str = '"') -> str:
    """The delimiter under which the rows of a sample agree best with its header; a comma where none does."""
    best, best_score = ",", (0.0, 1)
    for delimiter in _DELIMITERS:
        try:
            lines = io.StringIO(sample, newline="")
            parsed = [row for row in csv.reader(lines, delimiter=delimiter, quotechar=quote) if row]
        except csv.Error:
            continue
        whole = len(sample) < _SNIFFED_CHARS
        header, body = parsed[0], parsed[1 : _SNIFFED_ROWS + 1] if whole else parsed[1:-1][:_SNIFFED_ROWS]
        if len(header) < 2:
            continue
        agreed = sum(len(row) == len(header) for row in body) / len(body) if body else 1.0
        score = (agreed, len(header))
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _open(path: Path, options: CsvOptions) -> TextIO:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
        if stream.read(2) in _UTF16_MARKS:
            raise SourceError(f"{path} is UTF-16; save it as UTF-8 (in spreadsheets: “CSV UTF-8”)")
    encoding = "utf-8-sig" if options.encoding == "utf-8" else options.encoding
    # Bytes that are not of the encoding travel as surrogates to the row that holds them, which is then refused.
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, errors="surrogateescape", newline="")
    return path.open(encoding=encoding, errors="surrogateescape", newline="")


class _Lines:
    """Lines for the csv module that remember what a record was made of and can take lines back."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._returned: deque[str] = deque()
        self.taken: list[str] = []
        self._chars = 0
        self.next_line = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else self._stream.readline(MAX_RECORD_CHARS + 1)
        if not line:
            raise StopIteration
        self.taken.append(line)
        self._chars += len(line)
        if self._chars > MAX_RECORD_CHARS:
            if not line.endswith(("\n", "\r")):
                self._drop_rest_of_line()
            raise _TooLong(f"the record is longer than {MAX_RECORD_CHARS} characters: is a quote never closed?")
        return line

    def _drop_rest_of_line(self) -> None:
        while (rest := self._stream.readline(65_536)) and not rest.endswith(("\n", "\r")):
            pass

    def start_record(self) -> tuple[int, list[str]]:
        """Forget the lines of the record just read; its first line's number, and its lines."""
        taken, first = self.taken, self.next_line
        self.taken, self._chars = [], 0
        self.next_line += len(taken)
        return first, taken

    def give_back(self, lines: list[str]) -> None:
        """Have these lines, the last ones taken, read again."""
        self._returned.extendleft(reversed(lines))
        self.next_line -= len(lines)


def _csv(lines: _Lines, options: CsvOptions, delimiter: str) -> Iterator[list[str]]:
    # Strict, so that a stray quote is a fault of its row and does not swallow its neighbours.
    return csv.reader(
        lines, delimiter=delimiter, quotechar=options.quote, escapechar=options.escape, doublequote=True, strict=True
    )


def _rows(stream: TextIO, columns: tuple[str, ...], options: CsvOptions, delimiter: str) -> Iterator[Row]:
    encoding = "utf-8" if options.encoding == "utf-8-sig" else options.encoding
    lines = _Lines(stream)
    records = _csv(lines, options, delimiter)
    number = 0
    seen_header = False
    while True:
        fault: Rejected | None = None
        values: list[str] = []
        try:
            values = next(records)
        except StopIteration:
            return
        except (csv.Error, _TooLong) as error:
            fault = Rejected("invalid_csv", f"the row is not CSV: {error}")
        first, taken = lines.start_record()
        if fault is not None and len(taken) > 1:
            # An opening quote without its end runs on over good rows: only the line it stands in is lost.
            lines.give_back(taken[1:])
            taken = taken[:1]
        if fault is not None:
            # A parser that met a fault may hold half a record.
            records = _csv(lines, options, delimiter)
        if not seen_header:
            seen_header = bool(values)
            continue
        if fault is None and not values:
            continue
        number += 1
        text = "".join(taken)
        try:
            raw = text.encode(encoding)
        except UnicodeEncodeError as error:
            raw = text.encode(encoding, "surrogateescape")
            found = ord(text[error.start]) & 0xFF
            message = f"the row has the byte 0x{found:02x}, which is not {encoding}: set csv.encoding"
            fault = Rejected("wrong_encoding", message)
        if fault is None and len(values) != len(columns):
            wanted = f"the row has {len(values)} fields, the header {len(columns)}"
            fault = Rejected("wrong_field_count", f"{wanted}: is a delimiter {delimiter!r} left unquoted?")
        if fault is not None:
            fault = Rejected(fault.code, f"line {first}: {fault.message}", fault.field)
            yield Row(number, {}, raw, first, fault)
        else:
            yield Row(number, dict(zip(columns, values, strict=True)), raw, first)


def _column_names(header: list[str]) -> tuple[str, ...]:
    """Names by which a mapping can call every column: nameless and repeated ones are told apart."""
    names: list[str] = []
    for position, written in enumerate(header, start=1):
        name = written.strip() or f"column_{position}"
        known, count = name, 1
        while name in names:
            count += 1
            name = f"{known} ({count})"
        names.append(name)
    return tuple(names)
