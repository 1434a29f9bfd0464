"""What the trends of topics show, once, for pages and JSON alike."""

from __future__ import annotations

from dataclasses import dataclass

from vocengine.store.reads import (
    Engine,
    Range,
    TopicEmotions,
    TopicSplit,
    WhatChanged,
    dimensions_of,
    reading,
    topic_emotions,
    topic_split,
    what_changed,
)
from vocengine.web.query import RangeQuery
from vocengine.web.views import NotFound


@dataclass(frozen=True, slots=True)
class TopicTrendView:
    """`/topics/{topic_id}/trend`: the topic by one dimension; `dimensions` are those to choose from."""

    range: Range
    dimensions: tuple[str, ...]
    split: TopicSplit


@dataclass(frozen=True, slots=True)
class TopicEmotionsView:
    """`/topics/{topic_id}/emotions`."""

    range: Range
    emotions: TopicEmotions


@dataclass(frozen=True, slots=True)
class ChangesView:
    """`/changes`: both fields are null as long as the database is empty."""

    range: Range | None
    changes: WhatChanged | None


class TrendViews:
    """Opens one read-only snapshot for each view. All methods raise StoreUnavailable and SchemaOutdated."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def split(self, topic_id: int, asked: RangeQuery, *, dimension: str) -> TopicTrendView:
        """Raises NotFound and DimensionError."""
        with reading(self._engine) as connection:
            within = asked.resolve(connection)
            split = topic_split(connection, topic_id, within, dimension) if within else None
            if within is None or split is None:
                raise _no_topic(topic_id)
            return TopicTrendView(within, dimensions_of(connection, topic_id, within), split)

    def emotions(self, topic_id: int, asked: RangeQuery) -> TopicEmotionsView:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            within = asked.resolve(connection)
            emotions = topic_emotions(connection, topic_id, within) if within else None
            if within is None or emotions is None:
                raise _no_topic(topic_id)
            return TopicEmotionsView(within, emotions)

    def changes(self, asked: RangeQuery) -> ChangesView:
        """What made up the change of the sentiment of all feedback."""
        with reading(self._engine) as connection:
            within = asked.resolve(connection)
            return ChangesView(within, what_changed(connection, within) if within else None)


def _no_topic(topic_id: int) -> NotFound:
    return NotFound(f"there is no topic {topic_id}; /topics lists those there are")
