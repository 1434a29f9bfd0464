"""Open a file by its format: CSV, JSON Lines, a JSON array or Parquet, as a stream of rows."""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from pathlib import Path

from vocengine.errors import SourceError
from vocengine.intake.csv_reader import open_csv
from vocengine.intake.json_reader import open_json_array, open_json_lines
from vocengine.intake.mapping import CsvOptions
from vocengine.intake.parquet_reader import open_parquet
from vocengine.intake.rows import Reader, Row

__all__ = ["FORMATS", "Reader", "Row", "format_of", "open_reader"]

FORMATS = ("csv", "jsonl", "json", "parquet")
_READ_ERRORS = (OSError, EOFError, zlib.error)
_BY_SUFFIX = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def format_of(path: Path) -> str:
    """The format that a file's suffix says (`.gz` behind it is left out). Raises SourceError for any other."""
    name = path.with_suffix("") if path.suffix == ".gz" else path
    found = _BY_SUFFIX.get(name.suffix.lower())
    if found is None:
        raise SourceError(
            f"{path} has the suffix {name.suffix!r}, which names no format: rename it to one of "
            f"{', '.join(_BY_SUFFIX)}, or give the format: {', '.join(FORMATS)}"
        )
    return found


def open_reader(path: Path, *, format: str | None = None, csv: CsvOptions | None = None) -> Reader:
    """A reader of the file; `format` overrules the suffix. The rows are read as they are taken.

    Raises SourceError where the file is missing, empty, damaged or of an unknown format.
    """
    if not path.is_file():
        raise SourceError(f"{path} is {'a folder' if path.is_dir() else 'not there'}: a file is expected")
    kind = format or format_of(path)
    if kind not in FORMATS:
        raise SourceError(f"format is {kind!r}: it must be one of {', '.join(FORMATS)}")
    try:
        if kind == "csv":
            reader = open_csv(path, csv or CsvOptions())
        elif kind == "jsonl":
            reader = open_json_lines(path)
        else:
            reader = open_json_array(path) if kind == "json" else open_parquet(path)
    except _READ_ERRORS as error:
        raise SourceError(f"{path} cannot be read: {error}") from None
    return Reader(reader.format, reader.columns, lambda: _guarded(path, reader.rows()))


def _guarded(path: Path, rows: Iterator[Row]) -> Generator[Row, None, None]:
    """A disk or an archive that fails half-way is a fault of the source like any other."""
    number = 0
    try:
        for row in rows:
            number = row.number
            yield row
    except _READ_ERRORS as error:
        raise SourceError(f"{path} cannot be read on after row {number}: {error}") from None
