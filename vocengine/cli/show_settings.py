"""vocengine settings."""

from __future__ import annotations

import click
import yaml

from vocengine.cli.context import settings_of


@click.command()
@click.pass_context
def settings(ctx: click.Context) -> None:
    """Print the settings in force as YAML; secrets are not shown."""
    click.echo(yaml.safe_dump(settings_of(ctx).model_dump(mode="json"), sort_keys=False), nl=False)
