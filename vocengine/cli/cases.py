"""vocengine cases: what is to be done about alerts, by whom, by when."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vocengine.cli.context import settings_of
from vocengine.cli.registry import by_option, transaction

if TYPE_CHECKING:
    from datetime import datetime

    from vocengine.contracts import CaseAction, CaseState, Verdict
    from vocengine.store.reads import CaseEntry, Precision

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _step(command: _Command) -> _Command:
    """What each step takes: the case, who does it, a note, and how the answer is given."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="JSON for machines."),
        click.option("--note", default="", help="A word on it, for the history."),
        by_option,
        click.argument("case_id"),
    ):
        command = option(command)
    return command


@click.group()
def cases() -> None:
    """The work behind alerts: list, take, resolve, judge."""


@cases.command("list")
@click.option(
    "--state",
    type=click.Choice(["open", "acknowledged", "in_progress", "resolved", "closed"]),
    help="Only cases in this state.",
)
@click.option("--owner", help="Only cases of this owner.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="JSON for machines.")
@click.pass_context
def list_cases(ctx: click.Context, state: CaseState | None, owner: str | None, limit: int, as_json: bool) -> None:
    """List the newest cases, and how many of those judged were real problems."""
    import orjson

    from vocengine.store.reads import case_page
    from vocengine.terminal import table

    with transaction(ctx) as connection:
        page = case_page(connection, state=state, owner=owner, order="opened", size=limit)
    if as_json:
        click.echo(orjson.dumps({"cases": page.items, "precision": page.precision}, option=orjson.OPT_UTC_Z).decode())
        return
    if not page.items:
        click.echo("no cases" if state or owner else "no cases yet: each alert opens one")
    else:
        table(
            ["case", "about", "severity", "state", "owner", "due", "", "real?"],
            [
                [
                    c.case_id,
                    c.label,
                    c.severity,
                    c.state.replace("_", " "),
                    c.owner or "",
                    _time(c.due_at),
                    (c.escalated or "").replace("_", " ") if c.ended_at is None else "",
                    c.verdict or "",
                ]
                for c in page.items
            ],
        )
    click.echo(_precision(page.precision))


@cases.command()
@click.argument("case_id")
@click.option("--json", "as_json", is_flag=True, help="JSON for machines.")
@click.pass_context
def show(ctx: click.Context, case_id: str, as_json: bool) -> None:
    """Show a case and all that was done to it."""
    import orjson

    from vocengine.store.reads import case_detail
    from vocengine.terminal import table

    with transaction(ctx) as connection:
        found = case_detail(connection, case_id)
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_UTC_Z).decode())
        return
    c = found.case
    click.secho(f"{c.case_id}  {c.label}", bold=True)
    click.echo(f"{c.severity}, {c.state.replace('_', ' ')}, version {c.version}; alerts: {', '.join(c.alerts)}")
    ended = f"ended {_time(c.ended_at)}" if c.ended_at else f"due {_time(c.due_at)}"
    escalated = f", escalated: {c.escalated.replace('_', ' ')}" if c.escalated and not c.ended_at else ""
    click.echo(f"owner: {c.owner or 'nobody yet'}; {ended} UTC{escalated}")
    click.echo(f"a real problem: {c.verdict or 'not judged yet'}{f', of {c.duplicate_of}' if c.duplicate_of else ''}")
    click.echo()
    rows = [[entry.version, _time(entry.at), entry.action, entry.by, _about(entry)] for entry in found.history]
    table(["version", "at (UTC)", "what", "by", ""], rows)


@cases.command()
@_step
@click.option("--owner", help="Whose it is; otherwise of who takes it.")
@click.pass_context
def take(ctx: click.Context, case_id: str, by: str, note: str, as_json: bool, owner: str | None) -> None:
    """Acknowledge a case and make it somebody's."""
    _do(ctx, "take", case_id, by, note, as_json, owner=owner)


@cases.command()
@_step
@click.pass_context
def start(ctx: click.Context, case_id: str, by: str, note: str, as_json: bool) -> None:
    """Say that work on a case has begun."""
    _do(ctx, "start", case_id, by, note, as_json)


@cases.command()
@click.argument("case_id")
@click.argument("text")
@by_option
@click.option("--json", "as_json", is_flag=True, help="JSON for machines.")
@click.pass_context
def note(ctx: click.Context, case_id: str, text: str, by: str, as_json: bool) -> None:
    """Write a note on a case."""
    _do(ctx, "note", case_id, by, text, as_json)


@cases.command()
@_step
@click.pass_context
def resolve(ctx: click.Context, case_id: str, by: str, note: str, as_json: bool) -> None:
    """Say that the problem behind a case is solved."""
    _do(ctx, "resolve", case_id, by, note, as_json)


@cases.command()
@_step
@click.pass_context
def close(ctx: click.Context, case_id: str, by: str, note: str, as_json: bool) -> None:
    """Close a case that is resolved, or was judged no problem or a duplicate."""
    _do(ctx, "close", case_id, by, note, as_json)


@cases.command()
@_step
@click.pass_context
def reopen(ctx: click.Context, case_id: str, by: str, note: str, as_json: bool) -> None:
    """Open a case that was resolved or closed again, with a new deadline."""
    _do(ctx, "reopen", case_id, by, note, as_json)


@cases.command()
@_step
@click.argument("verdict", type=click.Choice(["yes", "no", "duplicate"]))
@click.option("--of", "duplicate_of", help="With duplicate: the case that it repeats.")
@click.pass_context
def judge(
    ctx: click.Context, case_id: str, verdict: Verdict, by: str, note: str, as_json: bool, duplicate_of: str | None
) -> None:
    """Say whether there was a real problem: the answers give the precision of the alerts."""
    _do(ctx, "judge", case_id, by, note, as_json, verdict=verdict, duplicate_of=duplicate_of)


def _do(ctx: click.Context, action: CaseAction, case_id: str, by: str, note: str, as_json: bool, **values: Any) -> None:
    from datetime import UTC, datetime

    import orjson

    from vocengine.cases import Step
    from vocengine.store.cases import Casebook

    with transaction(ctx) as connection:
        step = Step(action, by, datetime.now(UTC), note=note, **values)
        case = Casebook.of(settings_of(ctx)).change(connection, case_id, step)
    if as_json:
        click.echo(orjson.dumps(case, option=orjson.OPT_UTC_Z).decode())
        return
    owner = f", {case.owner}'s" if case.owner else ""
    due = f", due {_time(case.due_at)} UTC" if case.ended_at is None else ""
    judged = f"; judged {case.verdict}" if action == "judge" else ""
    click.echo(f"case {case.case_id} is {case.state.replace('_', ' ')}{owner}{due}{judged}")


def _precision(found: Precision) -> str:
    if found.share is None or found.low is None or found.high is None:
        return "precision: no case was judged yet (`vocengine cases judge CASE yes|no|duplicate`)"
    return (
        f"precision: {found.real} of {found.judged} judged cases were real, {found.share:.0%} "
        f"(95 % interval {found.low:.0%} to {found.high:.0%}); {found.duplicates} duplicates"
    )


def _about(entry: CaseEntry) -> str:
    parts = (
        entry.alert_id and f"alert {entry.alert_id}",
        entry.owner and f"to {entry.owner}",
        entry.verdict,
        entry.duplicate_of and f"of {entry.duplicate_of}",
        entry.initiative_id and f"initiative {entry.initiative_id}",
        entry.due_at and f"due {_time(entry.due_at)}",
        entry.note,
    )
    return ", ".join(part for part in parts if part)


def _time(at: datetime) -> str:
    from datetime import UTC

    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
