"""vocengine alerts, alerts check and alerts backtest."""

from __future__ import annotations

import click

from vocengine.cli.alert_backtest import backtest
from vocengine.cli.alert_check import check
from vocengine.cli.context import settings_of


@click.group(invoke_without_command=True)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@click.pass_context
def alerts(ctx: click.Context, limit: int) -> None:
    """List the newest alerts; commands on their policies."""
    if ctx.invoked_subcommand is not None:
        return
    settings = settings_of(ctx)
    from vocengine.store import engine
    from vocengine.store.reads import alert_page
    from vocengine.terminal import table

    with engine.transaction(engine.connect(settings)) as connection:
        found = alert_page(connection).items[:limit]
    table(
        ["opened at", "severity", "on", "from", "to", "mentions"],
        [
            [
                f"{a.opened_at:%Y-%m-%d %H:%M}",
                a.severity,
                a.label,
                # Of an emerging topic these are shares of the clauses, not of negativity.
                # Of volumes they are numbers an hour.
                f"{a.baseline_mean:.1%}" if a.kind == "emerging_topic" else f"{a.baseline_mean:.2f}",
                f"{a.observed_mean:.1%}" if a.kind == "emerging_topic" else f"{a.observed_mean:.2f}",
                a.observed_n,
            ]
            for a in found
        ],
    )


alerts.add_command(backtest)
alerts.add_command(check)
