"""The keys that have a detector, with their traffic."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from vocengine.alerts.policy_report import WatchedKey
from vocengine.key_patterns import is_kind
from vocengine.store.reads.key_labels import label_of
from vocengine.store.reads.ranges import newest_hour
from vocengine.store.reads.session import Connection
from vocengine.store.stored_events import topic_labels
from vocengine.store.tables import detector_state, rollups

TRAFFIC_DAYS = 7


def watched_keys(connection: Connection) -> list[WatchedKey]:
    """Every key with a stored detector, by key, with its mentions a day in the `TRAFFIC_DAYS` before the newest."""
    newest = newest_hour(connection)
    counted = sa.select(rollups.c.key, sa.func.sum(rollups.c.n).label("n")).group_by(rollups.c.key)
    if newest is not None:
        counted = counted.where(rollups.c.hour > newest - timedelta(days=TRAFFIC_DAYS))
    traffic = counted.subquery()
    labels = topic_labels(connection)
    rows = connection.execute(
        sa.select(detector_state.c.key, traffic.c.n)
        .outerjoin(traffic, traffic.c.key == detector_state.c.key)
        .order_by(detector_state.c.key)
    )
    found = []
    for key, n in rows:
        kind = key.partition(":")[0]
        # Beside the keys' states lies what a partition remembers of the budget.
        if is_kind(kind):
            found.append(WatchedKey(key, kind, label_of(key, labels), float(n or 0) / TRAFFIC_DAYS))
    return found
