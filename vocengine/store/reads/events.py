"""One event as it was understood, clause by clause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vocengine.store.reads.session import Connection
from vocengine.store.tables import event_ids, events, spans, topics


@dataclass(frozen=True, slots=True)
class Mark:
    """A label that applies, with its probability 0..1."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class EventSpan:
    """A clause: characters [start, end) of the text, sentiment −1..1, and the nearest topic, and category of the
    company's taxonomy, where one is near."""

    start: int
    end: int
    label: str
    score: float
    emotions: tuple[Mark, ...]
    topic_id: int | None
    topic_label: str | None
    similarity: float | None
    category_id: int | None = None
    category_label: str | None = None


@dataclass(frozen=True, slots=True)
class EventTurn:
    """One masked turn of a conversation."""

    role: str
    text: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class EventDetail:
    """One event with its clauses; `sentiment_score` −1..1 is null where `status` says why."""

    event_id: str
    source: str
    channel: str
    occurred_at: datetime
    received_at: datetime
    enriched_at: datetime
    text: str
    status: str
    language: str
    sentiment_label: str | None
    sentiment_score: float | None
    emotions: tuple[Mark, ...]
    intents: tuple[Mark, ...]
    effort: float | None
    urgency: str
    customer_id: str | None
    account_id: str | None
    product: str | None
    journey_stage: str | None
    rating: dict[str, float] | None
    nps: int | None
    csat: float | None
    ces: float | None
    segments: dict[str, str]
    url: str | None
    attributes: dict[str, Any]
    models: tuple[dict[str, str], ...]
    pipeline_version: str
    topics_version: int | None
    turns: tuple[EventTurn, ...]
    spans: tuple[EventSpan, ...]


def event_detail(connection: Connection, event_id: str) -> EventDetail | None:
    """One event, or None where no event has that id."""
    # The ledger knows the day, so that one partition is asked instead of all.
    at = connection.scalar(sa.select(event_ids.c.occurred_at).where(event_ids.c.event_id == event_id))
    if at is None:
        return None
    row = (
        connection.execute(sa.select(events).where(events.c.event_id == event_id, events.c.occurred_at == at))
        .mappings()
        .first()
    )
    if row is None:
        return None
    values = {name: row[name] for name in _PLAIN}
    return EventDetail(
        **values,
        emotions=_marks(row["emotions"]),
        intents=_marks(row["intents"]),
        models=tuple(row["models"]),
        turns=tuple(_turn(turn) for turn in row["turns"] or ()),
        spans=_spans(connection, event_id, at),
    )


_PLAIN = (
    "event_id", "source", "channel", "occurred_at", "received_at", "enriched_at", "text", "status", "language",
    "sentiment_label", "sentiment_score", "effort", "urgency", "customer_id", "account_id", "product",
    "journey_stage", "rating", "nps", "csat", "ces", "segments", "url", "attributes", "pipeline_version",
    "topics_version",
)  # fmt: skip


def _marks(stored: list[dict[str, Any]] | None) -> tuple[Mark, ...]:
    return tuple(Mark(item["label"], item["score"]) for item in stored or ())


def _turn(stored: dict[str, Any]) -> EventTurn:
    at = stored.get("at")
    return EventTurn(stored["role"], stored["text"], datetime.fromisoformat(at) if at else None)


def _spans(connection: Connection, event_id: str, at: datetime) -> tuple[EventSpan, ...]:
    category = topics.alias("category")
    rows = connection.execute(
        sa.select(
            spans,
            sa.func.coalesce(topics.c.name, topics.c.label).label("topic_label"),
            category.c.label.label("category_label"),
        )
        .outerjoin(topics, topics.c.topic_id == spans.c.topic_id)
        .outerjoin(category, category.c.topic_id == spans.c.category_id)
        .where(spans.c.event_id == event_id, spans.c.occurred_at == at)
        .order_by(spans.c.ordinal)
    ).mappings()
    return tuple(
        EventSpan(
            start=row["start_char"],
            end=row["end_char"],
            label=row["sentiment_label"],
            score=row["sentiment_score"],
            emotions=_marks(row["emotions"]),
            topic_id=row["topic_id"],
            topic_label=row["topic_label"],
            similarity=row["similarity"],
            category_id=row["category_id"],
            category_label=row["category_label"],
        )
        for row in rows
    )
