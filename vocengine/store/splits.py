"""A topic split by a person, put in force."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from vocengine.errors import RegistryError
from vocengine.store import registry
from vocengine.store.tables import topics
from vocengine.topics.assign import Topic
from vocengine.topics.discover import Discovered


def apply(
    connection: sa.Connection, topic_id: int, parts: Sequence[Discovered], *, base_version: int, by: str
) -> tuple[int, tuple[int, ...]]:
    """Make a topic its first part and new topics of the others, in the caller's transaction, as one version.

    Topics that were merged into it lose their places, since the parts take in what was near them; their history still
    counts in it. Returns the version and the ids of the parts, in order. Raises RegistryError where the topic is not in
    force or the registry has moved on since `base_version`, under which the parts were found.
    """
    registry.lock(connection)
    entry = registry.standing(connection, topic_id)
    found = registry.newest_version(connection)
    if found != base_version:
        raise RegistryError(
            f"the parts were found in registry version {base_version} and {found} is in force: split again"
        )
    fit, _ = registry.latest_fit(connection)
    version = registry.new_version(connection, "edit", fit)
    kept, *others = parts
    # Its label stays, whatever the words of the part: the id stands for the history under that name too.
    ids = [topic_id]
    connection.execute(
        sa.update(topics)
        .where(topics.c.topic_id == topic_id)
        .values(**registry.state(_topic(kept, label=entry.topic.label)))
    )
    for part in others:
        added = sa.insert(topics).values(born_version=version, **registry.state(_topic(part, label=part.label)))
        ids.append(connection.execute(added.returning(topics.c.topic_id)).scalar_one())
    connection.execute(
        sa.update(topics)
        .where(topics.c.merged_into == topic_id, topics.c.retired_version.is_(None))
        .values(retired_version=version)
    )
    registry.keep_states(connection, version)
    spans = sum(part.size for part in parts)
    for part_id, part in zip(ids[1:], others, strict=True):
        evidence = {
            "spans": part.size,
            "of_parent": round(part.size / spans, 3),
            "cosine": round(float(part.centroid @ kept.centroid), 3),
        }
        registry.note(connection, version, part_id, "split", by, other=topic_id, evidence=evidence)
    return version, tuple(ids)


def _topic(part: Discovered, *, label: str) -> Topic:
    return Topic(0, label, part.keywords, part.centroid, part.threshold, part.size, part.examples)
