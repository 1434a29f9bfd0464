"""vocengine topics discover | list."""

from __future__ import annotations

from pathlib import Path

import click

from vocengine.cli.context import settings_of


@click.group()
def topics() -> None:
    """What customers speak of."""


@topics.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON for machines.")
@click.pass_context
def list_topics(ctx: click.Context, as_json: bool) -> None:
    """List the topics in force."""
    settings = settings_of(ctx)
    import orjson

    from vocengine.store import engine, registry
    from vocengine.terminal import table

    with engine.transaction(engine.connect(settings)) as connection:
        index = registry.load_index(connection)
    if index is None:
        click.echo("no topics yet: run `vocengine topics discover`")
        return
    if as_json:
        rows = [
            {"topic_id": t.topic_id, "label": t.label, "keywords": t.keywords, "size": t.size, "examples": t.examples}
            for t in index.topics
        ]
        click.echo(orjson.dumps({"version": index.version, "topics": rows}).decode())
        return
    table(
        ["id", "topic", "spans", "an example"],
        [[t.topic_id, t.label, t.size, t.examples[0][:80] if t.examples else ""] for t in index.topics],
        title=f"{len(index.topics)} topics, registry version {index.version}",
    )


@topics.command()
@click.option(
    "--from-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Feedback as JSON Lines; what is stored is taken otherwise.",
)
@click.option("--until", help="Only feedback that occurred before this time (RFC 3339).")
@click.pass_context
def discover(ctx: click.Context, from_file: Path | None, until: str | None) -> None:
    """Discover topics on a sample and put them in force; running members take them up within seconds."""
    settings = settings_of(ctx)
    from datetime import datetime

    from vocengine.stream import topic_discovery

    before = datetime.fromisoformat(until) if until else None
    report = topic_discovery.discover(settings, from_file=from_file, before=before)
    click.echo(
        f"registry version {report.version}: {report.topics} topics from {report.spans:,} spans, "
        f"{report.outlier_share:.0%} of them in none"
    )
