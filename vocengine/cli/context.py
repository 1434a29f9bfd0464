"""What every command needs: the settings in force, and logging set up."""

from __future__ import annotations

import logging
import os
from typing import Any

import click
import yaml

from vocengine.settings import Settings, load_settings


def settings_of(ctx: click.Context, **overrides: Any) -> Settings:
    """Settings in force for this call; `overrides` are this command's own options by dotted name."""
    given = ctx.find_root().obj or {}
    merged: dict[str, Any] = {}
    for pair in given.get("overrides", ()):
        name, found, value = pair.partition("=")
        if not found:
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE, such as web.port=8081", param_hint="--set")
        merged[name.strip()] = yaml.safe_load(value)
    merged |= {name: value for name, value in overrides.items() if value is not None}
    settings = load_settings(profile=given.get("profile"), overrides=merged)
    _set_up_logging(settings.log_level)
    return settings


def _set_up_logging(level: str) -> None:
    # No model hub is asked by accident; a model from a hub is loaded by naming it.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)-7s %(message)s")
    logging.getLogger("vocengine").setLevel(level.upper())
    # The client logs every reconnect of an outage; the roles say it once, in their own words.
    logging.getLogger("kafka").setLevel(logging.CRITICAL if level != "debug" else logging.INFO)
