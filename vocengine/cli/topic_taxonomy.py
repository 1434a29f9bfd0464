"""vocengine topics taxonomy …: a company's own categories beside the discovered topics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vocengine.cli.context import settings_of
from vocengine.cli.registry import by_option, transaction

if TYPE_CHECKING:
    from vocengine.store.reads import CoverageReport
    from vocengine.store.taxonomies import Step

# What is less than this part of a category is left to the JSON.
_SHOWN_SHARE = 0.05

_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_as_json = click.option("--json", "as_json", is_flag=True, help="JSON for machines.")


@click.group()
def taxonomy() -> None:
    """Your own categories: check, apply, show, report."""


@taxonomy.command()
@_file
@_as_json
@click.pass_context
def check(ctx: click.Context, file: Path, as_json: bool) -> None:
    """Read FILE and show what it would change and hold, on a sample of what is stored; nothing is put in force."""
    import orjson

    from vocengine.stream import topic_taxonomy
    from vocengine.terminal import table

    found = topic_taxonomy.preview(settings_of(ctx), file)
    if as_json:
        click.echo(orjson.dumps(found).decode())
        return
    rows = [
        [e.name, f"{e.threshold:.2f}", f"{e.share:.1%}" if found.spans else "", _short(e.examples)]
        for e in found.expected
    ]
    table(["category", "from", "share", "nearest in the sample"], rows)
    if found.spans:
        click.echo(f"{found.coverage:.0%} of {found.spans:,} sampled clauses are in one of them")
    else:
        click.echo("there is no feedback yet: thresholds lean on the examples alone")
    click.echo(f"applying it would change: {_steps(found.steps)}")


@taxonomy.command()
@_file
@by_option
@click.pass_context
def apply(ctx: click.Context, file: Path, by: str) -> None:
    """Make FILE your taxonomy; running members take it up within seconds. Names keep their ids."""
    from vocengine.stream import topic_taxonomy

    done = topic_taxonomy.apply(settings_of(ctx), file, by=by)
    if not done.steps:
        click.echo(f"nothing has changed: {done.unchanged} categories are in force, registry version {done.version}")
        return
    click.echo(f"registry version {done.version}: {_steps(done.steps)}")


@taxonomy.command()
@_as_json
@click.pass_context
def show(ctx: click.Context, as_json: bool) -> None:
    """Show the categories in force."""
    import orjson

    from vocengine.store import taxonomies
    from vocengine.terminal import table

    with transaction(ctx) as connection:
        entries = taxonomies.categories(connection)
    if as_json:
        rows = [
            {
                "topic_id": entry.topic.topic_id,
                "name": entry.title,
                "description": entry.description,
                "threshold": entry.topic.threshold,
                "examples": entry.topic.examples,
                "born_version": entry.born_version,
            }
            for entry in entries
        ]
        click.echo(orjson.dumps({"categories": rows}).decode())
        return
    if not entries:
        click.echo("no taxonomy yet: write one like configs/taxonomies/retail.yaml, then `taxonomy apply FILE`")
        return
    table(
        ["id", "category", "from", "examples", "description"],
        [
            [e.topic.topic_id, e.title, f"{e.topic.threshold:.2f}", len(e.topic.examples), e.description or ""]
            for e in entries
        ],
    )


@taxonomy.command()
@click.option("--days", type=click.IntRange(1, 400), default=28, show_default=True, help="Days back from the newest.")
@_as_json
@click.pass_context
def report(ctx: click.Context, days: int, as_json: bool) -> None:
    """Show how much the taxonomy covers, and how its categories lie across the discovered topics."""
    import orjson

    from vocengine.store.reads import coverage_report

    with transaction(ctx) as connection:
        found = coverage_report(connection, days=days)
    if as_json:
        click.echo(orjson.dumps(found).decode())
        return
    if found.since_version is None:
        click.echo("no taxonomy yet: `vocengine topics taxonomy apply FILE` puts one in force")
    elif not found.clauses:
        click.echo(
            f"nothing has been read under the taxonomy of registry version {found.since_version} yet: "
            "`vocengine topics taxonomy check FILE` tries it on what was stored before"
        )
    else:
        _show_report(found)


def _show_report(found: CoverageReport) -> None:
    from vocengine.terminal import table

    table(
        ["id", "category", "clauses", "share"],
        [[c.category_id, c.category, c.n, f"{c.share:.1%}"] for c in found.categories],
        title=f"{found.coverage:.0%} of {found.clauses:,} clauses are in a category",
    )
    click.echo()
    table(
        ["category", "discovered topic", "clauses", "of the category", "of the topic"],
        [
            [c.category or "none", c.topic or "none", c.n, f"{c.of_category:.0%}", f"{c.of_topic:.0%}"]
            for c in sorted(found.crossings, key=lambda c: (c.category is None, c.category or "", -c.n))
            if c.of_category >= _SHOWN_SHARE
        ],
        title=f"across the discovered topics, from {_SHOWN_SHARE:.0%} of a category",
    )


def _steps(steps: tuple[Step, ...]) -> str:
    if not steps:
        return "nothing"
    named = []
    for kind in ("defined", "redefined", "restored", "retired"):
        own = [f"{s.name} ({', '.join(s.changed)})" if s.changed else s.name for s in steps if s.kind == kind]
        if own:
            named.append(f"{len(own)} {kind}: {', '.join(own)}")
    return "; ".join(named)


def _short(examples: tuple[str, ...]) -> str:
    return f"“{examples[0][:70]}”" if examples else ""
