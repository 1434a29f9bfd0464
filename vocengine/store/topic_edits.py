"""What people do to topics: name, describe, pin, merge and retire them, each an edit that refits leave alone.

Each makes a registry version in the caller's transaction, with a line in the audit trail that says who did it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from vocengine.errors import RegistryError
from vocengine.store import registry
from vocengine.store.tables import topics


def rename(connection: sa.Connection, topic_id: int, name: str, *, by: str) -> int:
    """Give a topic a name of its own. Raises RegistryError for no name, or one that another topic in force has."""
    name = " ".join(name.split())
    if not name:
        raise RegistryError(f"the name of topic {topic_id} is blank: give it one to four words")
    registry.lock(connection)
    entry = registry.standing(connection, topic_id)
    for other in registry.load_topics(connection):
        if other.merged_into is not None or other.topic.topic_id == topic_id or other.origin != entry.origin:
            continue
        if other.title.lower() == name.lower():
            raise RegistryError(
                f"topic {other.topic.topic_id} is already called {name!r}: merge the two, or name it apart"
            )
    return _edit(connection, topic_id, "renamed", by, {"from": entry.title, "to": name}, name=name)


def describe(connection: sa.Connection, topic_id: int, description: str, *, by: str) -> int:
    """Say in words what belongs to a topic."""
    registry.lock(connection)
    registry.standing(connection, topic_id)
    return _edit(connection, topic_id, "described", by, {"to": description}, description=description.strip() or None)


def pin(connection: sa.Connection, topic_id: int, pinned: bool, *, by: str) -> int:
    """Keep a topic where it is and in force whatever refits find; or let it go again."""
    registry.lock(connection)
    registry.standing(connection, topic_id)
    return _edit(connection, topic_id, "pinned" if pinned else "unpinned", by, {}, pinned=pinned)


def retire(connection: sa.Connection, topic_id: int, *, by: str) -> int:
    """Take a topic, with all that was merged into it, out of force; its history stays.

    A category of the taxonomy comes back when a file that has it is applied again.
    """
    registry.lock(connection)
    registry.standing(connection, topic_id, category=True)
    version = _edit(connection, topic_id, "retired", by, {}, pinned=False)
    parts = (topics.c.topic_id == topic_id) | (topics.c.merged_into == topic_id)
    connection.execute(
        sa.update(topics).where(parts, topics.c.retired_version.is_(None)).values(retired_version=version)
    )
    return version


def merge(connection: sa.Connection, topic_ids: Sequence[int], into: int, *, by: str) -> int:
    """Make topics parts of another: what is near them counts there from now on, and their history too.

    Raises RegistryError for a topic merged into itself, and for one that is unknown, retired or merged already.
    """
    registry.lock(connection)
    registry.standing(connection, into)
    for topic_id in topic_ids:
        if topic_id == into:
            raise RegistryError(f"topic {into} cannot be merged into itself: name two different topics")
        registry.standing(connection, topic_id)
    version = 0
    for topic_id in dict.fromkeys(topic_ids):
        version = _edit(connection, topic_id, "merged", by, {}, other=into, merged_into=into)
    registry.flatten_merges(connection)
    return version


def _edit(
    connection: sa.Connection,
    topic_id: int,
    kind: str,
    by: str,
    detail: dict[str, Any],
    *,
    other: int | None = None,
    **values: Any,
) -> int:
    fit, states_version = registry.latest_fit(connection)
    version = registry.new_version(connection, "edit", fit, states_version=states_version)
    connection.execute(sa.update(topics).where(topics.c.topic_id == topic_id).values(**values))
    registry.note(connection, version, topic_id, kind, by, other=other, evidence=detail)
    return version
