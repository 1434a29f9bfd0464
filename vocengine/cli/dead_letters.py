"""vocengine dead-letters list | replay."""

from __future__ import annotations

import click

from vocengine.cli.context import settings_of


@click.group("dead-letters")
def dead_letters() -> None:
    """What could not be processed, with the reason."""


@dead_letters.command("list")
@click.option("--code", help="Only this error code.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, raw bytes included.")
@click.pass_context
def list_letters(ctx: click.Context, code: str | None, limit: int, as_json: bool) -> None:
    """List dead letters, newest last."""
    settings = settings_of(ctx)
    from vocengine.contracts import encode
    from vocengine.stream import letters
    from vocengine.terminal import table

    found = [(at, letter) for at, letter in letters.read(settings.kafka) if code is None or letter.code == code]
    if as_json:
        for _, letter in found[-limit:]:
            click.echo(encode(letter).decode())
        return
    if not found:
        click.echo("no dead letters")
        return
    table(
        ["offset", "failed at", "role", "code", "from", "why"],
        [
            [
                at,
                f"{letter.failed_at:%Y-%m-%d %H:%M:%S}",
                letter.role,
                letter.code,
                f"{letter.topic}[{letter.partition}]@{letter.offset}",
                letter.message,
            ]
            for at, letter in found[-limit:]
        ],
        title=f"{len(found):,} dead letters" + (f", the newest {limit}" if len(found) > limit else ""),
    )


@dead_letters.command()
@click.option("--code", help="Only this error code.")
@click.option("--from-offset", type=int, default=0, help="Begin at this offset of the dead letters.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent.")
@click.pass_context
def replay(ctx: click.Context, code: str | None, from_offset: int, dry_run: bool) -> None:
    """Send dead letters back to the topic they came from, byte for byte, each once."""
    settings = settings_of(ctx)
    from vocengine.stream import letters

    result = letters.replay(settings.kafka, code=code, from_offset=from_offset, dry_run=dry_run)
    verb = "would be sent" if dry_run else "sent"
    click.echo(
        f"{result.sent:,} {verb} back, {result.skipped:,} left (other code, sent before, no value, or a row of a file)"
    )
