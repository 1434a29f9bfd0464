"""vocengine streams apply | check | schemas."""

from __future__ import annotations

from pathlib import Path

import click

from vocengine.cli.context import settings_of


@click.group()
def streams() -> None:
    """The Kafka topics as declared in streams/topics.yaml, and the schemas of the messages."""


@streams.command()
@click.option("--partitions", type=click.IntRange(min=1), help="Partitions of the topics that have several.")
@click.pass_context
def apply(ctx: click.Context, partitions: int | None) -> None:
    """Create the topics and set their configuration; never deletes anything."""
    settings = settings_of(ctx)
    from vocengine.stream import topology
    from vocengine.terminal import table

    changes = topology.apply(settings.kafka, partitions=partitions)
    table(["topic", "", "detail"], [[c.topic, c.action, c.detail] for c in changes])


@streams.command()
@click.pass_context
def check(ctx: click.Context) -> None:
    """Fail where a topic is missing."""
    settings = settings_of(ctx)
    from vocengine.stream import topology
    from vocengine.terminal import table

    found = topology.check(settings.kafka)
    table(["topic", "partitions"], [[settings.kafka.topic(name), n] for name, n in found.items()])


@streams.command()
@click.option("--into", type=click.Path(path_type=Path), help="Folder to write to; streams/schemas by default.")
def schemas(into: Path | None) -> None:
    """Write the JSON Schemas of all messages."""
    from vocengine.contracts.schemas import write_all
    from vocengine.paths import resource

    for path in write_all(into or resource("streams", "schemas")):
        click.echo(path)
