"""Sentiment over time from the hourly rollups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from vocengine.store.reads.ranges import Range
from vocengine.store.reads.session import Connection
from vocengine.store.tables import rollups
from vocengine.trends.change import Change, Moments, added, change_of_mean, mean_interval, smooth, smooth_intervals


@dataclass(frozen=True, slots=True)
class Point:
    """One bucket [at, at + bucket): mentions, how many clearly negative and positive, mean score −1..1.

    `low` and `high` are the 95 % interval of the mean, `smoothed` the exponentially weighted mean up to here, and
    `smoothed_low` and `smoothed_high` the interval of that.
    """

    at: datetime
    n: int
    negative_n: int
    positive_n: int
    mean: float | None
    low: float | None
    high: float | None
    smoothed: float | None
    smoothed_low: float | None
    smoothed_high: float | None


@dataclass(frozen=True, slots=True)
class Series:
    """A key's trend over a range, its totals, and the change of the last quarter against the one before.

    `change` is null where either quarter has too few mentions to compare.
    """

    key: str
    n: int
    negative_n: int
    positive_n: int
    mean: float | None
    change: Change | None
    change_window_h: int
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was said in bucket `index` of a range."""

    index: int
    negative_n: int
    positive_n: int
    moments: Moments


def series_of_key(connection: Connection, key: str, within: Range, *, parts: Sequence[str] = ()) -> Series:
    """Trend of one key (`all`, `topic:12`, `customer:C-7`); all zeros where it was never mentioned.

    What was said under the keys `parts` counts in it; feedback that was under two of them counts twice.
    """
    found = _query(connection, rollups.c.key.in_([key, *parts]), within, dict.fromkeys(parts, key))
    return found.get(key) or empty_series(key, within)


def empty_series(key: str, within: Range) -> Series:
    """The trend of a key that was never mentioned."""
    return series_of_buckets(key, (), within)


def series_of_kind(
    connection: Connection, kind: str, within: Range, *, counted_in: Mapping[str, str] | None = None
) -> list[Series]:
    """Trends of all keys of a kind that were mentioned in the range, most mentioned first.

    `counted_in` names the keys whose feedback counts in another.
    """
    found = _query(connection, rollups.c.kind == kind, within, counted_in or {})
    return sorted(found.values(), key=lambda s: (-s.n, s.key))


def _query(
    connection: Connection, which: sa.ColumnElement[bool], within: Range, counted_in: Mapping[str, str]
) -> dict[str, Series]:
    key: sa.ColumnElement[str] = rollups.c.key
    if counted_in:
        key = sa.case(dict(counted_in), value=rollups.c.key, else_=rollups.c.key)
    key = key.label("counted_key")
    # date_bin counts in integers; extract(epoch …) would calculate in decimals, at twice the time.
    bucket = sa.func.date_bin(within.bucket, rollups.c.hour, sa.literal(within.start)).label("bucket")
    total = sa.func.sum
    statement = (
        sa.select(
            key,
            bucket,
            total(rollups.c.n),
            total(rollups.c.negative_n),
            total(rollups.c.positive_n),
            total(rollups.c.score_sum),
            total(rollups.c.score_square_sum),
        )
        .where(which, rollups.c.hour >= within.start, rollups.c.hour < within.end)
        .group_by(key, bucket)
    )
    rows: defaultdict[str, list[Bucket]] = defaultdict(list)
    for name, at, n, negative_n, positive_n, score_sum, square_sum in connection.execute(statement):
        index = (at - within.start) // within.bucket
        rows[name].append(Bucket(index, int(negative_n), int(positive_n), Moments(int(n), score_sum, square_sum)))
    return {name: series_of_buckets(name, found, within) for name, found in rows.items()}


def series_of_buckets(key: str, rows: Sequence[Bucket], within: Range) -> Series:
    """The trend that the buckets make; those that are missing are empty."""
    by_index = {row.index: row for row in rows}
    filled = [by_index.get(i) or Bucket(i, 0, 0, Moments()) for i in range(within.buckets)]
    moments = [row.moments for row in filled]
    smoothed = zip(smooth(moments), smooth_intervals(moments), strict=True)
    recent = within.recent_buckets
    points = []
    for row, (level, band) in zip(filled, smoothed, strict=True):
        low, high = mean_interval(row.moments) or (None, None)
        at = within.start + row.index * within.bucket
        n, mean = row.moments.n, row.moments.mean
        points.append(Point(at, n, row.negative_n, row.positive_n, mean, low, high, level, *(band or (None, None))))
    before = added(moments[-2 * recent : -recent]) if len(moments) >= 2 * recent else Moments()
    return Series(
        key=key,
        n=sum(m.n for m in moments),
        negative_n=sum(row.negative_n for row in filled),
        positive_n=sum(row.positive_n for row in filled),
        mean=added(moments).mean,
        change=change_of_mean(before, added(moments[-recent:])),
        change_window_h=recent * within.bucket_h,
        points=tuple(points),
    )
