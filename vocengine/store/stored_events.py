"""Stored events as they were understood, in the order in which they happened: for replays of history."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from vocengine.contracts import Enriched, Labelled, Sentiment, Span, SpanTopic
from vocengine.store.tables import events, spans, topics

_FETCHED = 500
_NOT_STORED = math.nan


def occurred_between(connection: sa.Connection, start: datetime, end: datetime) -> int:
    """How many scored events there are in [start, end)."""
    return int(connection.scalar(sa.select(sa.func.count()).select_from(events).where(*_scored(start, end))) or 0)


def newest_event(connection: sa.Connection) -> datetime | None:
    """When the newest event occurred; None in an empty database."""
    found: datetime | None = connection.scalar(sa.select(sa.func.max(events.c.occurred_at)))
    return found.astimezone(UTC) if found else None


def topic_labels(connection: sa.Connection) -> dict[int, str]:
    """What each topic is called today, by its id."""
    named = sa.select(topics.c.topic_id, sa.func.coalesce(topics.c.name, topics.c.label))
    return {topic_id: label for topic_id, label in connection.execute(named)}


def stored_events(connection: sa.Connection, start: datetime, end: datetime) -> Iterator[Enriched]:
    """The scored events of [start, end) with their clauses, a few hundred in memory at a time.

    Topics are those that the clauses had when they were read, under the labels of today. What is not stored is NaN
    (probabilities) or empty (turns, models, attributes).
    """
    yield from _read(connection, _scored(start, end))


def events_of(connection: sa.Connection, occurred: Mapping[str, datetime]) -> list[Enriched]:
    """The scored events of these ids, as `stored_events` gives them; `occurred` says of each when it was."""
    if not occurred:
        return []
    # The bounds let the planner leave out the partitions of other months.
    first, last = min(occurred.values()), max(occurred.values())
    named = events.c.event_id.in_(list(occurred))
    return list(_read(connection, (*_scored(first, last + timedelta(microseconds=1)), named)))


def _read(connection: sa.Connection, which: Sequence[sa.ColumnElement[bool]]) -> Iterator[Enriched]:
    labels = topic_labels(connection)
    e, s = events.c, spans.c
    clauses = (
        sa.select(
            sa.func.jsonb_agg(
                sa.func.jsonb_build_array(
                    s.start_char, s.end_char, s.sentiment_label, s.sentiment_score, s.emotions, s.topic_id,
                    s.similarity, s.other_topics,
                ).op("ORDER BY")(s.ordinal)
            ).label("clauses")
        )
        .where(s.event_id == e.event_id, s.occurred_at == e.occurred_at)
        .lateral()
    )  # fmt: skip
    query = (
        sa.select(
            e.event_id, e.occurred_at, e.received_at, e.enriched_at, e.source, e.channel, e.text, e.status,
            e.language, e.sentiment_label, e.sentiment_score, e.emotions, e.intents, e.effort, e.urgency,
            e.customer_id, e.account_id, e.product, e.journey_stage, e.segments, e.pipeline_version,
            e.topics_version, clauses.c.clauses,
        )
        .select_from(events.join(clauses, sa.true(), isouter=True))
        .where(*which)
        .order_by(e.occurred_at, e.event_id)
    )  # fmt: skip
    for row in connection.execute(query.execution_options(yield_per=_FETCHED)).mappings():
        yield _event(row, labels)


def _scored(start: datetime, end: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return events.c.occurred_at >= start, events.c.occurred_at < end, events.c.status == "scored"


def _event(row: Mapping[Any, Any], labels: Mapping[int, str]) -> Enriched:
    return Enriched(
        event_id=row["event_id"],
        source=row["source"],
        channel=row["channel"],
        occurred_at=row["occurred_at"].astimezone(UTC),
        received_at=row["received_at"].astimezone(UTC),
        enriched_at=row["enriched_at"].astimezone(UTC),
        text=row["text"],
        content_digest="",
        status=row["status"],
        language=row["language"],
        language_confidence=_NOT_STORED,
        sentiment=_sentiment(row["sentiment_label"], row["sentiment_score"]),
        emotions=_labelled(row["emotions"]),
        intents=_labelled(row["intents"]),
        effort=row["effort"],
        urgency=row["urgency"],
        spans=tuple(_span(clause, labels) for clause in row["clauses"] or ()),
        models=(),
        pipeline_version=row["pipeline_version"],
        topics_version=row["topics_version"],
        customer_id=row["customer_id"],
        account_id=row["account_id"],
        product=row["product"],
        journey_stage=row["journey_stage"],
        segments=row["segments"],
    )


def _span(clause: list[Any], labels: Mapping[int, str]) -> Span:
    start, end, label, score, emotions, nearest, similarity, others = clause
    found = [] if nearest is None else [SpanTopic(nearest, labels.get(nearest, f"topic {nearest}"), similarity)]
    found += [
        SpanTopic(o["topic_id"], labels.get(o["topic_id"], o["label"]), o["similarity"], o["origin"])
        for o in others or ()
    ]
    return Span(start, end, _sentiment(label, score), _labelled(emotions), tuple(found))


def _sentiment(label: Any, score: float) -> Sentiment:
    return Sentiment(label, score, _NOT_STORED, _NOT_STORED, _NOT_STORED)


def _labelled(stored: list[dict[str, Any]] | None) -> tuple[Labelled, ...]:
    return tuple(Labelled(item["label"], item["score"]) for item in stored or ())
