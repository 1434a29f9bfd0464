"""How much came in by source, channel and hour of the wall clock: what silence is told by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import sqlalchemy as sa

from vocengine.contracts import Enriched
from vocengine.store.tables import arrivals

_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Arrived:
    """So many events that came by a source and channel in one hour, counted from 1970."""

    source: str
    channel: str
    hour: int
    n: int


def add(cursor: psycopg.Cursor[Any], events: Iterable[Enriched], *, fresh: timedelta) -> None:
    """Count new events by when they came in. What had happened longer ago than `fresh` is history, and counts nowhere:
    an import or a replay tells nothing of who sends now."""
    counts = Counter(
        (event.source, event.channel, event.received_at.replace(minute=0, second=0, microsecond=0))
        for event in events
        if event.received_at - event.occurred_at <= fresh
    )
    if not counts:
        return
    ordered = sorted(counts)  # the same lock order in every member
    cursor.execute(
        "INSERT INTO arrivals AS a (source, channel, hour, n) "
        "SELECT * FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::int[]) "
        "ON CONFLICT (source, channel, hour) DO UPDATE SET n = a.n + excluded.n",
        (
            [source for source, _, _ in ordered],
            [channel for _, channel, _ in ordered],
            [hour for _, _, hour in ordered],
            [counts[place] for place in ordered],
        ),
    )


def since(connection: sa.Connection, hour: int) -> list[Arrived]:
    """What came in that hour and after, in order of hours."""
    start = datetime.fromtimestamp(hour * _HOUR_S, UTC)
    query = sa.select(arrivals).where(arrivals.c.hour >= start).order_by(arrivals.c.hour)
    rows: Sequence[Any] = connection.execute(query).all()
    return [Arrived(row.source, row.channel, int(row.hour.timestamp()) // _HOUR_S, row.n) for row in rows]


def forget(connection: sa.Connection, *, before: int) -> None:
    """Delete what is of an hour before that."""
    connection.execute(sa.delete(arrivals).where(arrivals.c.hour < datetime.fromtimestamp(before * _HOUR_S, UTC)))
