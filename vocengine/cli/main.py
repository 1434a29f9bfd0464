"""The command line: one file a command, loaded only when it is called."""

from __future__ import annotations

import importlib
import os
import sys

import click

from vocengine import __version__
from vocengine.errors import VocengineError

# command → (module, attribute, help); the help stands here so that `--help` loads nothing.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "alerts": ("vocengine.cli.alerts", "alerts", "List the alerts; check their policies, replay history under them."),
    "cases": ("vocengine.cli.cases", "cases", "The work behind alerts: list, take, resolve, judge."),
    "classify": ("vocengine.cli.classify", "classify", "Read a text and show what is understood."),
    "db": ("vocengine.cli.database", "db", "The database schema: upgrade, check."),
    "dead-letters": ("vocengine.cli.dead_letters", "dead_letters", "What could not be processed: list, replay."),
    "demo": ("vocengine.cli.demo", "demo", "Stream sample feedback through everything and show the page."),
    "detect": ("vocengine.cli.roles", "detect", "Run a detect member: mentions → alerts."),
    "discover": ("vocengine.cli.roles", "discover", "Run a discover member: enriched events → new topics."),
    "doctor": ("vocengine.cli.doctor", "doctor", "Say what is missing and how to mend it."),
    "enrich": ("vocengine.cli.roles", "enrich", "Run an enrich member: feedback → enriched events."),
    "evaluate": ("vocengine.cli.evaluate", "evaluate", "Measure a model, on public sets or your own labels."),
    "import": ("vocengine.cli.importing", "import_command", "Send a file of feedback into the stream."),
    "initiatives": (
        "vocengine.cli.initiatives",
        "initiatives",
        "Root causes that many cases share, and their mending.",
    ),
    "notifications": ("vocengine.cli.notifications", "notifications", "What was sent, and what was not: list, retry."),
    "notify": ("vocengine.cli.roles", "notify", "Run a notify member: alerts → messages."),
    "routes": ("vocengine.cli.routes", "routes", "Where alerts go: check, test."),
    "run": ("vocengine.cli.roles", "run", "Run all roles on this machine."),
    "settings": ("vocengine.cli.show_settings", "settings", "Print the settings in force."),
    "store": ("vocengine.cli.roles", "store", "Run a store member: enriched events → PostgreSQL."),
    "streams": ("vocengine.cli.streams", "streams", "The Kafka topics and schemas: apply, check, schemas."),
    "topics": ("vocengine.cli.topics", "topics", "Topics: discover, list."),
    "train": ("vocengine.cli.train", "train", "Train an encoder by a recipe."),
    "web": ("vocengine.cli.roles", "web", "Serve the pages and the API."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, _, help_text) in sorted(COMMANDS.items())])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="vocengine")
@click.option("--profile", metavar="NAME|FILE", help="Settings profile: a name in configs/ or a YAML file.")
@click.option("--set", "overrides", metavar="NAME=VALUE", multiple=True, help="A setting, such as web.port=8081.")
@click.pass_context
def cli(ctx: click.Context, profile: str | None, overrides: tuple[str, ...]) -> None:
    """Voice of the customer as a stream: feedback in, understood clause by clause, alerts within seconds out."""
    ctx.obj = {"profile": profile, "overrides": overrides}


def main() -> None:
    """Entry point of the `vocengine` program: an error of ours is one sentence, not a traceback."""
    # Read when torch is loaded: threads that spin while they wait take the cores from the other roles.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        cli(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except VocengineError as error:
        click.echo(f"{click.style('error:', fg='red', bold=True)} {error}", err=True)
        sys.exit(1)
