"""vocengine topics candidates, adopt, dismiss: what is newly spoken of and not yet a topic."""

from __future__ import annotations

import click

from vocengine.cli.registry import by_option as _by
from vocengine.cli.registry import transaction as _transaction


@click.command()
@click.option("--all", "settled", is_flag=True, help="Those adopted and dismissed too.")
@click.option("--json", "as_json", is_flag=True, help="JSON for machines.")
@click.pass_context
def candidates(ctx: click.Context, settled: bool, as_json: bool) -> None:
    """List what is newly spoken of and not yet a topic."""
    from dataclasses import asdict

    import orjson

    from vocengine.store import candidates as stored
    from vocengine.terminal import table

    with _transaction(ctx) as connection:
        found = stored.load(connection, status=None if settled else "open")
    if as_json:
        left_out = ("centroid", "encoder_digest")
        rows = [{name: value for name, value in asdict(c).items() if name not in left_out} for c in found]
        click.echo(orjson.dumps({"candidates": rows}).decode())
        return
    if not found:
        click.echo("no candidates" if settled else "no open candidates: `--all` shows those adopted and dismissed too")
        return
    table(
        ["id", "candidate", "spans", "first said", "", "an example"],
        [
            [
                c.candidate_id,
                c.label,
                c.size,
                f"{c.first_seen:%Y-%m-%d %H:%M}",
                c.status if c.topic_id is None else f"{c.status} as topic {c.topic_id}",
                c.examples[0][:70],
            ]
            for c in found
        ],
        title="`vocengine topics adopt ID` makes a topic of one, `dismiss ID` puts it aside",
    )


@click.command()
@click.argument("candidate_id", type=int)
@click.option("--name", help="What the topic is called; otherwise its words.")
@_by
@click.pass_context
def adopt(ctx: click.Context, candidate_id: int, name: str | None, by: str) -> None:
    """Make a candidate a topic; running members take it up within seconds."""
    from vocengine.store import candidates as stored

    with _transaction(ctx) as connection:
        topic_id, made = stored.adopt(connection, candidate_id, by=by, name=name)
    click.echo(f"registry version {made}: candidate {candidate_id} is topic {topic_id}")


@click.command()
@click.argument("candidate_id", type=int)
@_by
@click.pass_context
def dismiss(ctx: click.Context, candidate_id: int, by: str) -> None:
    """Say that a candidate is no topic; its like is not reported again before the next refit."""
    from vocengine.store import candidates as stored

    with _transaction(ctx) as connection:
        stored.dismiss(connection, candidate_id, by=by)
    click.echo(f"candidate {candidate_id} is dismissed")
