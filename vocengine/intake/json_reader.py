"""JSON Lines and JSON arrays, one record in memory at a time."""

from __future__ import annotations

import gzip
import json
from collections.abc import Generator, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, TextIO

import orjson

from vocengine.contracts import Rejected
from vocengine.errors import SourceError
from vocengine.intake.rows import MAX_RECORD_CHARS, Reader, Row

_BOM = b"\xef\xbb\xbf"
_CHUNK_CHARS = 1 << 18
_SPACE = " \t\r\n"
_MAX_RECORD_BYTES = 4 * MAX_RECORD_CHARS


def open_json_lines(path: Path) -> Reader:
    """A reader of JSON Lines (`.gz` too): one object a line, blank lines left out."""

    def rows() -> Generator[Row, None, None]:
        with _open_bytes(path) as stream:
            yield from _line_rows(stream)

    return Reader("jsonl", None, rows)


def open_json_array(path: Path) -> Reader:
    """A reader of one JSON array of objects (`.gz` too). Raises SourceError where the file holds anything else.

    Its rows raise SourceError where the array breaks off: what follows a fault between records has no edges.
    """
    with _open_text(path) as stream:
        start = stream.read(_CHUNK_CHARS).lstrip(_SPACE)[:1]
    if start != "[":
        found = {"{": "an object", "": "nothing"}.get(start, f"{start!r}")
        hint = "; if it has one object a line, its format is jsonl" if start == "{" else ""
        raise SourceError(f"{path} starts with {found}: a JSON array of records is expected{hint}")

    def rows() -> Generator[Row, None, None]:
        with _open_text(path) as stream:
            yield from _array_rows(stream, path)

    return Reader("json", None, rows)


def _open_bytes(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _open_text(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _line_rows(stream: gzip.GzipFile | BufferedReader) -> Iterator[Row]:
    number = line = 0
    while raw := stream.readline(_MAX_RECORD_BYTES + 1):
        line += 1
        too_long = len(raw) > _MAX_RECORD_BYTES
        if too_long:
            while (rest := stream.readline(1 << 20)) and not rest.endswith(b"\n"):
                pass
        raw = raw.removeprefix(_BOM).strip() if line == 1 else raw.strip()
        if not raw:
            continue
        number += 1
        if too_long:
            fault: Any = Rejected("record_too_long", f"line {line}: longer than {_MAX_RECORD_BYTES} bytes")
        else:
            fault = _parse(raw, line)
        if isinstance(fault, Rejected):
            yield Row(number, {}, raw, line, fault)
        else:
            yield Row(number, fault, raw, line)


def _parse(raw: bytes, line: int) -> dict[str, Any] | Rejected:
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        try:
            # Lone surrogates ("\ud83d") are JSON to the standard parser only; the contract mends them.
            record = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
        except UnicodeDecodeError as fault:
            found = raw[fault.start]
            return Rejected("not_utf8", f"line {line}: byte {fault.start} (0x{found:02x}) is not UTF-8")
        except (ValueError, RecursionError):
            return Rejected("invalid_json", f"line {line}: not valid JSON: {error}")
    if not isinstance(record, dict):
        return Rejected("invalid_json", f"line {line}: a JSON {type(record).__name__}; an object is expected")
    return record


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _array_rows(stream: TextIO, path: Path) -> Iterator[Row]:
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    window = _Window(stream)
    window.skip_space()
    window.place += 1  # the opening bracket, seen when the file was opened
    number = 0
    while True:
        mark = window.skip_space()
        if mark == "]":
            return
        if number:
            if mark != ",":
                raise _broken(path, number, window, f"{mark!r} where a comma or ] is expected" if mark else "it ends")
            window.place += 1
            if window.skip_space() == "]":
                return  # a comma after the last record: common, and nothing is lost by it
        number += 1
        record, raw = _next_value(decoder, window, path, number)
        try:
            raw_bytes = raw.encode("utf-8")
        except UnicodeEncodeError:
            fault = Rejected("not_utf8", f"record {number}: has bytes that are not UTF-8")
            yield Row(number, {}, raw.encode("utf-8", "surrogateescape"), None, fault)
            continue
        if isinstance(record, dict):
            yield Row(number, record, raw_bytes)
        else:
            message = f"record {number}: a JSON {type(record).__name__}; an object is expected"
            yield Row(number, {}, raw_bytes, None, Rejected("invalid_json", message))


def _next_value(decoder: json.JSONDecoder, window: _Window, path: Path, number: int) -> tuple[Any, str]:
    while True:
        try:
            value, end = decoder.raw_decode(window.text, window.place)
        except (ValueError, RecursionError) as error:
            # Cut off by the window's edge, or wrong: only more text can tell.
            if len(window.text) - window.place > _MAX_RECORD_BYTES or not window.more():
                raise _broken(path, number - 1, window, str(error)) from None
            continue
        # A number at the edge may go on behind it, and "." or "e+" before the edge may belong to it.
        if end + 2 >= len(window.text) and not isinstance(value, dict | list | str) and window.more():
            continue
        raw = window.text[window.place : end]
        window.place = end
        return value, raw


def _broken(path: Path, rows: int, window: _Window, why: str) -> SourceError:
    return SourceError(
        f"{path} breaks off after record {rows}, near character {window.dropped + window.place}: {why}; "
        "the records before it were read"
    )


class _Window:
    """The part of a file that is being parsed: text behind `place` is dropped as the window moves on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.text = ""
        self.place = 0
        self.dropped = 0

    def more(self) -> bool:
        """Read on, by at least as much as is there (so that a long record costs linear time).

        False at the end of the file; the window is then as it was.
        """
        read = self._stream.read(max(_CHUNK_CHARS, len(self.text) - self.place))
        if not read:
            return False
        self.dropped += self.place
        self.text = self.text[self.place :] + read
        self.place = 0
        return True

    def skip_space(self) -> str:
        """Go to the next mark and say which it is; empty at the end of the file."""
        while True:
            while self.place < len(self.text) and self.text[self.place] in _SPACE:
                self.place += 1
            if self.place < len(self.text):
                return self.text[self.place]
            if not self.more():
                return ""
