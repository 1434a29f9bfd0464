"""One customer: what they said, and how their sentiment went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from vocengine.store.reads.cursor import Cursor
from vocengine.store.reads.ranges import MAX_DAYS, range_of
from vocengine.store.reads.series import Series, series_of_key
from vocengine.store.reads.session import Connection
from vocengine.store.reads.verbatims import Page, customer_verbatims
from vocengine.store.tables import rollups


@dataclass(frozen=True, slots=True)
class CustomerDetail:
    """A customer's verbatims and their trend, from the first (at most `MAX_DAYS` back) to the last hour.

    `series` is null where customers are not monitored or nothing of theirs could be scored.
    """

    customer_id: str
    series: Series | None
    verbatims: Page


def customer_detail(connection: Connection, customer_id: str, *, before: Cursor | None = None) -> CustomerDetail | None:
    """One customer, or None where nobody of that id said anything."""
    verbatims = customer_verbatims(connection, customer_id, before=before)
    series = _series(connection, f"customer:{customer_id}")
    if not verbatims.items and series is None:
        return None
    return CustomerDetail(customer_id, series, verbatims)


def _series(connection: Connection, key: str) -> Series | None:
    ends = sa.select(sa.func.min(rollups.c.hour), sa.func.max(rollups.c.hour)).where(rollups.c.key == key)
    first: datetime | None
    last: datetime | None
    first, last = connection.execute(ends).one()
    if first is None or last is None:
        return None
    end = last + timedelta(hours=1)
    # A life of one hour makes no line; a week around it shows where it stands.
    start = min(max(first, end - timedelta(days=MAX_DAYS)), end - timedelta(days=7))
    return series_of_key(connection, key, range_of(start, end))
