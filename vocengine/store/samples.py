"""Bounded samples of stored text, for the discovery of topics and their splits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from vocengine.store.tables import events, spans


def sample_texts(connection: sa.Connection, *, limit: int, before: datetime | None, seed: int) -> list[str]:
    """Up to `limit` masked texts that were scored, drawn at random but the same for the same seed and rows."""
    query = sa.select(events.c.text).where(events.c.status == "scored")
    if before is not None:
        query = query.where(events.c.occurred_at < before)
    # A hash of id and seed orders the rows at random, without a random number that another run would not repeat.
    query = query.order_by(sa.func.hashtextextended(events.c.event_id, seed)).limit(limit)
    return list(connection.scalars(query))


def topic_clauses(
    connection: sa.Connection, topic_ids: Sequence[int], *, limit: int
) -> list[tuple[str, list[tuple[int, int]]]]:
    """The newest texts with clauses on any of the topics, about `limit` clauses in all, each with those clauses'
    characters [start, end)."""
    newest = (
        sa.select(spans.c.event_id, spans.c.occurred_at, spans.c.start_char, spans.c.end_char)
        .where(spans.c.topic_id.in_(topic_ids))
        .order_by(spans.c.occurred_at.desc(), spans.c.event_id, spans.c.ordinal)
        .limit(limit)
        .cte("newest")
    )
    same = sa.and_(events.c.event_id == newest.c.event_id, events.c.occurred_at == newest.c.occurred_at)
    query = (
        sa.select(
            events.c.text,
            sa.func.array_agg(newest.c.start_char),
            sa.func.array_agg(newest.c.end_char),
        )
        .join(newest, same)
        .group_by(events.c.event_id, events.c.occurred_at, events.c.text)
        .order_by(events.c.occurred_at.desc(), events.c.event_id)
    )
    return [(text, sorted(zip(starts, ends, strict=True))) for text, starts, ends in connection.execute(query)]
