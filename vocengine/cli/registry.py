"""What the commands that work on topics share: a transaction, and who does it."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any, TypeVar

import click

from vocengine.cli.context import settings_of

_Command = TypeVar("_Command", bound=Callable[..., Any])


def by_option(command: _Command) -> _Command:
    """The option `--by`, for the audit trail."""
    return click.option("--by", default=getpass.getuser, show_default="who is logged in", help="Who does it.")(command)


def transaction(ctx: click.Context) -> Any:
    """A database transaction; `with` gives the connection."""
    from vocengine.store import engine

    return engine.transaction(engine.connect(settings_of(ctx)))
