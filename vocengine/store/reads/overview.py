"""The first page: how all feedback goes, where it comes from, what moved, what was raised."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from vocengine import pairs
from vocengine.contracts import Alert
from vocengine.store.reads.alerts import alert_page, open_alerts
from vocengine.store.reads.key_labels import counted_in, label_of
from vocengine.store.reads.ranges import Range
from vocengine.store.reads.series import Series, series_of_key, series_of_kind
from vocengine.store.reads.session import Connection
from vocengine.store.reads.topics import TopicTrend, topic_trends
from vocengine.store.stored_events import topic_labels
from vocengine.store.tables import rollups

LATEST_ALERTS = 5
LEADING_TOPICS = 6


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A key and what it is called."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All feedback, or one key's part of it, over a range; `topics` has those that surely moved first.

    `label` is what the key is called today; `parts` are the two keys that a pair is of, none for any other key.
    """

    key: str
    label: str
    parts: tuple[NamedKey, ...]
    series: Series
    channels: tuple[Series, ...]
    products: tuple[Series, ...]
    topics: tuple[TopicTrend, ...]
    moved: int
    latest_alerts: tuple[Alert, ...]
    open_alerts: int


def overview(connection: Connection, within: Range, *, key: str = "all") -> Overview:
    """The overview of everything, or the trend of `key` with the rest beside it for comparison."""
    topics = topic_trends(connection, within)
    moved = [topic for topic in topics if topic.series.change and topic.series.change.certain]
    moved.sort(key=lambda topic: -abs(topic.series.change.difference) if topic.series.change else 0.0)
    others = [topic for topic in topics if topic not in moved and topic.series.n]
    labels = topic_labels(connection)
    return Overview(
        key=key,
        label=label_of(key, labels),
        parts=tuple(NamedKey(part, label_of(part, labels)) for part in pairs.parts_of(key)),
        series=series_of_key(connection, key, within, parts=counted_in(connection, key)),
        channels=tuple(series_of_kind(connection, "channel", within)),
        products=tuple(series_of_kind(connection, "product", within)[:12]),
        topics=tuple((moved + others)[:LEADING_TOPICS]),
        moved=len(moved),
        latest_alerts=alert_page(connection, size=LATEST_ALERTS).items,
        open_alerts=open_alerts(connection),
    )


def known_key(connection: Connection, key: str) -> bool:
    """Whether anything was ever rolled up under the key."""
    return connection.scalar(sa.select(rollups.c.key).where(rollups.c.key == key).limit(1)) is not None
