"""Topics with all that is known of them, for other tools."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from vocengine.contracts import Origin
from vocengine.store import registry
from vocengine.store.tables import rollups, topic_lineage


@dataclass(frozen=True, slots=True)
class Day:
    """A day (UTC) of a topic: mentions, clearly negative and positive ones, mean score −1..1."""

    day: date
    mentions: int
    negative: int
    positive: int
    sentiment: float


@dataclass(frozen=True, slots=True)
class Exported:
    """A topic; `name` is what people called it, null where `label` stands. What was said of one that was merged is
    counted in the days of the topic that it was merged into."""

    topic_id: int
    origin: Origin
    label: str
    name: str | None
    description: str | None
    pinned: bool
    merged_into: int | None
    split_off: int | None
    born_version: int
    retired_version: int | None
    threshold: float
    size: int
    keywords: tuple[str, ...]
    examples: tuple[str, ...]
    lineage: tuple[registry.AuditLine, ...]
    days: tuple[Day, ...]


def exported_topics(connection: sa.Connection, *, with_trends: bool = False) -> list[Exported]:
    """Every topic that there ever was, by id; with their days only where asked for."""
    lineage: defaultdict[int, list[registry.AuditLine]] = defaultdict(list)
    columns = [column for column in topic_lineage.c if column.name != "seq"]
    for row in connection.execute(sa.select(*columns).order_by(topic_lineage.c.seq)).mappings():
        lineage[row["topic_id"]].append(registry.AuditLine(**row))
    days = _days(connection) if with_trends else {}
    return [
        Exported(
            topic_id=entry.topic.topic_id,
            origin=entry.origin,
            label=entry.topic.label,
            name=entry.name,
            description=entry.description,
            pinned=entry.pinned,
            merged_into=entry.merged_into,
            split_off=next(
                (line.other_topic_id for line in lineage[entry.topic.topic_id] if line.kind == "split"), None
            ),
            born_version=entry.born_version,
            retired_version=entry.retired_version,
            threshold=entry.topic.threshold,
            size=entry.topic.size,
            keywords=entry.topic.keywords,
            examples=entry.topic.examples,
            lineage=tuple(lineage[entry.topic.topic_id]),
            days=tuple(days.get(entry.topic.topic_id, ())),
        )
        for entry in registry.load_topics(connection, retired=True)
    ]


def _days(connection: sa.Connection) -> dict[int, list[Day]]:
    counted_in = {f"topic:{part}": f"topic:{root}" for part, root in registry.roots(connection).items()}
    key: sa.ColumnElement[str] = rollups.c.key
    if counted_in:
        key = sa.case(counted_in, value=rollups.c.key, else_=rollups.c.key)
    counted = key.label("counted")
    day = sa.cast(sa.func.timezone("UTC", rollups.c.hour), sa.Date).label("day")
    total = sa.func.sum
    r = rollups.c
    query = (
        sa.select(counted, day, total(r.n), total(r.negative_n), total(r.positive_n), total(r.score_sum))
        .where(r.kind == "topic")
        .group_by(counted, day)
        .order_by(day)
    )
    found: defaultdict[int, list[Day]] = defaultdict(list)
    for name, at, n, negative, positive, score in connection.execute(query):
        found[int(name.partition(":")[2])].append(Day(at, int(n), int(negative), int(positive), round(score / n, 4)))
    return found
