"""vocengine doctor."""

from __future__ import annotations

import sys

import click

from vocengine.cli.context import settings_of


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Say what is missing and how to mend it; fails where a role could not run."""
    settings = settings_of(ctx)
    from rich.console import Console

    from vocengine.stream.diagnosis import diagnose

    marks = {"ok": "[green]✓[/]", "note": "[yellow]•[/]", "missing": "[red]✗[/]"}
    console = Console()
    findings = diagnose(settings)
    for finding in findings:
        console.print(f"{marks[finding.state]} [bold]{finding.subject}[/]: {finding.says}", highlight=False)
        if finding.mend:
            console.print(f"    → {finding.mend}", style="cyan", highlight=False)
    sys.exit(1 if any(f.state == "missing" for f in findings) else 0)
