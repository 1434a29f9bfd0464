"""vocengine demo."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import click

from vocengine.cli.context import settings_of


@click.command()
@click.option(
    "--broker",
    type=click.Choice(["auto", "apache", "wheel"]),
    default="auto",
    show_default=True,
    help="Which broker to start: Apache Kafka by Maven, or a small one from a Python wheel.",
)
@click.option("--bootstrap", metavar="HOST:PORT", help="Use this Kafka instead of starting one.")
@click.option("--speed", type=float, help="Seconds of event time a second; as fast as possible otherwise.")
@click.option("--port", type=int, help="Port of the page; 8080 otherwise.")
@click.option("--exit", "and_exit", is_flag=True, help="End after the summary; fail if an incident was missed.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=Path(".vocengine/demo"), show_default=True)
@click.pass_context
def demo(
    ctx: click.Context,
    broker: Literal["auto", "apache", "wheel"],
    bootstrap: str | None,
    speed: float | None,
    port: int | None,
    and_exit: bool,
    data_dir: Path,
) -> None:
    """Stream three weeks of a retailer's feedback through everything, and show what was found."""
    ctx.find_root().obj["profile"] = ctx.find_root().obj.get("profile") or "demo"
    settings = settings_of(ctx, **{"data_dir": data_dir.absolute(), "web.port": port, "kafka.bootstrap": bootstrap})
    from vocengine.demo.show import run_demo

    missed = run_demo(settings, broker=broker, own_broker=bootstrap is None, speed=speed, stay=not and_exit)
    sys.exit(1 if missed else 0)
