"""A company's categories in the registry: beside the discovered topics, with ids that follow their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa

from vocengine.errors import RegistryError
from vocengine.store import registry
from vocengine.store.registry import Fit, Registered
from vocengine.store.tables import topic_lineage, topics
from vocengine.topics.assign import Topic
from vocengine.topics.taxonomy import Category

Kind = Literal["defined", "redefined", "restored", "retired"]
# The audit trail's words for what makes the taxonomy be another than before.
_CHANGES = ("defined", "redefined", "restored", "retired")


@dataclass(frozen=True, slots=True)
class Step:
    """What applying a taxonomy does to one category; `topic_id` is null for a new one, `changed` names what differs."""

    kind: Kind
    name: str
    topic_id: int | None
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The registry version in force afterwards (the one before where nothing changes) and what was done."""

    version: int
    steps: tuple[Step, ...] = ()
    unchanged: int = 0
    ids: dict[str, int] = field(default_factory=dict)


def categories(connection: sa.Connection, *, retired: bool = False) -> list[Registered]:
    """The categories in force; with `retired` also those that were taken out of the file."""
    return [entry for entry in registry.load_topics(connection, retired=retired) if entry.origin == "taxonomy"]


def definitions(connection: sa.Connection) -> dict[int, Category]:
    """The categories in force as their file defined them, by id."""
    return {
        entry.topic.topic_id: Category(entry.topic.label, entry.description, entry.topic.examples)
        for entry in categories(connection)
    }


def steps(connection: sa.Connection, defined: Sequence[Category], placed: Sequence[Topic]) -> tuple[list[Step], int]:
    """What applying these categories, placed in step, would do; and how many it would leave as they are."""
    known = {entry.topic.label.casefold(): entry for entry in categories(connection, retired=True)}
    found: list[Step] = []
    for category, topic in zip(defined, placed, strict=True):
        entry = known.pop(category.name.casefold(), None)
        if entry is None:
            found.append(Step("defined", category.name, None))
        elif entry.retired_version is not None:
            found.append(Step("restored", category.name, entry.topic.topic_id))
        elif changed := _changed(entry, category, topic):
            found.append(Step("redefined", category.name, entry.topic.topic_id, changed))
    unchanged = len(defined) - len(found)
    found += [
        Step("retired", entry.topic.label, entry.topic.topic_id)
        for entry in known.values()
        if entry.retired_version is None
    ]
    return found, unchanged


def apply(
    connection: sa.Connection, defined: Sequence[Category], placed: Sequence[Topic], *, encoder_digest: str, by: str
) -> Outcome:
    """Make these the company's categories, placed in step by that encoder; in the caller's transaction, as one version.

    A name that was there before keeps its id, one that is gone is retired. Raises RegistryError where the discovered
    topics in force lie in another encoder's space.
    """
    registry.lock(connection)
    before = registry.newest_version(connection)
    fit = Fit(encoder_digest, 0, 0.0, {})
    states_version = None
    if before is not None:
        fit, states_version = registry.latest_fit(connection)
        check_encoder(connection, encoder_digest)
        fit = Fit(encoder_digest, fit.spans, fit.outlier_share, fit.settings)
    done, unchanged = steps(connection, defined, placed)
    if before is not None and not done:
        return Outcome(before, unchanged=unchanged, ids=_ids(connection))
    version = registry.new_version(connection, "taxonomy", fit, states_version=states_version)
    stated = {c.name: (c, t) for c, t in zip(defined, placed, strict=True)}
    for step in done:
        topic_id = step.topic_id
        if step.kind == "retired":
            _set(connection, topic_id, {"retired_version": version, "pinned": False})
        else:
            category, topic = stated[step.name]
            values = registry.state(topic) | {"description": category.description, "retired_version": None}
            if topic_id is None:
                added = sa.insert(topics).values(origin="taxonomy", born_version=version, **values)
                topic_id = connection.execute(added.returning(topics.c.topic_id)).scalar_one()
            else:
                _set(connection, topic_id, values)
        assert topic_id is not None
        evidence: dict[str, Any] = {"name": step.name}
        if step.changed:
            evidence["changed"] = ", ".join(step.changed)
        registry.note(connection, version, topic_id, step.kind, by, evidence=evidence)
    return Outcome(version, tuple(done), unchanged, _ids(connection))


def check_encoder(connection: sa.Connection, encoder_digest: str) -> None:
    """Raises RegistryError where discovered topics are in force that another encoder found."""
    discovered = any(entry.origin == "discovered" for entry in registry.load_topics(connection))
    if discovered and registry.encoder_digest(connection) != encoder_digest:
        raise RegistryError(
            "the topics in force were found with another encoder, which sees texts elsewhere: "
            "run `vocengine topics refit` first"
        )


def since_version(connection: sa.Connection) -> int | None:
    """The registry version of the last change of the taxonomy, None where there never was one."""
    query = (
        sa.select(sa.func.max(topic_lineage.c.version))
        .join(topics, topics.c.topic_id == topic_lineage.c.topic_id)
        .where(topics.c.origin == "taxonomy", topic_lineage.c.kind.in_(_CHANGES))
    )
    found: int | None = connection.scalar(query)
    return found


def _changed(entry: Registered, category: Category, topic: Topic) -> tuple[str, ...]:
    old = entry.topic
    differs = {
        "name": old.label != category.name,
        "description": entry.description != category.description,
        "examples": old.examples != category.examples,
        "threshold": old.threshold != topic.threshold,
        "place": float(old.centroid @ topic.centroid) < 1 - 1e-4 if len(old.centroid) == len(topic.centroid) else True,
    }
    return tuple(name for name, holds in differs.items() if holds)


def _set(connection: sa.Connection, topic_id: int | None, values: dict[str, Any]) -> None:
    connection.execute(sa.update(topics).where(topics.c.topic_id == topic_id).values(**values))


def _ids(connection: sa.Connection) -> dict[str, int]:
    return {entry.topic.label: entry.topic.topic_id for entry in categories(connection)}
