"""vocengine import FILE --mapping NAME."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import click

from vocengine.cli.context import settings_of


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--mapping", "mapping_name", required=True, help="A name in configs/sources/ or a YAML file.")
@click.option(
    "--format", "file_format", type=click.Choice(["csv", "jsonl", "json", "parquet"]), help="If the suffix misleads."
)
@click.option("--limit", type=click.IntRange(min=1), help="At most so many rows.")
@click.option(
    "--speed", type=float, help="Replay at so many seconds of event time a second; as fast as possible otherwise."
)
@click.option("--dry-run", is_flag=True, help="Write the events to standard output instead of the stream.")
@click.pass_context
def import_command(
    ctx: click.Context,
    file: Path,
    mapping_name: str,
    file_format: str | None,
    limit: int | None,
    speed: float | None,
    dry_run: bool,
) -> None:
    """Send a FILE of feedback (CSV, JSON Lines, JSON, Parquet) into the stream; goes on where it was interrupted."""
    settings = settings_of(ctx)
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from vocengine.intake import ImportReport, JsonLinesSink, import_file, load_mapping

    mapping = load_mapping(mapping_name)
    if dry_run:
        report = import_file(file, mapping, sink=JsonLinesSink(sys.stdout.buffer), format=file_format, limit=limit)
        _summary(Console(stderr=True), report)
        return
    from vocengine.stream.sink import FeedbackSink

    console = Console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rejected]} rejected"),
    )
    with (
        closing(FeedbackSink(settings.kafka, origin=f"file:{file.name}")) as sink,
        Progress(*columns, TimeElapsedColumn(), console=console) as bar,
    ):
        task = bar.add_task(f"importing {file.name}", total=None, rejected=0)

        def show(report: ImportReport) -> None:
            bar.update(task, completed=report.read, rejected=report.rejected)

        report = import_file(
            file,
            mapping,
            sink=sink,
            format=file_format,
            limit=limit,
            speed=speed,
            progress=show,
            resume_from=settings.data_dir / "imports",
        )
        bar.update(task, total=report.read, completed=report.read)
    _summary(console, report)


def _summary(console: object, report: object) -> None:
    from rich.console import Console

    from vocengine.intake import ImportReport

    assert isinstance(console, Console) and isinstance(report, ImportReport)
    if report.resumed_after_row is not None:
        console.print(f"went on after row {report.resumed_after_row:,}", highlight=False)
    console.print(
        f"{report.read:,} rows read: {report.sent:,} sent, {report.skipped:,} skipped, {report.rejected:,} rejected",
        highlight=False,
    )
    for reasons, verb in ((report.skipped_because, "skipped"), (report.rejected_because, "rejected")):
        for reason, n in sorted(reasons.items(), key=lambda item: -item[1]):
            console.print(f"  {n:,} {verb}: {reason}", highlight=False)
    if report.rejected:
        console.print("  see them with: vocengine dead-letters list", style="cyan")
    for path in report.never_found:
        console.print(f"  no row has {path!r}, which the mapping names", style="yellow", highlight=False)
