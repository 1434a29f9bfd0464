"""vocengine db upgrade | check."""

from __future__ import annotations

import click

from vocengine.cli.context import settings_of


@click.group()
def db() -> None:
    """The database schema."""


@db.command()
@click.pass_context
def upgrade(ctx: click.Context) -> None:
    """Bring the schema to this version of vocengine. Harmless to repeat."""
    settings = settings_of(ctx)
    from vocengine.store import engine, schema

    click.echo(f"the schema is at revision {schema.upgrade(engine.connect(settings))}")


@db.command()
@click.pass_context
def check(ctx: click.Context) -> None:
    """Fail where the schema is not that of this version."""
    settings = settings_of(ctx)
    from vocengine.store import engine, schema

    schema.check(engine.connect(settings))
    click.echo("the schema is that of this version")
