"""What events say of topics → rows for trends: one for each event and topic, and hourly portions of all feedback."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
import psycopg

from vocengine.contracts import Enriched
from vocengine.trends.mentions import TopicSaid

Said = Iterable[tuple[Enriched, Sequence[TopicSaid]]]

_SUMS = ("weight", "score_sum", "square_sum", "weight_2", "score_sum_2", "square_sum_2")


def add_topic_mentions(cursor: psycopg.Cursor[Any], said: Said) -> None:
    """Copy a row for each event and topic; the events must be new."""
    with cursor.copy(
        "COPY topic_mentions (occurred_at, topic_id, score, channel, product, journey_stage, segments, emotions) "
        "FROM STDIN"
    ) as copy:
        for event, topics in said:
            if not topics:
                continue
            segments = orjson.dumps(event.segments).decode()
            for one in topics:
                copy.write_row(
                    (
                        event.occurred_at,
                        one.topic_id,
                        one.score,
                        event.channel,
                        event.product,
                        event.journey_stage,
                        segments,
                        list(one.emotions),
                    )
                )


def add_topic_portions(cursor: psycopg.Cursor[Any], said: Said) -> None:
    """Add new events to the hourly portions of the topics that they speak of, an equal part of the event to each."""
    sums: defaultdict[tuple[int, datetime], list[float]] = defaultdict(lambda: [0.0] * len(_SUMS))
    for event, topics in said:
        if not topics or event.sentiment is None:
            continue
        hour = event.occurred_at.replace(minute=0, second=0, microsecond=0)
        score, part = event.sentiment.score, 1 / len(topics)
        added = [part * factor * power for factor in (1.0, part) for power in (1.0, score, score * score)]
        for one in topics:
            row = sums[one.topic_id, hour]
            for i, value in enumerate(added):
                row[i] += value
    if not sums:
        return
    ordered = sorted(sums)  # the same lock order in every member
    cursor.execute(
        f"INSERT INTO topic_portions AS p (topic_id, hour, {', '.join(_SUMS)}) "
        f"SELECT * FROM unnest(%s::int[], %s::timestamptz[]{', %s::float8[]' * len(_SUMS)}) "
        "ON CONFLICT (topic_id, hour) DO UPDATE SET "
        + ", ".join(f"{name} = p.{name} + excluded.{name}" for name in _SUMS),
        (
            [topic_id for topic_id, _ in ordered],
            [hour for _, hour in ordered],
            *([sums[place][i] for place in ordered] for i in range(len(_SUMS))),
        ),
    )
