"""How much of what was said a company's taxonomy covers, and how its categories lie across the discovered topics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from vocengine.store.reads.ranges import newest_hour
from vocengine.store.registry import load_topics, roots
from vocengine.store.tables import events, spans
from vocengine.store.taxonomies import since_version


@dataclass(frozen=True, slots=True)
class Crossing:
    """Clauses that are in a category and in a discovered topic; either is null for those in none.

    The shares (0..1) are of the category's clauses and of the topic's.
    """

    category_id: int | None
    category: str | None
    topic_id: int | None
    topic: str | None
    n: int
    of_category: float
    of_topic: float


@dataclass(frozen=True, slots=True)
class Covered:
    """A category with its clauses and their share (0..1) of all."""

    category_id: int
    category: str
    n: int
    share: float


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """`coverage` is the part (0..1) of `clauses` that is in any category.

    Counted are clauses of the last `days` days of the data that were read under the taxonomy in force, which is that of
    registry version `since_version`; what was stored before it was never held against it.
    """

    since_version: int | None
    days: int
    clauses: int
    coverage: float
    categories: tuple[Covered, ...]
    crossings: tuple[Crossing, ...]


def coverage_report(connection: sa.Connection, *, days: int = 28) -> CoverageReport:
    """Coverage and confusion with the discovered topics, the largest first; merged topics count in their others."""
    since, newest = since_version(connection), newest_hour(connection)
    if since is None or newest is None:
        return CoverageReport(since, days, 0, 0.0, (), ())
    same = sa.and_(events.c.event_id == spans.c.event_id, events.c.occurred_at == spans.c.occurred_at)
    query = (
        sa.select(spans.c.category_id, spans.c.topic_id, sa.func.count())
        .join(events, same)
        .where(
            spans.c.occurred_at >= newest + timedelta(hours=1) - timedelta(days=days),
            events.c.topics_version >= since,
        )
        .group_by(spans.c.category_id, spans.c.topic_id)
    )
    counted_in = roots(connection)
    entries = {entry.topic.topic_id: entry for entry in load_topics(connection, retired=True)}
    cells: dict[tuple[int | None, int | None], int] = {}
    for category_id, topic_id, n in connection.execute(query):
        place = (category_id, counted_in.get(topic_id, topic_id))
        cells[place] = cells.get(place, 0) + n
    by_category: dict[int | None, int] = {
        entry.topic.topic_id: 0
        for entry in entries.values()
        if entry.origin == "taxonomy" and entry.retired_version is None
    }
    by_topic: dict[int | None, int] = {}
    for (category_id, topic_id), n in cells.items():
        by_category[category_id] = by_category.get(category_id, 0) + n
        by_topic[topic_id] = by_topic.get(topic_id, 0) + n
    clauses = sum(cells.values())

    def title(topic_id: int | None) -> str | None:
        return entries[topic_id].title if topic_id in entries else None

    return CoverageReport(
        since_version=since,
        days=days,
        clauses=clauses,
        coverage=1 - by_category.get(None, 0) / clauses if clauses else 0.0,
        categories=tuple(
            Covered(category_id, title(category_id) or str(category_id), n, n / clauses if clauses else 0.0)
            for category_id, n in sorted(by_category.items(), key=lambda item: -item[1])
            if category_id is not None
        ),
        crossings=tuple(
            Crossing(
                category_id,
                title(category_id),
                topic_id,
                title(topic_id),
                n,
                n / by_category[category_id],
                n / by_topic[topic_id],
            )
            for (category_id, topic_id), n in sorted(cells.items(), key=lambda item: (-item[1], str(item[0])))
        ),
    )
