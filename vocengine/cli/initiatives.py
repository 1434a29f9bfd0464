"""vocengine initiatives: root causes that many cases share, and whether mending them helped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vocengine.cli.context import settings_of
from vocengine.cli.registry import by_option, transaction

if TYPE_CHECKING:
    from vocengine.store.reads import Initiative

_json = click.option("--json", "as_json", is_flag=True, help="JSON for machines.")


@click.group()
def initiatives() -> None:
    """Root causes that many cases share, and their mending."""


@initiatives.command("list")
@_json
@click.pass_context
def list_initiatives(ctx: click.Context, as_json: bool) -> None:
    """List the initiatives."""
    import orjson

    from vocengine.store.reads import initiative_list
    from vocengine.terminal import table

    with transaction(ctx) as connection:
        found = initiative_list(connection)
    if as_json:
        click.echo(orjson.dumps({"initiatives": found}, option=orjson.OPT_UTC_Z).decode())
    elif not found:
        click.echo('no initiatives yet: `vocengine initiatives open "ROOT CAUSE" --key topic:12` begins one')
    else:
        table(
            ["id", "root cause", "key", "cases", "opened", "fixed", "sentiment"],
            [
                [
                    i.initiative_id,
                    i.title,
                    i.key,
                    i.cases,
                    f"{i.opened_at:%Y-%m-%d}",
                    f"{i.fixed_at:%Y-%m-%d}" if i.fixed_at else "",
                    _effect(i),
                ]
                for i in found
            ],
        )


@initiatives.command("open")
@click.argument("title")
@click.option("--key", required=True, help="Where its effect shows: topic:12, channel:chat, all.")
@click.option("--note", default="", help="A word on it.")
@by_option
@click.pass_context
def open_initiative(ctx: click.Context, title: str, key: str, note: str, by: str) -> None:
    """Open an initiative on a root cause."""
    from datetime import UTC, datetime

    from vocengine.store import initiatives as stored

    with transaction(ctx) as connection:
        number = stored.start(connection, title, key=key, by=by, at=datetime.now(UTC), note=note)
    click.echo(f"initiative {number} is open: `vocengine initiatives add {number} CASE …` puts cases under it")


@initiatives.command()
@click.argument("initiative_id", type=click.IntRange(1, 2**31 - 1))
@click.argument("case_ids", nargs=-1, required=True)
@by_option
@click.pass_context
def add(ctx: click.Context, initiative_id: int, case_ids: tuple[str, ...], by: str) -> None:
    """Put cases under an initiative."""
    from datetime import UTC, datetime

    from vocengine.cases import Step
    from vocengine.store.cases import Casebook

    casebook, now = Casebook.of(settings_of(ctx)), datetime.now(UTC)
    with transaction(ctx) as connection:
        for case_id in case_ids:
            casebook.change(connection, case_id, Step("link", by, now, initiative_id=initiative_id))
    click.echo(f"under initiative {initiative_id}: {', '.join(case_ids)}")


@initiatives.command()
@click.argument("initiative_id", type=click.IntRange(1, 2**31 - 1))
@click.option("--at", "moment", help="When it was mended (RFC 3339); now otherwise.")
@by_option
@click.pass_context
def fixed(ctx: click.Context, initiative_id: int, moment: str | None, by: str) -> None:
    """Say that the root cause was mended; from then on before and after are compared."""
    from vocengine.store import initiatives as stored

    at = _time(moment)
    with transaction(ctx) as connection:
        stored.fixed(connection, initiative_id, by=by, at=at)
    click.echo(f"initiative {initiative_id} was fixed at {at:%Y-%m-%d %H:%M} UTC")


@initiatives.command()
@click.argument("initiative_id", type=click.IntRange(1, 2**31 - 1))
@click.option(
    "--days", type=click.IntRange(1, 400), default=28, show_default=True, help="How long before and after the fix."
)
@_json
@click.pass_context
def show(ctx: click.Context, initiative_id: int, days: int, as_json: bool) -> None:
    """Show an initiative: its cases, and the sentiment before and after the fix."""
    import orjson

    from vocengine.store.reads import initiative_detail
    from vocengine.terminal import table

    with transaction(ctx) as connection:
        found = initiative_detail(connection, initiative_id, days=days)
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_UTC_Z).decode())
        return
    i, effect = found.initiative, found.initiative.effect
    click.secho(f"{i.initiative_id}  {i.title}", bold=True)
    click.echo(f"on {i.key}, opened by {i.opened_by} on {i.opened_at:%Y-%m-%d}")
    if i.fixed_at is None:
        click.echo("not fixed yet: `vocengine initiatives fixed` says when it is")
    elif effect is None:
        click.echo(
            f"fixed on {i.fixed_at:%Y-%m-%d %H:%M} UTC by {i.fixed_by}; too few mentions on either side to compare"
        )
    else:
        word = "the change is real" if effect.certain else "that may be chance"
        click.echo(
            f"fixed on {i.fixed_at:%Y-%m-%d %H:%M} UTC by {i.fixed_by}: sentiment {effect.before_mean:+.2f} "
            f"({effect.before_n:,} mentions) → {effect.after_mean:+.2f} ({effect.after_n:,}), "
            f"{effect.difference:+.2f} (95 % interval {effect.low:+.2f} to {effect.high:+.2f}): {word}"
        )
    table(["case", "about", "state"], [[c.case_id, c.label, c.state.replace("_", " ")] for c in found.cases])


def _effect(initiative: Initiative) -> str:
    found = initiative.effect
    if found is None:
        return ""
    sure = "" if found.certain else " (may be chance)"
    return f"{found.before_mean:+.2f} → {found.after_mean:+.2f}{sure}"


def _time(moment: str | None) -> Any:
    from datetime import UTC, datetime

    if moment is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        raise click.BadParameter(f"--at is {moment!r}; it should be a time like 2026-03-01T00:00:00Z") from None
    if found.tzinfo is None:
        raise click.BadParameter(f"--at is {moment!r}, without a zone; it should be like 2026-03-01T00:00:00Z")
    return found.astimezone(UTC)
