"""vocengine topics themes, rename-theme: topics under a few names."""

from __future__ import annotations

import getpass

import click

from vocengine.cli.context import settings_of


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON for machines.")
@click.pass_context
def themes(ctx: click.Context, as_json: bool) -> None:
    """Show the topics in force under their themes."""
    import orjson

    from vocengine.store import engine, registry
    from vocengine.store import themes as stored
    from vocengine.terminal import table

    with engine.transaction(engine.connect(settings_of(ctx))) as connection:
        found = stored.load(connection)
        entries = {entry.topic.topic_id: entry for entry in registry.load_topics(connection)}
    if as_json:
        rows = [{"theme_id": t.theme_id, "label": t.title, "topic_ids": t.topic_ids} for t in found]
        click.echo(orjson.dumps({"themes": rows}).decode())
        return
    if not found:
        click.echo("no themes yet: a refit forms them (`vocengine topics refit`)")
        return
    shown = []
    for theme in found:
        for place, topic_id in enumerate(theme.topic_ids):
            entry = entries[topic_id]
            first = place == 0
            shown.append(
                [theme.theme_id if first else "", theme.title if first else "", topic_id, entry.title, entry.topic.size]
            )
    table(["theme", "", "topic", "", "spans"], shown, title=f"{len(found)} themes")


@click.command("rename-theme")
@click.argument("theme_id", type=int)
@click.argument("name")
@click.option("--by", default=getpass.getuser, show_default="who is logged in", help="Who does it.")
@click.pass_context
def rename_theme(ctx: click.Context, theme_id: int, name: str, by: str) -> None:
    """Call a theme NAME from now on; refits leave the name alone."""
    from vocengine.store import engine
    from vocengine.store import themes as stored

    with engine.transaction(engine.connect(settings_of(ctx))) as connection:
        stored.rename(connection, theme_id, name, by=by)
    click.echo(f"theme {theme_id} is called {name!r}")
