"""vocengine routes check | test."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vocengine.cli.context import settings_of

if TYPE_CHECKING:
    from vocengine.notify import Route


@click.group()
def routes() -> None:
    """Where alerts go."""


@routes.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def check(ctx: click.Context, file: Path) -> None:
    """Read a file of routes and say which alerts and changes of cases would go where; nothing is sent."""
    settings_of(ctx)
    from vocengine.notify import load_routes
    from vocengine.notify.routes import KINDS, SEVERITIES
    from vocengine.terminal import table

    found = load_routes(file)
    table(
        ["route", "to", "events", "quiet", "digest", "at most an hour"],
        [[r.name, "\n".join(t.shown for t in r.targets), _events(r), _quiet(r), _digest(r), r.at_most] for r in found],
        title=f"{file}: {len(found)} routes",
    )

    def ways(kind: str, severity: str) -> str:
        taking = [route for route in found if kind in route.kinds and severity in route.severities]
        return ", ".join(r.name if "*" in r.keys else f"{r.name} ({' '.join(r.keys)})" for r in taking) or "–"

    rows = [[kind, *(ways(kind, severity) for severity in SEVERITIES)] for kind in KINDS]
    table(["which alerts go where", *SEVERITIES], rows)
    if any("–" in row for row in rows):
        click.echo("– goes nowhere; names in brackets are the keys that a route is limited to")


@routes.command("test")
@click.argument("name")
@click.option("--file", type=click.Path(path_type=Path), help="The routes; those of notify.routes otherwise.")
@click.pass_context
def test_route(ctx: click.Context, name: str, file: Path | None) -> None:
    """Send a test message to every target of the route NAME, at once; status 1 where one did not take it."""
    settings = settings_of(ctx, **{"notify.routes": str(file) if file else None})
    from uuid import uuid4

    from vocengine.errors import RouteError
    from vocengine.notify import send, test_message
    from vocengine.stream.notify_member import routes_of

    found = routes_of(settings)
    route = next((route for route in found if route.name == name), None)
    if route is None:
        raise RouteError(f"there is no route called {name!r}; there are {', '.join(r.name for r in found)}")
    message, failed = test_message(name, at=datetime.now(UTC)), False
    for target in route.targets:
        outcome = send(target, message, f"t-{uuid4().hex[:24]}")
        failed |= outcome.error is not None
        click.echo(f"{target.shown}: {outcome.error or 'sent'}")
    sys.exit(1 if failed else 0)


def _events(route: Route) -> str:
    from vocengine.notify import EVENTS, USUAL

    return "the usual" if route.events == set(USUAL) else "\n".join(e for e in EVENTS if e in route.events)


def _quiet(route: Route) -> str:
    if route.quiet is None:
        return "–"
    said = f"{route.quiet.begin:%H:%M} to {route.quiet.end:%H:%M} {route.zone.key}"
    return f"{said}, not for critical" if route.critical_passes else said


def _digest(route: Route) -> str:
    said = f"daily at {route.digest_at:%H:%M} {route.zone.key}" if route.digest == "daily" else route.digest
    return f"{said}, not for critical" if route.digest != "off" and route.critical_passes else said
