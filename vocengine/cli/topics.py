"""vocengine topics …: what customers speak of, found by refits and worked on by people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vocengine.cli.context import settings_of
from vocengine.cli.registry import by_option as _by
from vocengine.cli.registry import transaction as _transaction
from vocengine.cli.topic_candidates import adopt, candidates, dismiss
from vocengine.cli.topic_export import export
from vocengine.cli.topic_split import split
from vocengine.cli.topic_taxonomy import taxonomy
from vocengine.cli.topic_themes import rename_theme, themes
from vocengine.cli.topic_trends import trends

if TYPE_CHECKING:
    from vocengine.topics.lineage import Plan

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group()
def topics() -> None:
    """What customers speak of."""


for _part in (adopt, candidates, dismiss, export, rename_theme, split, taxonomy, themes, trends):
    topics.add_command(_part)


@topics.command("list")
@click.option("--retired", is_flag=True, help="Those no longer in force too.")
@click.option("--json", "as_json", is_flag=True, help="JSON for machines.")
@click.pass_context
def list_topics(ctx: click.Context, retired: bool, as_json: bool) -> None:
    """List the topics in force."""
    import orjson

    from vocengine.store import registry
    from vocengine.terminal import table

    with _transaction(ctx) as connection:
        version, entries = registry.newest_version(connection), registry.load_topics(connection, retired=retired)
    if version is None:
        click.echo("no topics yet: run `vocengine topics refit`")
        return
    shown = [entry for entry in entries if entry.merged_into is None]
    if as_json:
        rows = [
            {
                "topic_id": entry.topic.topic_id,
                "label": entry.title,
                "description": entry.description,
                "pinned": entry.pinned,
                "origin": entry.origin,
                "keywords": entry.topic.keywords,
                "size": entry.topic.size,
                "examples": entry.topic.examples,
                "born_version": entry.born_version,
                "retired_version": entry.retired_version,
                "merged": [e.topic.topic_id for e in entries if e.merged_into == entry.topic.topic_id],
            }
            for entry in shown
        ]
        click.echo(orjson.dumps({"version": version, "topics": rows}).decode())
        return
    rows_shown = []
    for entry in shown:
        marked = (
            ("taxonomy", entry.origin == "taxonomy"),
            ("pinned", entry.pinned),
            ("retired", entry.retired_version),
        )
        marks = [mark for mark, holds in marked if holds]
        example = entry.topic.examples[0][:70] if entry.topic.examples else ""
        rows_shown.append([entry.topic.topic_id, entry.title, entry.topic.size, ", ".join(marks), example])
    table(
        ["id", "topic", "spans", "", "an example"],
        rows_shown,
        title=f"{len(shown)} topics, registry version {version}",
    )


@topics.command()
@click.argument("topic_id", type=int)
@click.option("--json", "as_json", is_flag=True, help="JSON for machines.")
@click.pass_context
def show(ctx: click.Context, topic_id: int, as_json: bool) -> None:
    """Show a topic with its examples and what became of it."""
    import orjson

    from vocengine.store import registry
    from vocengine.terminal import table

    with _transaction(ctx) as connection:
        past = registry.lineage_of(connection, topic_id)
        entries = {entry.topic.topic_id: entry for entry in registry.load_topics(connection, retired=True)}
    entry = entries[topic_id]
    if as_json:
        about = {
            "topic_id": topic_id,
            "label": entry.title,
            "description": entry.description,
            "pinned": entry.pinned,
            "origin": entry.origin,
            "merged_into": entry.merged_into,
            "retired_version": entry.retired_version,
            "keywords": entry.topic.keywords,
            "threshold": entry.topic.threshold,
            "examples": entry.topic.examples,
            "lineage": past,
        }
        click.echo(orjson.dumps(about).decode())
        return
    click.secho(f"{topic_id}  {entry.title}", bold=True)
    if entry.description:
        click.echo(entry.description)
    if entry.topic.keywords:
        click.echo("words: " + ", ".join(entry.topic.keywords))
    for example in entry.topic.examples:
        click.echo(f"  “{example}”")
    click.echo()
    rows = [[row["version"], _happened(row, topic_id), row["made_by"], _words(row["evidence"])] for row in past]
    table(["version", "what", "by", "on what evidence"], rows)


def _fitting(command: _Command) -> _Command:
    for option in (
        click.option("--until", help="Only feedback that occurred before this time (RFC 3339)."),
        click.option(
            "--from-file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Feedback as JSON Lines; what is stored is taken otherwise.",
        ),
    ):
        command = option(command)
    return command


@topics.command()
@_fitting
@click.pass_context
def plan(ctx: click.Context, from_file: Path | None, until: str | None) -> None:
    """Discover topics on a sample and show what a refit would do; nothing is put in force."""
    from vocengine.stream import topic_discovery

    number, planned = topic_discovery.plan_refit(settings_of(ctx), from_file=from_file, before=_time(until))
    _show_plan(planned)
    click.echo(f"plan {number}: `vocengine topics apply` puts it in force")


@topics.command()
@click.argument("plan_id", type=int, required=False)
@_by
@click.pass_context
def apply(ctx: click.Context, plan_id: int | None, by: str) -> None:
    """Put a plan, by default the newest, in force; running members take it up within seconds."""
    from vocengine.stream import topic_discovery

    report = topic_discovery.apply_plan(settings_of(ctx), plan_id, by=by)
    click.echo(f"registry version {report.version}: {_counts(report.plan)}")


@topics.command()
@_fitting
@_by
@click.pass_context
def refit(ctx: click.Context, from_file: Path | None, until: str | None, by: str) -> None:
    """Discover topics on a sample, match them to those in force, and put the result in force."""
    from vocengine.stream import topic_discovery

    report = topic_discovery.refit(settings_of(ctx), from_file=from_file, before=_time(until), by=by)
    click.echo(
        f"registry version {report.version}: {_counts(report.plan)}; {report.spans:,} spans, "
        f"{report.outlier_share:.0%} of them in none"
    )


@topics.command()
@click.argument("version", type=int)
@_by
@click.pass_context
def rollback(ctx: click.Context, version: int, by: str) -> None:
    """Go back to what the fit of VERSION said; names, pins and merges by people stay."""
    from vocengine.store import registry

    with _transaction(ctx) as connection:
        made = registry.rollback(connection, version, by=by)
    click.echo(f"registry version {made}: the topics of version {version} are in force again")


@topics.command()
@click.argument("topic_id", type=int)
@click.argument("name")
@_by
@click.pass_context
def rename(ctx: click.Context, topic_id: int, name: str, by: str) -> None:
    """Call a topic NAME from now on; refits leave the name alone."""
    from vocengine.store import topic_edits

    with _transaction(ctx) as connection:
        made = topic_edits.rename(connection, topic_id, name, by=by)
    click.echo(f"registry version {made}: topic {topic_id} is called {name!r}")


@topics.command()
@click.argument("topic_id", type=int)
@click.argument("text")
@_by
@click.pass_context
def describe(ctx: click.Context, topic_id: int, text: str, by: str) -> None:
    """Say in words what belongs to a topic."""
    from vocengine.store import topic_edits

    with _transaction(ctx) as connection:
        topic_edits.describe(connection, topic_id, text, by=by)
    click.echo(f"topic {topic_id} is described")


@topics.command()
@click.argument("topic_ids", type=int, nargs=-1, required=True)
@click.option("--into", type=int, required=True, help="The topic whose parts they become.")
@_by
@click.pass_context
def merge(ctx: click.Context, topic_ids: tuple[int, ...], into: int, by: str) -> None:
    """Make topics parts of another, with their history."""
    from vocengine.store import topic_edits

    with _transaction(ctx) as connection:
        made = topic_edits.merge(connection, topic_ids, into, by=by)
    named = ", ".join(map(str, topic_ids))
    click.echo(f"registry version {made}: {named} count as topic {into} from now on, and their history too")


@topics.command()
@click.argument("topic_id", type=int)
@click.option("--off", is_flag=True, help="Let it go again.")
@_by
@click.pass_context
def pin(ctx: click.Context, topic_id: int, off: bool, by: str) -> None:
    """Keep a topic in force and where it is, whatever refits find."""
    from vocengine.store import topic_edits

    with _transaction(ctx) as connection:
        topic_edits.pin(connection, topic_id, not off, by=by)
    click.echo(f"topic {topic_id} is {'no longer ' if off else ''}pinned")


@topics.command()
@click.argument("topic_id", type=int)
@_by
@click.pass_context
def retire(ctx: click.Context, topic_id: int, by: str) -> None:
    """Take a topic out of force; its history stays."""
    from vocengine.store import topic_edits

    with _transaction(ctx) as connection:
        made = topic_edits.retire(connection, topic_id, by=by)
    click.echo(f"registry version {made}: topic {topic_id} is retired")


def _time(until: str | None) -> Any:
    from datetime import datetime

    if until is None:
        return None
    try:
        found = datetime.fromisoformat(until)
    except ValueError:
        raise click.BadParameter(f"--until is {until!r}; it should be a time like 2026-03-01T00:00:00Z") from None
    if found.tzinfo is None:
        raise click.BadParameter(f"--until is {until!r}, without a zone; it should be like 2026-03-01T00:00:00Z")
    return found


def _counts(planned: Plan) -> str:
    parts = [f"{n} {kind}" for kind, n in planned.counts().items() if n]
    return f"{len(planned.topics)} topics ({', '.join(parts) or 'none found'})"


def _show_plan(planned: Plan) -> None:
    from vocengine.terminal import table

    changes = sorted((*planned.changes, *planned.ended), key=lambda change: change.kind == "kept")
    rows = []
    for change in changes:
        of = f" {'off' if change.kind == 'split' else 'into'} {change.other}" if change.other else ""
        rows.append([change.topic_id or "new", change.label, change.kind + of, _words(change.evidence)])
    table(["id", "topic", "what", "on what evidence"], rows, title=_counts(planned))


def _happened(row: dict[str, Any], topic_id: int) -> str:
    if row["other_topic_id"] == topic_id:
        return f"{row['topic_id']} {'split off it' if row['kind'] == 'split' else 'merged into it'}"
    if row["other_topic_id"] is None:
        return str(row["kind"])
    return f"{row['kind']} {'off' if row['kind'] == 'split' else 'into'} {row['other_topic_id']}"


def _words(evidence: dict[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {value:g}" if isinstance(value, int | float) else f"{name} {value}"
        for name, value in evidence.items()
    )
