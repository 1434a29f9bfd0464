"""vocengine topics export: the topics as a file for other tools."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vocengine.cli.registry import transaction

if TYPE_CHECKING:
    from vocengine.store.exports import Exported

_FORMATS = ("csv", "json", "parquet")
# What a spreadsheet would take for a formula, in words that came from outside.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@click.command()
@click.option("--format", "format_", type=click.Choice(_FORMATS), help="By the name of --to otherwise, else json.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), help="File to write; the terminal otherwise.")
@click.option("--with-trends", is_flag=True, help="Mentions and sentiment of each day too.")
@click.pass_context
def export(ctx: click.Context, format_: str | None, to: Path | None, with_trends: bool) -> None:
    """Write all topics with names, parents, lineage, thresholds and examples."""
    from vocengine.store import registry
    from vocengine.store.exports import exported_topics

    if format_ is None:
        suffix = to.suffix.removeprefix(".").lower() if to else ""
        format_ = suffix if suffix in _FORMATS else "json"
    if format_ == "parquet" and to is None:
        raise click.UsageError("parquet is not for the terminal: name a file with --to")
    with transaction(ctx) as connection:
        version, topics = registry.newest_version(connection), exported_topics(connection, with_trends=with_trends)
    content = {"csv": _csv, "json": _json, "parquet": _parquet}[format_](version, topics, with_trends)
    if to is None:
        click.echo(content.decode(), nl=False)
        return
    try:
        to.write_bytes(content)
    except OSError as error:
        raise click.FileError(str(to), error.strerror or str(error)) from None
    click.echo(f"{len(topics)} topics of registry version {version} are in {to}", err=True)


def _rows(topics: list[Exported], with_trends: bool) -> list[dict[str, Any]]:
    rows = [asdict(topic) for topic in topics]
    if not with_trends:
        for row in rows:
            del row["days"]
    return rows


def _json(version: int | None, topics: list[Exported], with_trends: bool) -> bytes:
    import orjson

    return orjson.dumps({"version": version, "topics": _rows(topics, with_trends)}, option=orjson.OPT_APPEND_NEWLINE)


def _csv(version: int | None, topics: list[Exported], with_trends: bool) -> bytes:
    """One row a topic; cells that hold several things are JSON."""
    import orjson

    stream = io.StringIO()
    rows = _rows(topics, with_trends)
    writer = csv.DictWriter(stream, list(rows[0]) if rows else ["topic_id"])
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {
                name: orjson.dumps(value).decode() if isinstance(value, list | tuple) else _harmless(value)
                for name, value in row.items()
            }
        )
    return stream.getvalue().encode()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _parquet(version: int | None, topics: list[Exported], with_trends: bool) -> bytes:
    import orjson
    import pyarrow as pa
    import pyarrow.parquet as pq

    happened = pa.struct(
        [
            ("version", pa.int32()),
            ("topic_id", pa.int32()),
            ("kind", pa.string()),
            ("other_topic_id", pa.int32()),
            ("made_by", pa.string()),
            ("made_at", pa.timestamp("us", "UTC")),
            ("evidence", pa.string()),
        ]
    )
    day = pa.struct(
        [
            ("day", pa.date32()),
            ("mentions", pa.int64()),
            ("negative", pa.int64()),
            ("positive", pa.int64()),
            ("sentiment", pa.float64()),
        ]
    )
    fields = [
        ("topic_id", pa.int32()),
        ("origin", pa.string()),
        ("label", pa.string()),
        ("name", pa.string()),
        ("description", pa.string()),
        ("pinned", pa.bool_()),
        ("merged_into", pa.int32()),
        ("split_off", pa.int32()),
        ("born_version", pa.int32()),
        ("retired_version", pa.int32()),
        ("threshold", pa.float64()),
        ("size", pa.int32()),
        ("keywords", pa.list_(pa.string())),
        ("examples", pa.list_(pa.string())),
        ("lineage", pa.list_(happened)),
    ]
    schema = pa.schema(fields + [("days", pa.list_(day))] * with_trends, {"registry_version": str(version)})
    rows = _rows(topics, with_trends)
    for row in rows:
        # Evidence has keys of its own for each kind, which no column type knows.
        row["lineage"] = [line | {"evidence": orjson.dumps(line["evidence"]).decode()} for line in row["lineage"]]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema), sink)
    return sink.getvalue()
