"""The topic registry: topics with ids that never change meaning, in versions that running members take up.

A fit, an edit by a person (`topic_edits`) and a rollback each make a version, in the caller's transaction. What a fit
says of a topic (centroid, words, label) stands apart from what people said of it (name, description, pin, merge), which
no fit touches. Writers wait for each other, so versions follow one another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from vocengine.contracts import Origin
from vocengine.errors import RegistryError, TopicUnknown
from vocengine.store.tables import topic_lineage, topic_states, topic_versions, topics
from vocengine.topics.assign import Topic, TopicIndex
from vocengine.topics.lineage import Change, Plan

_REGISTRY_LOCK = 7_018_006
_STATE = ("label", "keywords", "centroid", "threshold", "size", "examples")
MACHINE = "vocengine"


@dataclass(frozen=True, slots=True)
class Fit:
    """How topics were found: the encoder whose space they are in, how many spans, the share (0..1) of them in none."""

    encoder_digest: str
    spans: int
    outlier_share: float
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Registered:
    """A topic of the registry with what people said of it; `merged_into` and `retired_version` are null while it stands
    for itself and is in force."""

    topic: Topic
    name: str | None
    description: str | None
    pinned: bool
    merged_into: int | None
    born_version: int
    retired_version: int | None
    origin: Origin = "discovered"

    @property
    def title(self) -> str:
        """The name that a person gave it, else its label."""
        return self.name or self.topic.label


@dataclass(frozen=True, slots=True)
class AuditLine:
    """What became of a topic, by whom, on what evidence; `other_topic_id` is what it was merged into or split off."""

    version: int
    topic_id: int
    kind: str
    other_topic_id: int | None
    made_by: str
    made_at: datetime
    evidence: dict[str, Any]


def newest_version(connection: sa.Connection) -> int | None:
    """The registry version in force, None before the first fit."""
    version = connection.scalar(sa.select(sa.func.max(topic_versions.c.version)))
    return None if version is None else int(version)


def load_topics(connection: sa.Connection, *, retired: bool = False) -> list[Registered]:
    """The topics in force, parts that were merged into others among them; with `retired` also those no longer so."""
    query = sa.select(topics).order_by(topics.c.topic_id)
    if not retired:
        query = query.where(topics.c.retired_version.is_(None))
    return [
        Registered(
            Topic(
                topic_id=row.topic_id,
                label=row.label,
                keywords=tuple(row.keywords),
                centroid=np.frombuffer(bytes(row.centroid), dtype="<f4").astype(np.float32),
                threshold=row.threshold,
                size=row.size,
                examples=tuple(row.examples),
                origin=row.origin,
            ),
            row.name,
            row.description,
            row.pinned,
            row.merged_into,
            row.born_version,
            row.retired_version,
            row.origin,
        )
        for row in connection.execute(query)
    ]


def load_index(connection: sa.Connection) -> TopicIndex | None:
    """The topics in force as the stream assigns them; a merged one keeps its place and gives the other's id."""
    version = newest_version(connection)
    if version is None:
        return None
    found = {entry.topic.topic_id: entry for entry in load_topics(connection)}
    named = []
    for entry in found.values():
        root = found.get(entry.merged_into or entry.topic.topic_id, entry)
        named.append(replace(entry.topic, topic_id=root.topic.topic_id, label=root.title))
    return TopicIndex(version, tuple(named))


def load_anchors(connection: sa.Connection) -> tuple[TopicIndex | None, frozenset[int]]:
    """The discovered topics in force for a refit to be matched with, each under its own id, and the ids of those that
    it has to leave where they are: what people have pinned, put together or split."""
    version = newest_version(connection)
    if version is None:
        return None, frozenset()
    entries = [entry for entry in load_topics(connection) if entry.origin == "discovered"]
    apart = _split_by_people(connection)
    kept = frozenset(
        e.topic.topic_id for e in entries if e.pinned or e.merged_into is not None or e.topic.topic_id in apart
    )
    return TopicIndex(version, tuple(e.topic for e in entries)), kept


def encoder_digest(connection: sa.Connection) -> str | None:
    """The encoder in whose space the topics in force lie."""
    newest = sa.select(topic_versions.c.encoder_digest).order_by(topic_versions.c.version.desc()).limit(1)
    return connection.scalar(newest)


def lock(connection: sa.Connection) -> None:
    """Wait for other writers of the registry, until the end of the transaction."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_REGISTRY_LOCK)))


def apply(connection: sa.Connection, plan: Plan, fit: Fit, *, base_version: int | None, by: str = MACHINE) -> int:
    """Put a plan in force; returns the version. Raises RegistryError where the registry has moved on since then."""
    lock(connection)
    found = newest_version(connection)
    if found != base_version:
        raise RegistryError(
            f"the plan was made for registry version {base_version or 'none'} and {found} is in force: plan again"
        )
    version = new_version(connection, "refit", fit)
    lines: list[tuple[int, Change]] = []
    for topic, change in zip(plan.topics, plan.changes, strict=True):
        told = state(topic)
        if change.topic_id is None:
            added = sa.insert(topics).values(born_version=version, **told).returning(topics.c.topic_id)
            lines.append((connection.execute(added).scalar_one(), change))
        else:
            connection.execute(sa.update(topics).where(topics.c.topic_id == change.topic_id).values(**told))
            lines.append((change.topic_id, change))
    for category in plan.categories:
        connection.execute(sa.update(topics).where(topics.c.topic_id == category.topic_id).values(**state(category)))
    for change in plan.ended:
        assert change.topic_id is not None
        ended: dict[str, Any] = {"retired_version": version}
        if change.kind == "merged":
            ended["merged_into"] = change.other
        connection.execute(sa.update(topics).where(topics.c.topic_id == change.topic_id).values(**ended))
        lines.append((change.topic_id, change))
    flatten_merges(connection)
    keep_states(connection, version)
    for topic_id, change in lines:
        note(connection, version, topic_id, change.kind, by, other=change.other, evidence=change.evidence)
    return version


def give_birth(connection: sa.Connection, topic: Topic, *, by: str, evidence: dict[str, Any]) -> tuple[int, int]:
    """Put a topic that was found between two fits in force; returns its id and the version.

    The version has states of its own, so that a rollback to it keeps the topic.
    """
    lock(connection)
    fit, _ = latest_fit(connection)
    version = new_version(connection, "birth", fit)
    added = sa.insert(topics).values(born_version=version, **state(topic)).returning(topics.c.topic_id)
    topic_id = int(connection.execute(added).scalar_one())
    keep_states(connection, version)
    note(connection, version, topic_id, "born", by, evidence=evidence)
    return topic_id, version


def newest_fit_at(connection: sa.Connection) -> datetime | None:
    """When the newest refit was put in force, None before the first."""
    found: datetime | None = connection.scalar(
        sa.select(sa.func.max(topic_versions.c.created_at)).where(topic_versions.c.kind == "refit")
    )
    return found


def rollback(connection: sa.Connection, to_version: int, *, by: str) -> int:
    """Go back to what the fit of a version said; names, pins and merges by people stay. Returns the new version.

    Raises RegistryError for a version there never was, or one found in another encoder's space.
    """
    lock(connection)
    row = connection.execute(sa.select(topic_versions).where(topic_versions.c.version == to_version)).first()
    if row is None:
        newest = newest_version(connection)
        known = "there are none yet" if newest is None else f"there are 1 to {newest}"
        raise RegistryError(f"there is no registry version {to_version}: {known}")
    latest, _ = latest_fit(connection)
    if latest.encoder_digest != row.encoder_digest:
        raise RegistryError(
            f"registry version {to_version} was found with another encoder than the one in force: "
            "its topics lie elsewhere, refit instead"
        )
    fit = Fit(row.encoder_digest, row.spans_fitted, row.outlier_share, row.settings)
    version = new_version(connection, "rollback", fit, states_version=row.states_version)
    states = topic_states.alias("s")
    # The taxonomy is what its file says, whatever fits there were.
    in_force = sa.select(topics.c.topic_id).where(topics.c.retired_version.is_(None), topics.c.origin == "discovered")
    before = set(connection.scalars(in_force))
    wanted = set(connection.scalars(sa.select(states.c.topic_id).where(states.c.version == row.states_version)))
    connection.execute(
        sa.update(topics)
        .where(topics.c.topic_id == states.c.topic_id, states.c.version == row.states_version)
        .values(retired_version=None, **{name: states.c[name] for name in _STATE})
    )
    gone = sorted(before - wanted)
    connection.execute(sa.update(topics).where(topics.c.topic_id.in_(gone)).values(retired_version=version))
    # A merge by a fit is undone with the fit; those by people are of topics that stay in force.
    by_fits = (
        sa.select(topic_lineage.c.topic_id)
        .join(topic_versions, topic_versions.c.version == topic_lineage.c.version)
        .where(topic_lineage.c.kind == "merged", topic_versions.c.kind == "refit", topic_lineage.c.version > to_version)
    )
    connection.execute(
        sa.update(topics)
        .where(topics.c.topic_id.in_(wanted - before), topics.c.topic_id.in_(by_fits))
        .values(merged_into=None)
    )
    for topic_id in sorted(wanted - before):
        note(connection, version, topic_id, "restored", by, evidence={"from_version": to_version})
    for topic_id in gone:
        note(connection, version, topic_id, "retired", by, evidence={"to_version": to_version})
    return version


def lineage_of(connection: sa.Connection, topic_id: int) -> list[dict[str, Any]]:
    """What became of a topic, oldest first. Raises RegistryError for an unknown one."""
    known(connection, topic_id)
    query = sa.select(topic_lineage).where(
        (topic_lineage.c.topic_id == topic_id) | (topic_lineage.c.other_topic_id == topic_id)
    )
    return [dict(row) for row in connection.execute(query.order_by(topic_lineage.c.seq)).mappings()]


def versions(connection: sa.Connection) -> list[dict[str, Any]]:
    """The versions there have been, newest first, without their settings."""
    columns = [column for column in topic_versions.c if column.name != "settings"]
    query = sa.select(*columns).order_by(topic_versions.c.version.desc())
    return [dict(row) for row in connection.execute(query).mappings()]


def roots(connection: sa.Connection) -> dict[int, int]:
    """Which topic each merged one counts in."""
    query = sa.select(topics.c.topic_id, topics.c.merged_into).where(topics.c.merged_into.is_not(None))
    return {topic_id: root for topic_id, root in connection.execute(query)}


def latest_fit(connection: sa.Connection) -> tuple[Fit, int]:
    """How the topics in force were found, and the version whose states they are. There has to be a version."""
    latest = connection.execute(sa.select(topic_versions).order_by(topic_versions.c.version.desc()).limit(1)).one()
    fit = Fit(latest.encoder_digest, latest.spans_fitted, latest.outlier_share, latest.settings)
    return fit, latest.states_version


def new_version(connection: sa.Connection, kind: str, fit: Fit, *, states_version: int | None = None) -> int:
    """Make the next version, of the states of another or (by default) its own. The lock has to be held."""
    sequence = sa.func.nextval(sa.func.pg_get_serial_sequence("topic_versions", "version"))
    version = int(connection.execute(sa.select(sequence)).scalar_one())
    connection.execute(
        sa.insert(topic_versions).values(
            version=version,
            created_at=sa.func.now(),
            kind=kind,
            states_version=states_version or version,
            encoder_digest=fit.encoder_digest,
            spans_fitted=fit.spans,
            outlier_share=fit.outlier_share,
            settings=fit.settings,
        )
    )
    return version


def note(
    connection: sa.Connection,
    version: int,
    topic_id: int,
    kind: str,
    by: str,
    *,
    other: int | None = None,
    evidence: dict[str, Any],
) -> None:
    """Write down what became of a topic, by whom and on what evidence."""
    connection.execute(
        sa.insert(topic_lineage).values(
            version=version,
            topic_id=topic_id,
            kind=kind,
            other_topic_id=other,
            made_by=by,
            made_at=sa.func.now(),
            evidence=evidence,
        )
    )


def state(topic: Topic) -> dict[str, Any]:
    """What a fit says of a topic, as its row has it."""
    return {
        "label": topic.label,
        "keywords": list(topic.keywords),
        "centroid": np.asarray(topic.centroid, dtype="<f4").tobytes(),
        "threshold": topic.threshold,
        "size": topic.size,
        "examples": list(topic.examples),
    }


def keep_states(connection: sa.Connection, version: int) -> None:
    """Keep what this version says of the discovered topics, so that it can be gone back to."""
    columns = [topics.c.topic_id, *(topics.c[name] for name in _STATE)]
    discovered = topics.c.retired_version.is_(None) & (topics.c.origin == "discovered")
    rows = sa.select(sa.literal(version), *columns).where(discovered)
    connection.execute(sa.insert(topic_states).from_select(["version", "topic_id", *_STATE], rows))


def _split_by_people(connection: sa.Connection) -> set[int]:
    """The topics that people split, and what they were split into."""
    query = (
        sa.select(topic_lineage.c.topic_id, topic_lineage.c.other_topic_id)
        .join(topic_versions, topic_versions.c.version == topic_lineage.c.version)
        .where(topic_lineage.c.kind == "split", topic_versions.c.kind == "edit")
    )
    return {topic_id for pair in connection.execute(query) for topic_id in pair}


def flatten_merges(connection: sa.Connection) -> None:
    """Point every merged topic at the one that stands, however many steps away it is."""
    above = topics.alias("above")
    while connection.execute(
        sa.update(topics)
        .where(topics.c.merged_into == above.c.topic_id, above.c.merged_into.is_not(None))
        .values(merged_into=above.c.merged_into)
    ).rowcount:
        pass


def known(connection: sa.Connection, topic_id: int) -> Registered:
    """The topic of an id, in force or not. Raises TopicUnknown."""
    for entry in load_topics(connection, retired=True):
        if entry.topic.topic_id == topic_id:
            return entry
    raise TopicUnknown(f"there is no topic {topic_id}: `vocengine topics list` shows those there are")


def standing(connection: sa.Connection, topic_id: int, *, category: bool = False) -> Registered:
    """The topic, which has to be in force, for itself and (but with `category`) discovered. Raises RegistryError."""
    entry = known(connection, topic_id)
    if entry.merged_into is not None:
        raise RegistryError(f"topic {topic_id} was merged into {entry.merged_into}: name that one")
    if entry.retired_version is not None:
        raise RegistryError(
            f"topic {topic_id} is retired since registry version {entry.retired_version}: name one in force"
        )
    if entry.origin == "taxonomy" and not category:
        raise RegistryError(
            f"topic {topic_id} is the category {entry.title!r} of the taxonomy: change its file and apply it"
        )
    return entry
