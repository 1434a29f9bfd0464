"""The stretch of time that a page shows, and how it is cut into buckets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import sqlalchemy as sa

from vocengine.store.reads.session import Connection
from vocengine.store.tables import rollups

DEFAULT_DAYS = 28
MAX_DAYS = 400
# More points than a chart or a reader can tell apart.
MAX_POINTS = 1_000
By = Literal["hour", "day", "week"]
BY_HOURS: dict[By, int] = {"hour": 1, "day": 24, "week": 168}
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
# Widths a reader knows by name, each up to the length where the chart would become a comb.
_WIDTHS = ((timedelta(days=3), _HOUR), (timedelta(days=120), _DAY), (timedelta(days=MAX_DAYS * 2), 7 * _DAY))


@dataclass(frozen=True, slots=True)
class Range:
    """Half-open [start, end) in UTC on whole hours, in buckets of `bucket_h` hours counted from `start`."""

    start: datetime
    end: datetime
    bucket_h: int

    @property
    def bucket(self) -> timedelta:
        """Width of a bucket."""
        return timedelta(hours=self.bucket_h)

    @property
    def buckets(self) -> int:
        """Number of buckets; the last may reach over `end`."""
        return -(-(self.end - self.start) // self.bucket)

    @property
    def recent_buckets(self) -> int:
        """Buckets of the window whose mean is compared with the one of the same length before it: a quarter."""
        return max(1, round(self.buckets / 4))


def range_of(start: datetime, end: datetime) -> Range:
    """[start, end) widened to whole hours. Raises ValueError where it is empty or longer than `MAX_DAYS`."""
    start = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    end = end.astimezone(UTC)
    if end != end.replace(minute=0, second=0, microsecond=0):
        end = end.replace(minute=0, second=0, microsecond=0) + _HOUR
    length = end - start
    if length <= timedelta(0):
        raise ValueError(f"from {start.isoformat()} is not before to {end.isoformat()}")
    if length > timedelta(days=MAX_DAYS):
        raise ValueError(f"the range spans {length.days} days; at most {MAX_DAYS} can be shown")
    width = next(width for upto, width in _WIDTHS if length <= upto)
    return Range(start, end, width // _HOUR)


def cut_by(within: Range, by: By | None) -> Range:
    """The range in buckets of an hour, a day or a week; as it is where `by` is null.

    Raises ValueError where that gives more than `MAX_POINTS` buckets.
    """
    if by is None:
        return within
    cut = replace(within, bucket_h=BY_HOURS[by])
    if cut.buckets > MAX_POINTS:
        raise ValueError(
            f"by is {by!r}, which cuts these {(within.end - within.start).days} days into {cut.buckets:,} points; at "
            f"most {MAX_POINTS:,} can be shown: take by=day, or at most {MAX_POINTS * cut.bucket_h // 24} days"
        )
    return cut


def newest_hour(connection: Connection) -> datetime | None:
    """The last hour in which anything was said; null in an empty database."""
    # One step on the primary key (key, hour), however long the table.
    found: datetime | None = connection.scalar(sa.select(sa.func.max(rollups.c.hour)).where(rollups.c.key == "all"))
    return found


def latest_range(connection: Connection, *, days: int = DEFAULT_DAYS) -> Range | None:
    """The data's own last `days` days, to the end of its last day; null in an empty database."""
    newest = newest_hour(connection)
    if newest is None:
        return None
    end = newest.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
    if days == 1:  # a day is read by the hour, so it ends with the hour, not half empty at midnight
        end = newest.astimezone(UTC) + _HOUR
    return range_of(end - timedelta(days=days), end)
