"""Topics over time, and one topic in depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from vocengine.contracts import Origin
from vocengine.store.reads.ranges import Range
from vocengine.store.reads.series import Series, empty_series, series_of_key, series_of_kind
from vocengine.store.reads.session import Connection
from vocengine.store.registry import roots
from vocengine.store.tables import events, rollups, spans, themes, topics
from vocengine.trends.change import Moments

# The split by channel and product is of the newest clauses, so that its cost does not grow with the table.
SPLIT_CLAUSES = 1_000


@dataclass(frozen=True, slots=True)
class TopicTrend:
    """A topic with its trend; `share` is the part (0..1) of all scored feedback that speaks of it.

    `origin` tells a discovered topic from a category of the company's taxonomy; `theme` is the group of topics that it
    is in, null until a refit has grouped it.
    """

    topic_id: int
    label: str
    keywords: tuple[str, ...]
    retired: bool
    share: float
    series: Series
    origin: Origin = "discovered"
    theme: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A channel's or product's part in a topic: clauses, mean score −1..1, share (0..1) of the clauses."""

    name: str
    n: int
    mean: float
    share: float


@dataclass(frozen=True, slots=True)
class TopicDetail:
    """One topic in depth; the parts are of the newest `split_of` clauses in the range."""

    topic: TopicTrend
    description: str | None
    examples: tuple[str, ...]
    by_channel: tuple[Part, ...]
    by_product: tuple[Part, ...]
    split_of: int


def topic_trends(connection: Connection, within: Range) -> list[TopicTrend]:
    """All topics that are in use or were spoken of in the range, most mentioned first."""
    everything = _mentions(connection, "all", within)
    counted_in = {f"topic:{part}": f"topic:{root}" for part, root in roots(connection).items()}
    trends = {series.key: series for series in series_of_kind(connection, "topic", within, counted_in=counted_in)}
    found = []
    for row in connection.execute(sa.select(*_DESCRIPTION).where(topics.c.merged_into.is_(None))):
        series = trends.get(f"topic:{row.topic_id}")
        if series is None and row.retired_version is not None:
            continue
        found.append(_trend(row, series or empty_series(f"topic:{row.topic_id}", within), everything))
    return sorted(found, key=lambda topic: (-topic.series.n, topic.topic_id))


def topic_detail(connection: Connection, topic_id: int, within: Range) -> TopicDetail | None:
    """One topic, or None where no topic has that id; of a merged one, the topic that it counts in."""
    merged = roots(connection)
    topic_id = merged.get(topic_id, topic_id)
    parts = [part for part, root in merged.items() if root == topic_id]
    row = connection.execute(
        sa.select(*_DESCRIPTION, topics.c.description, topics.c.examples).where(topics.c.topic_id == topic_id)
    ).first()
    if row is None:
        return None
    everything = _mentions(connection, "all", within)
    series = series_of_key(connection, f"topic:{topic_id}", within, parts=[f"topic:{part}" for part in parts])
    column = clause_column(row.origin)
    by_channel, by_product, split_of = _split(connection, column.in_([topic_id, *parts]), within)
    return TopicDetail(
        _trend(row, series, everything), row.description, tuple(row.examples), by_channel, by_product, split_of
    )


_DESCRIPTION = (
    topics.c.topic_id,
    sa.func.coalesce(topics.c.name, topics.c.label).label("label"),
    topics.c.keywords,
    topics.c.retired_version,
    topics.c.origin,
    sa.select(sa.func.coalesce(themes.c.name, themes.c.label))
    .where(themes.c.theme_id == topics.c.theme_id)
    .scalar_subquery()
    .label("theme"),
)


def clause_column(origin: Origin | None) -> sa.Column[int | None]:
    """Where a clause names its nearest topic of that origin."""
    return spans.c.category_id if origin == "taxonomy" else spans.c.topic_id


def _trend(row: Any, series: Series, everything: int) -> TopicTrend:
    return TopicTrend(
        topic_id=row.topic_id,
        label=row.label,
        keywords=tuple(row.keywords),
        retired=row.retired_version is not None,
        share=series.n / everything if everything else 0.0,
        series=series,
        origin=row.origin,
        theme=row.theme,
    )


def _mentions(connection: Connection, key: str, within: Range) -> int:
    n = connection.scalar(
        sa.select(sa.func.sum(rollups.c.n)).where(
            rollups.c.key == key, rollups.c.hour >= within.start, rollups.c.hour < within.end
        )
    )
    return int(n or 0)


def _split(
    connection: Connection, on_topic: sa.ColumnElement[bool], within: Range
) -> tuple[tuple[Part, ...], tuple[Part, ...], int]:
    newest = (
        sa.select(spans.c.event_id, spans.c.occurred_at, spans.c.sentiment_score)
        .where(on_topic, spans.c.occurred_at >= within.start, spans.c.occurred_at < within.end)
        .order_by(spans.c.occurred_at.desc())
        .limit(SPLIT_CLAUSES)
        .cte("newest")
    )
    rows = connection.execute(
        sa.select(events.c.channel, events.c.product, sa.func.count(), sa.func.sum(newest.c.sentiment_score))
        .join(
            newest,
            sa.and_(events.c.event_id == newest.c.event_id, events.c.occurred_at == newest.c.occurred_at),
        )
        .group_by(events.c.channel, events.c.product)
    ).all()
    by_channel: dict[str, Moments] = {}
    by_product: dict[str, Moments] = {}
    for channel, product, n, total in rows:
        by_channel[channel] = by_channel.get(channel, Moments()) + Moments(n, total)
        if product is not None:
            by_product[product] = by_product.get(product, Moments()) + Moments(n, total)
    split_of = sum(m.n for m in by_channel.values())
    return _parts(by_channel, split_of), _parts(by_product, split_of), split_of


def _parts(sums: dict[str, Moments], of: int) -> tuple[Part, ...]:
    parts = [Part(name, m.n, m.mean or 0.0, m.n / of) for name, m in sums.items()]
    return tuple(sorted(parts, key=lambda part: (-part.n, part.name)))
