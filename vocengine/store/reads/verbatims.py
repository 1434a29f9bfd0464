"""What customers said, newest first, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from vocengine.store.reads.cursor import Cursor, encode_cursor
from vocengine.store.reads.ranges import Range
from vocengine.store.reads.session import Connection
from vocengine.store.reads.topics import clause_column
from vocengine.store.tables import events, spans, topics

Tone = Literal["negative", "neutral", "positive"]
PAGE_SIZE = 20
# A transcript can have a million characters; a list shows the neighbourhood of what was said.
SHOWN_CHARS = 600
_LEAD_CHARS = 160


@dataclass(frozen=True, slots=True)
class Quote:
    """A clause: characters [start, end) of the shown text, and its sentiment −1..1."""

    start: int
    end: int
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Said:
    """One masked verbatim, cut to about `SHOWN_CHARS` characters around the first quote."""

    event_id: str
    occurred_at: datetime
    channel: str
    product: str | None
    customer_id: str | None
    text: str
    cut: bool
    label: str | None
    score: float | None
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of verbatims; `next_before` goes into `before` for the older ones, null on the last page."""

    items: tuple[Said, ...]
    next_before: str | None


def topic_verbatims(
    connection: Connection,
    topic_id: int,
    within: Range,
    *,
    tone: Tone | None = None,
    channel: str | None = None,
    before: Cursor | None = None,
    size: int = PAGE_SIZE,
) -> Page:
    """Events with a clause on the topic (of that tone), newest first; the clauses are the quotes.

    Clauses of topics that were merged into it are on it too.
    """
    s = spans.c
    merged = sa.select(topics.c.topic_id).where(topics.c.merged_into == topic_id)
    column = clause_column(connection.scalar(sa.select(topics.c.origin).where(topics.c.topic_id == topic_id)))
    wanted = [(column == topic_id) | column.in_(merged), *_between(s.occurred_at, s.event_id, within, before)]
    if tone is not None:
        wanted.append(s.sentiment_label == tone)
    source: sa.FromClause = spans
    if channel is not None:
        source = spans.join(events, _same_event(spans.c))
        wanted.append(events.c.channel == channel)
    clauses = sa.func.jsonb_agg(
        sa.func.jsonb_build_array(s.start_char, s.end_char, s.sentiment_label, s.sentiment_score)
    ).label("clauses")
    picked = (
        sa.select(
            s.occurred_at,
            s.event_id,
            clauses,
            sa.func.min(s.start_char).label("first_char"),
            sa.func.avg(s.sentiment_score).label("topic_score"),
        )
        .select_from(source)
        .where(*wanted)
        .group_by(s.occurred_at, s.event_id)
        .order_by(s.occurred_at.desc(), s.event_id.desc())
        .limit(size + 1)
        .cte("picked")
    )
    statement = (
        sa.select(*_shown(picked.c.first_char), picked.c.clauses, picked.c.topic_score)
        .join(picked, _same_event(picked.c))
        .order_by(picked.c.occurred_at.desc(), picked.c.event_id.desc())
    )
    return _page(connection.execute(statement).mappings().all(), size)


def customer_verbatims(
    connection: Connection, customer_id: str, *, before: Cursor | None = None, size: int = PAGE_SIZE
) -> Page:
    """All that one customer said, newest first."""
    e = events.c
    statement = (
        sa.select(*_shown(sa.literal(0)))
        .where(e.customer_id == customer_id, *_older(e.occurred_at, e.event_id, before))
        .order_by(e.occurred_at.desc(), e.event_id.desc())
        .limit(size + 1)
    )
    return _page(connection.execute(statement).mappings().all(), size)


def _same_event(other: Any) -> sa.ColumnElement[bool]:
    return sa.and_(events.c.event_id == other.event_id, events.c.occurred_at == other.occurred_at)


def _between(
    at: sa.ColumnElement[datetime], row_id: sa.ColumnElement[str], within: Range, before: Cursor | None
) -> list[sa.ColumnElement[bool]]:
    return [at >= within.start, at < within.end, *_older(at, row_id, before)]


def _older(
    at: sa.ColumnElement[datetime], row_id: sa.ColumnElement[str], before: Cursor | None
) -> list[sa.ColumnElement[bool]]:
    if before is None:
        return []
    # The plain bound lets the planner leave out newer partitions; the pair decides among equal times.
    return [at <= before.at, sa.tuple_(at, row_id) < sa.tuple_(sa.literal(before.at), sa.literal(before.row_id))]


def _shown(first_char: sa.ColumnElement[int]) -> list[sa.ColumnElement[Any]]:
    e = events.c
    offset = sa.func.greatest(first_char - _LEAD_CHARS, 0)
    return [
        e.event_id, e.occurred_at, e.channel, e.product, e.customer_id, e.sentiment_label, e.sentiment_score,
        offset.label("offset"),
        sa.func.substr(e.text, offset + 1, SHOWN_CHARS).label("shown"),
        sa.func.length(e.text).label("chars"),
    ]  # fmt: skip


def _page(rows: Any, size: int) -> Page:
    items = tuple(_said(row) for row in rows[:size])
    more = len(rows) > size
    return Page(items, encode_cursor(Cursor(items[-1].occurred_at, items[-1].event_id)) if more else None)


def _said(row: Any) -> Said:
    offset, text = row["offset"], row["shown"]
    quotes = [
        Quote(max(0, start - offset), min(len(text), end - offset), label, score)
        for start, end, label, score in sorted(row.get("clauses") or ())
        if start - offset < len(text)
    ]
    score = row.get("topic_score")
    return Said(
        event_id=row["event_id"],
        occurred_at=row["occurred_at"],
        channel=row["channel"],
        product=row["product"],
        customer_id=row["customer_id"],
        text=text,
        cut=row["chars"] > len(text),
        label=row["sentiment_label"],
        score=row["sentiment_score"] if score is None else score,
        quotes=tuple(quotes),
    )
