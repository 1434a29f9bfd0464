"""enrich, store, detect, discover, notify, web: each a process of its own; run: all of them, kept alive."""

from __future__ import annotations

import click

from vocengine.cli.context import settings_of
from vocengine.signals import stop_on_signals


@click.command()
@click.pass_context
def enrich(ctx: click.Context) -> None:
    """Run an enrich member: feedback → enriched events, mentions, dead letters."""
    stop = stop_on_signals()
    settings = settings_of(ctx)
    from vocengine.stream import enrich_member

    enrich_member.run_enrich(settings, stop)


@click.command()
@click.pass_context
def store(ctx: click.Context) -> None:
    """Run a store member: enriched events → PostgreSQL."""
    stop = stop_on_signals()
    settings = settings_of(ctx)
    from vocengine.stream import members

    members.run_store(settings, stop)


@click.command()
@click.pass_context
def detect(ctx: click.Context) -> None:
    """Run a detect member: mentions → alerts."""
    stop = stop_on_signals()
    settings = settings_of(ctx)
    from vocengine.stream import members

    members.run_detect(settings, stop)


@click.command()
@click.pass_context
def discover(ctx: click.Context) -> None:
    """Run a discover member: enriched events → candidates for new topics; refits by schedule."""
    stop = stop_on_signals()
    settings = settings_of(ctx)
    from vocengine.stream import discover_member

    discover_member.run_discover(settings, stop)


@click.command()
@click.pass_context
def notify(ctx: click.Context) -> None:
    """Run a notify member: alerts → messages, by the routes of notify.routes."""
    stop = stop_on_signals()
    settings = settings_of(ctx)
    from vocengine.stream import notify_member

    notify_member.run_notify(settings, stop)


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on.")
@click.pass_context
def web(ctx: click.Context, host: str | None, port: int | None) -> None:
    """Serve the pages and the API."""
    settings = settings_of(ctx, **{"web.host": host, "web.port": port})
    from vocengine.web import serve

    serve(settings)


@click.command()
@click.option(
    "--members", type=click.IntRange(min=1), default=1, show_default=True, help="Members of each stream role."
)
@click.option(
    "--without",
    multiple=True,
    type=click.Choice(["enrich", "store", "detect", "discover", "notify", "web"]),
    help="Leave out a role.",
)
@click.pass_context
def run(ctx: click.Context, members: int, without: tuple[str, ...]) -> None:
    """Run all roles on this machine, each in a process of its own, restarted when it dies."""
    stop = stop_on_signals()
    settings = settings_of(ctx)
    from vocengine.stream.supervisor import Supervisor

    with Supervisor(settings, members=members, without=frozenset(without)) as supervisor:
        supervisor.watch(stop)
