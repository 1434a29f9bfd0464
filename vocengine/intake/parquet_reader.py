"""Parquet by row groups and batches; only one batch is in memory."""

from __future__ import annotations

import base64
from collections.abc import Generator
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from vocengine.errors import SourceError
from vocengine.intake.rows import Reader, Row

_BATCH_ROWS = 1_000


def open_parquet(path: Path) -> Reader:
    """A reader of a Parquet file. Raises SourceError where the bytes are not Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} cannot be read as Parquet: {error}") from None
    # Python's times end at microseconds.
    plain = pa.schema([pa.field(f.name, _plain_type(pa, f.type)) for f in schema])

    def rows() -> Generator[Row, None, None]:
        number = 0
        with pq.ParquetFile(path) as file:
            try:
                for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                    table = pa.Table.from_batches([batch]).cast(plain, safe=False)
                    for record in table.to_pylist():
                        number += 1
                        yield Row(number, {name: _json_kind(value) for name, value in record.items()})
            except (pa.ArrowException, OSError) as error:
                raise SourceError(f"{path} is damaged after row {number}: {error}") from None

    return Reader("parquet", tuple(schema.names), rows)


def _plain_type(pa: Any, kind: Any) -> Any:
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", tz=kind.tz)
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _json_kind(value: Any) -> Any:
    """Types that JSON has, and dates and times, which the mapping reads."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return base64.b64encode(value).decode("ascii")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, time):
        return value.isoformat()
    if isinstance(value, list):
        return [_json_kind(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _json_kind(item) for key, item in value.items()}
    return value
