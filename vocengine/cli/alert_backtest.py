"""vocengine alerts backtest: what would have fired in a stretch of history."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vocengine.cli.context import settings_of

if TYPE_CHECKING:
    from vocengine.alerts.backtest import Backtest
    from vocengine.alerts.policies import Policies
    from vocengine.contracts import Alert
    from vocengine.notify import Route
    from vocengine.settings import Settings


class _Time(click.ParamType[datetime]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time; write a day, 2026-03-01 (from midnight UTC), or 2026-03-01T08:00:00Z")
        if found.tzinfo is None and len(value) > len("2026-03-01"):
            self.fail(f"{value!r} has no zone; write it such as 2026-03-01T08:00:00Z")
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


@click.command()
@click.option("--from", "start", type=_Time(), metavar="TIME", help="28 days before --to otherwise.")
@click.option("--to", "end", type=_Time(), metavar="TIME", help="Up to, without it; the newest event otherwise.")
@click.option("--train-days", type=click.IntRange(0), default=56, show_default=True, help="Days before, to learn from.")
@click.option("--policies", type=click.Path(path_type=Path), help="A file or folder; alerts.policies otherwise.")
@click.option("--json", "as_json", is_flag=True, help="JSON for machines, with the whole alerts.")
@click.pass_context
def backtest(
    ctx: click.Context,
    start: datetime | None,
    end: datetime | None,
    train_days: int,
    policies: Path | None,
    as_json: bool,
) -> None:
    """Replay stored history under the alert policies and show what would have fired; nothing is sent or written."""
    settings = settings_of(ctx, **{"alerts.policies": str(policies) if policies else None})
    import orjson

    from vocengine.notify import load_routes
    from vocengine.store import engine
    from vocengine.stream import alert_backtest
    from vocengine.stream.alert_policies import budget_of, policies_of

    routes = () if settings.notify.routes is None else load_routes(settings.notify.routes)
    found = policies_of(settings, routes)
    with engine.transaction(engine.connect(settings)) as connection:
        start, end = alert_backtest.range_of(connection, start, end)
        result = alert_backtest.replay(connection, settings, found, start, end, train_days=train_days)
    told = [_told(alert, result, found, routes, settings) for alert in result.alerts]
    budget = str(budget_of(settings.alerts, found))
    if as_json:
        whole = {"from": start, "to": end, "train_days": train_days, "budget": budget, "trained": result.trained}
        whole |= {"replayed": result.replayed, "keys": result.keys, "muted": result.muted, "alerts": told}
        click.echo(orjson.dumps(whole, option=orjson.OPT_UTC_Z).decode())
        return
    _show(result, told, start, end, budget, train_days)


def _told(
    alert: Alert, result: Backtest, policies: Policies, routes: tuple[Route, ...], settings: Settings
) -> dict[str, Any]:
    """An alert with what its policy would have made of it."""
    from vocengine.notify import due_at

    policy = policies.of(alert.key, alert.kind)
    hours: dict[str, float] = settings.cases.deadline_h.model_dump()
    limit = timedelta(hours=hours[alert.severity])
    taking = [route for route in routes if route.takes(alert) and (policy is None or policy.tells(route.name))]
    told_at, ended = {}, result.ended.get(alert.alert_id)
    for route in taking:
        at = due_at(route, alert.severity, alert.opened_at)
        told_at[route.name] = at if policy is None else policy.due(alert.severity, at)
    return {
        "policy": policy.name if policy else None,
        "owner": policy.owner if policy else None,
        "case_due_at": alert.opened_at + (policy.deadlines.get(alert.severity, limit) if policy else limit),
        "told_at": told_at,
        "ended_at": ended.at if ended else None,
        "ended": ended.ended if ended else None,
        "alert": alert,
    }


def _show(
    result: Backtest, told: list[dict[str, Any]], start: datetime, end: datetime, budget: str, train_days: int
) -> None:
    from vocengine.terminal import table

    rows = []
    for one in told:
        alert: Alert = one["alert"]
        routes = [f"{name} {_when(at, alert)}" for name, at in one["told_at"].items()]
        rows.append(
            [
                f"{alert.opened_at:%Y-%m-%d %H:%M}",
                f"{alert.window_start:%m-%d %H:%M}",
                _until(one),
                alert.severity,
                f"{alert.key} ({alert.label})" if not alert.key.endswith(f":{alert.label}") else alert.key,
                f"{alert.baseline_mean:.2f} → {alert.observed_mean:.2f}",
                alert.observed_n,
                f"{alert.evidence.value:,.1f} of {alert.evidence.threshold:,.1f}",
                one["policy"] or "(the settings)",
                one["owner"] or "–",
                ", ".join(f"{driver.kind} {driver.name} {driver.share:.0%}" for driver in alert.drivers[:2]) or "–",
                "\n".join(routes) or "–",
            ]
        )
    columns = ["fired at", "since", "until", "severity", "on", "negativity", "mentions", "evidence", "policy", "owner"]
    days = (end - start) / timedelta(days=1)
    title = f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC: {len(rows)} would have fired"
    if rows:
        table([*columns, "behind it", "told"], rows, title=title)
    else:
        click.echo(title)
    counts = Counter(one["policy"] or "(the settings)" for one in told)
    by_policy = ", ".join(f"{name} {n}" for name, n in counts.most_common())
    keys = ", ".join(f"{n:,} {kind.replace('_', ' ')}s" for kind, n in sorted(result.keys.items()))
    click.echo(
        f"{len(rows) / days * 7:.1f} a week{f': {by_policy}' if by_policy else ''}; the budget of false ones: {budget}"
    )
    click.echo(
        f"replayed {result.replayed:,} mentions of {keys}; {result.muted:,} keys muted; "
        f"trained on {result.trained:,} of the {train_days} days before"
    )
    if not result.trained:
        click.echo("there was nothing to learn from before that: keys are silent until they have a history")


def _until(one: dict[str, Any]) -> str:
    if one["ended_at"] is None:
        return "it lasts"
    return f"{one['ended_at']:%m-%d %H:%M} {'(back)' if one['ended'] == 'recovered' else '(new level)'}"


def _when(at: datetime, alert: Alert) -> str:
    return "at once" if at <= alert.opened_at else f"{at:%m-%d %H:%M}"
