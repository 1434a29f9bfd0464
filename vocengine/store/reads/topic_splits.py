"""One topic over time by channel, product, journey stage or segment; its share of all feedback; its emotions."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from vocengine.errors import InputError
from vocengine.store.reads.ranges import Range
from vocengine.store.reads.series import Bucket, Series, series_of_buckets, series_of_key
from vocengine.store.reads.session import Connection
from vocengine.store.registry import roots
from vocengine.store.tables import topic_mentions, topics
from vocengine.trends.change import Moments, added
from vocengine.trends.contribution import Contribution, Portion, contributions, whole
from vocengine.trends.mentions import CLEAR
from vocengine.trends.shares import (
    Counted,
    ShareChange,
    change_of_share,
    share_interval,
    smooth_share_intervals,
    smooth_shares,
)

MOST_VALUES = 10
MOST_EMOTIONS = 8
# Segments of the newest mentions are offered to choose from.
_LOOKED_AT = 1_000
_SEGMENT = re.compile(r"segment:(.{1,100})", re.DOTALL)
DIMENSIONS = ("channel", "product", "journey_stage")

Kind = Literal["value", "others", "missing"]


class DimensionError(InputError):
    """A dimension that feedback does not have."""


@dataclass(frozen=True, slots=True)
class SharePoint:
    """One bucket [at, at + bucket): `n` of `of`, the share 0..1 and the smoothed share, each with its 95 % interval."""

    at: datetime
    n: int
    of: int
    share: float | None
    low: float | None
    high: float | None
    smoothed: float | None
    smoothed_low: float | None
    smoothed_high: float | None


@dataclass(frozen=True, slots=True)
class ShareSeries:
    """A share over a range: its totals, its change in the last quarter against the one before, and its points."""

    name: str
    n: int
    of: int
    share: float | None
    low: float | None
    high: float | None
    change: ShareChange | None
    points: tuple[SharePoint, ...]


@dataclass(frozen=True, slots=True)
class SplitValue:
    """A value of a dimension within a topic; `kind` is others for all but the first `MOST_VALUES` together, and missing
    for mentions that have none.

    `share` is 0..1 of the topic's mentions. `contribution` is the value's part in the change of the topic's sentiment
    in the last quarter against the one before; null where either has no mentions.
    """

    name: str
    kind: Kind
    share: float
    series: Series
    contribution: Contribution | None


@dataclass(frozen=True, slots=True)
class TopicSplit:
    """A topic's trend, its share of all scored feedback, and the same trend by the values of a dimension."""

    topic_id: int
    label: str
    dimension: str
    series: Series
    share_of_voice: ShareSeries
    values: tuple[SplitValue, ...]


@dataclass(frozen=True, slots=True)
class TopicEmotions:
    """The emotions that a topic's mentions show, the most frequent first; a mention may show several or none."""

    topic_id: int
    label: str
    n: int
    emotions: tuple[ShareSeries, ...]


def topic_split(connection: Connection, topic_id: int, within: Range, dimension: str) -> TopicSplit | None:
    """One topic by the values of `dimension`: channel, product, journey_stage or segment:NAME; None where no topic has
    that id, and of a merged one the topic that it counts in. Raises DimensionError for any other dimension."""
    value = _value(dimension)
    found = _standing(connection, topic_id)
    if found is None:
        return None
    root, label, members = found
    series = series_of_key(connection, f"topic:{root}", within, parts=[f"topic:{part}" for part in members[1:]])
    everything = series_of_key(connection, "all", within)
    return TopicSplit(
        root,
        label,
        dimension,
        series,
        _shares(label, [p.n for p in series.points], [p.n for p in everything.points], within),
        _values(_cells(connection, members, within, value), within),
    )


def topic_emotions(connection: Connection, topic_id: int, within: Range) -> TopicEmotions | None:
    """The first `MOST_EMOTIONS` emotions of one topic; as `topic_split`."""
    found = _standing(connection, topic_id)
    if found is None:
        return None
    root, label, members = found
    m = topic_mentions.c
    bucket = _bucket(within)
    counted = sa.select(bucket, sa.func.count()).where(*_inside(members, within)).group_by(bucket)
    mentions: dict[datetime, int] = {at: n for at, n in connection.execute(counted)}
    emotion = sa.func.unnest(m.emotions).table_valued("name").render_derived()
    shown: defaultdict[str, dict[datetime, int]] = defaultdict(dict)
    for name, at, n in connection.execute(
        sa.select(emotion.c.name, bucket, sa.func.count())
        .select_from(topic_mentions.join(emotion, sa.true()))
        .where(*_inside(members, within))
        .group_by(emotion.c.name, bucket)
    ):
        shown[name][at] = n
    times = [within.start + i * within.bucket for i in range(within.buckets)]
    of = [mentions.get(at, 0) for at in times]
    frequent = sorted(shown, key=lambda name: (-sum(shown[name].values()), name))[:MOST_EMOTIONS]
    return TopicEmotions(
        root,
        label,
        sum(of),
        tuple(_shares(name, [shown[name].get(at, 0) for at in times], of, within) for name in frequent),
    )


def dimensions_of(connection: Connection, topic_id: int, within: Range) -> tuple[str, ...]:
    """The dimensions that a topic's newest mentions have values of, to choose from; channel always."""
    found = _standing(connection, topic_id)
    if found is None:
        return ("channel",)
    m = topic_mentions.c
    newest = (
        sa.select(m.product, m.journey_stage, m.segments)
        .where(*_inside(found[2], within))
        .order_by(m.occurred_at.desc())
        .limit(_LOOKED_AT)
        .cte("newest")
    )
    products, stages = connection.execute(
        sa.select(sa.func.count(newest.c.product), sa.func.count(newest.c.journey_stage))
    ).one()
    names = connection.scalars(sa.select(sa.func.jsonb_object_keys(newest.c.segments)).distinct())
    have = ["channel", *(["product"] if products else []), *(["journey_stage"] if stages else [])]
    return (*have, *sorted(f"segment:{name}" for name in names))


def _value(dimension: str) -> sa.ColumnElement[str | None]:
    """The column, or expression, that a dimension's values are in."""
    m = topic_mentions.c
    if dimension in DIMENSIONS:
        return m[dimension]
    segment = _SEGMENT.fullmatch(dimension)
    if segment is None or "\x00" in dimension:
        raise DimensionError(
            f"dimension is {dimension[:40]!r}; expected {', '.join(DIMENSIONS)} or segment:NAME, such as segment:region"
        )
    value: sa.ColumnElement[str | None] = m.segments[segment[1]].astext
    return value


def _standing(connection: Connection, topic_id: int) -> tuple[int, str, list[int]] | None:
    """The topic that an id counts in, its label, and all ids that count in it, its own first."""
    merged = roots(connection)
    root = merged.get(topic_id, topic_id)
    label = connection.scalar(
        sa.select(sa.func.coalesce(topics.c.name, topics.c.label)).where(topics.c.topic_id == root)
    )
    return None if label is None else (root, label, [root, *(part for part, into in merged.items() if into == root)])


def _inside(members: Sequence[int], within: Range) -> list[sa.ColumnElement[bool]]:
    m = topic_mentions.c
    return [m.topic_id.in_(members), m.occurred_at >= within.start, m.occurred_at < within.end]


def _bucket(within: Range) -> sa.ColumnElement[datetime]:
    return sa.func.date_bin(within.bucket, topic_mentions.c.occurred_at, sa.literal(within.start)).label("bucket")


def _cells(
    connection: Connection, members: Sequence[int], within: Range, value: sa.ColumnElement[str | None]
) -> dict[tuple[Kind, str], list[Bucket]]:
    """The buckets of the most mentioned values, of all others together, and of none."""
    score = sa.cast(topic_mentions.c.score, sa.Double)
    total, count = sa.func.sum, sa.func.count()
    cells = (
        sa.select(
            value.label("value"),
            _bucket(within),
            count.label("n"),
            count.filter(score < -CLEAR).label("negative_n"),
            count.filter(score > CLEAR).label("positive_n"),
            total(score).label("score_sum"),
            total(score * score).label("square_sum"),
        )
        .where(*_inside(members, within))
        .group_by(sa.literal_column("1"), sa.literal_column("2"))
        .cte("cells")
    )
    c = cells.c
    leading = (
        sa.select(c.value)
        .where(c.value.is_not(None))
        .group_by(c.value)
        .order_by(total(c.n).desc(), c.value)
        .limit(MOST_VALUES)
        .cte("leading")
    )
    kind = sa.case((c.value.is_(None), "missing"), (leading.c.value.is_not(None), "value"), else_="others")
    rows = connection.execute(
        sa.select(
            kind,
            leading.c.value,
            c.bucket,
            total(c.n),
            total(c.negative_n),
            total(c.positive_n),
            total(c.score_sum),
            total(c.square_sum),
        )
        .select_from(cells.outerjoin(leading, leading.c.value == c.value))
        .group_by(kind, leading.c.value, c.bucket)
    )
    found: defaultdict[tuple[Kind, str], list[Bucket]] = defaultdict(list)
    for which, name, at, n, negative_n, positive_n, score_sum, square_sum in rows:
        index = (at - within.start) // within.bucket
        moments = Moments(int(n), score_sum, square_sum)
        found[which, name or ""].append(Bucket(index, int(negative_n), int(positive_n), moments))
    return found


_NAMES: dict[Kind, str] = {"others": "all others", "missing": "not given"}


def _values(cells: dict[tuple[Kind, str], list[Bucket]], within: Range) -> tuple[SplitValue, ...]:
    recent, buckets = within.recent_buckets, within.buckets
    before: dict[tuple[Kind, str], Portion] = {}
    after: dict[tuple[Kind, str], Portion] = {}
    if buckets >= 2 * recent:
        for place, rows in cells.items():
            before[place] = _portion(row for row in rows if buckets - 2 * recent <= row.index < buckets - recent)
            after[place] = _portion(row for row in rows if row.index >= buckets - recent)
    made = contributions(before, after)
    everything = sum(row.moments.n for rows in cells.values() for row in rows)
    values = []
    for (kind, value), rows in cells.items():
        name = _NAMES.get(kind, value)
        series = series_of_buckets(name, rows, within)
        part = made.parts.get((kind, value)) if made else None
        values.append(SplitValue(name, kind, series.n / everything, series, part))
    order: dict[Kind, int] = {"value": 0, "others": 1, "missing": 2}
    return tuple(sorted(values, key=lambda v: (order[v.kind], -v.series.n, v.name)))


def _portion(rows: Iterable[Bucket]) -> Portion:
    m = added(row.moments for row in rows)
    return whole(m.n, m.total, m.square_total)


def _shares(name: str, n: Sequence[int], of: Sequence[int], within: Range) -> ShareSeries:
    # Feedback under two topics that were merged later counts twice in a topic; a share holds it to all there was.
    counted = [Counted(min(some, every), every) for some, every in zip(n, of, strict=True)]
    recent = within.recent_buckets
    points = []
    levels = zip(smooth_shares(counted), smooth_share_intervals(counted), strict=True)
    for i, (bucket, (level, band)) in enumerate(zip(counted, levels, strict=True)):
        at = within.start + i * within.bucket
        low, high = share_interval(bucket) or (None, None)
        points.append(SharePoint(at, bucket.n, bucket.of, bucket.share, low, high, level, *(band or (None, None))))
    everything = sum(counted, Counted())
    low, high = share_interval(everything) or (None, None)
    before = sum(counted[-2 * recent : -recent], Counted()) if len(counted) >= 2 * recent else Counted()
    change = change_of_share(before, sum(counted[-recent:], Counted()))
    return ShareSeries(name, everything.n, everything.of, everything.share, low, high, change, tuple(points))
