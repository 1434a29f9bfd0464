"""enrich, store, detect, web: each a process of its own; run: all of them, kept alive."""

from __future__ import annotations

import click

from vocengine.cli.context import settings_of


@click.command()
@click.pass_context
def enrich(ctx: click.Context) -> None:
    """Run an enrich member: feedback → enriched events, mentions, dead letters."""
    settings = settings_of(ctx)
    from vocengine.stream import enrich_member, role

    enrich_member.run_enrich(settings, role.stop_on_signals())


@click.command()
@click.pass_context
def store(ctx: click.Context) -> None:
    """Run a store member: enriched events → PostgreSQL."""
    settings = settings_of(ctx)
    from vocengine.stream import members, role

    members.run_store(settings, role.stop_on_signals())


@click.command()
@click.pass_context
def detect(ctx: click.Context) -> None:
    """Run a detect member: mentions → alerts."""
    settings = settings_of(ctx)
    from vocengine.stream import members, role

    members.run_detect(settings, role.stop_on_signals())


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
    "--without", multiple=True, type=click.Choice(["enrich", "store", "detect", "web"]), help="Leave out a role."
)
@click.pass_context
def run(ctx: click.Context, members: int, without: tuple[str, ...]) -> None:
    """Run all roles on this machine, each in a process of its own, restarted when it dies."""
    settings = settings_of(ctx)
    from vocengine.stream import role
    from vocengine.stream.supervisor import Supervisor

    stop = role.stop_on_signals()
    with Supervisor(settings, members=members, without=frozenset(without)) as supervisor:
        supervisor.watch(stop)
