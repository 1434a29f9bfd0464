"""vocengine notifications list | retry."""

from __future__ import annotations

import click

from vocengine.cli.context import settings_of


@click.group()
def notifications() -> None:
    """What was sent about alerts and cases, and what was not."""


@notifications.command("list")
@click.option("--failed", is_flag=True, help="Only what was given up.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The newest so many.")
@click.pass_context
def list_notifications(ctx: click.Context, failed: bool, limit: int) -> None:
    """List notifications, the newest first."""
    settings = settings_of(ctx)
    from vocengine.store import engine
    from vocengine.store import notifications as stored
    from vocengine.terminal import table

    with engine.transaction(engine.connect(settings)) as connection:
        found = stored.listed(connection, state="failed" if failed else None, limit=limit)
    if not found:
        click.echo("no failed notifications" if failed else "no notifications")
        return
    table(
        ["id", "written", "route", "target", "about", "state", "attempts", "why"],
        [
            [
                one.delivery_id,
                f"{one.created_at:%Y-%m-%d %H:%M}",
                one.route,
                f"#{one.target[:4]}",
                one.documents[0]["label"] if one.change_id else f"{len(one.documents)} in one",
                one.state,
                one.attempts,
                one.error or "",
            ]
            for one in found
        ],
    )


@notifications.command()
@click.argument("delivery_id", metavar="ID")
@click.pass_context
def retry(ctx: click.Context, delivery_id: str) -> None:
    """Have a notification that failed or was suppressed sent by the role notify, under the same id."""
    settings = settings_of(ctx)
    from vocengine.store import engine
    from vocengine.store import notifications as stored

    with engine.transaction(engine.connect(settings)) as connection:
        stored.retry(connection, delivery_id)
    click.echo(f"{delivery_id} is due again")
