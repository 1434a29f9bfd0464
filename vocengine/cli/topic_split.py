"""vocengine topics split: one topic becomes several."""

from __future__ import annotations

import click

from vocengine.cli.context import settings_of
from vocengine.cli.registry import by_option


@click.command()
@click.argument("topic_id", type=int)
@click.option("--into", type=int, help="How many parts; found by k-means.")
@click.option("--phrase", "phrases", multiple=True, metavar="TEXT", help="What a part is about; give two or more.")
@by_option
@click.pass_context
def split(ctx: click.Context, topic_id: int, into: int | None, phrases: tuple[str, ...], by: str) -> None:
    """Cut a topic in parts: the biggest keeps its id, the others are new topics from now on."""
    from vocengine.stream import topic_split
    from vocengine.terminal import table

    if (into is None) == (not phrases):
        raise click.UsageError("say how to split: --into 2, or --phrase TEXT for each part, not both")
    made = topic_split.split(settings_of(ctx), topic_id, into=into, phrases=phrases, by=by)
    rows = [
        [part_id, part.label, part.size, f"“{part.examples[0][:70]}”"]
        for part_id, part in zip(made.ids, made.parts, strict=True)
    ]
    table(["id", "part", "spans", "an example"], rows)
    click.echo(f"registry version {made.version}: what was said before stays with topic {topic_id}")
