"""Themes as they are stored: groups of topics with ids of their own, formed anew at a refit, named by people."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from vocengine.errors import RegistryError
from vocengine.store import registry
from vocengine.store.tables import themes, topics
from vocengine.topics import hierarchy


@dataclass(frozen=True, slots=True)
class RegisteredTheme:
    """A theme in force with its topics, largest first; `name` is what a person called it."""

    theme_id: int
    label: str
    name: str | None
    topic_ids: tuple[int, ...]

    @property
    def title(self) -> str:
        """The name that a person gave it, else its label."""
        return self.name or self.label


def regroup(connection: sa.Connection) -> None:
    """Form the themes of the topics in force; a theme that stays mostly the same keeps its id and its name."""
    entries = registry.load_topics(connection)
    standing = [e.topic for e in entries if e.merged_into is None and e.origin == "discovered"]
    rows = connection.execute(
        sa.select(topics.c.topic_id, topics.c.theme_id).where(topics.c.theme_id.is_not(None))
    ).all()
    found = hierarchy.themes_of(standing, {row.topic_id: row.theme_id for row in rows})
    connection.execute(sa.update(topics).values(theme_id=None))
    for theme in found:
        theme_id = theme.theme_id
        if theme_id is None:
            added = sa.insert(themes).values(label=theme.label).returning(themes.c.theme_id)
            theme_id = connection.execute(added).scalar_one()
        else:
            connection.execute(sa.update(themes).where(themes.c.theme_id == theme_id).values(label=theme.label))
        connection.execute(sa.update(topics).where(topics.c.topic_id.in_(theme.topic_ids)).values(theme_id=theme_id))


def load(connection: sa.Connection) -> list[RegisteredTheme]:
    """The themes of the topics in force, the one with most spans first."""
    ids = sa.func.array_agg(sa.dialects.postgresql.aggregate_order_by(topics.c.topic_id, topics.c.size.desc()))
    query = (
        sa.select(themes.c.theme_id, themes.c.label, themes.c.name, ids.label("topic_ids"))
        .join(topics, topics.c.theme_id == themes.c.theme_id)
        .where(topics.c.retired_version.is_(None), topics.c.merged_into.is_(None))
        .group_by(themes.c.theme_id)
        .order_by(sa.func.sum(topics.c.size).desc())
    )
    return [RegisteredTheme(r.theme_id, r.label, r.name, tuple(r.topic_ids)) for r in connection.execute(query)]


def rename(connection: sa.Connection, theme_id: int, name: str, *, by: str) -> None:
    """Give a theme a name of its own, which refits leave alone.

    Raises RegistryError for no name, one that another theme has, or an unknown theme.
    """
    name = " ".join(name.split())
    if not name:
        raise RegistryError(f"the name of theme {theme_id} is blank: give it one to four words")
    known = {theme.theme_id: theme for theme in load(connection)}
    if theme_id not in known:
        raise RegistryError(
            f"there is no theme {theme_id} in force; `vocengine topics themes` lists {len(known)} of them"
        )
    for other in known.values():
        if other.theme_id != theme_id and other.title.lower() == name.lower():
            raise RegistryError(f"theme {other.theme_id} is already called {name!r}: name this one apart")
    values = {"name": name, "named_by": by, "named_at": sa.func.now()}
    connection.execute(sa.update(themes).where(themes.c.theme_id == theme_id).values(**values))
