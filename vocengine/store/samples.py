"""Bounded samples of stored text, for the discovery of topics and their splits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from vocengine.store.tables import events, spans

_STRATUM = (events.c.channel, sa.func.date_trunc("week", events.c.occurred_at, "UTC"))


def sample_texts(connection: sa.Connection, *, limit: int, before: datetime | None, seed: int) -> list[str]:
    """Up to `limit` masked texts that were scored, drawn at random but the same for the same seed and rows.

    Each channel and week has a reservoir of its own, of a size by the root of its number of texts, so that a small
    channel or a quiet month is heard beside the loudest; what one leaves unused goes to the others.
    """
    drawn = sa.select(
        events.c.text,
        # A hash of id and seed orders the rows at random, without a random number that another run would not repeat.
        sa.func.hashtextextended(events.c.event_id, seed).label("lot"),
        sa.func.row_number()
        .over(partition_by=_STRATUM, order_by=sa.func.hashtextextended(events.c.event_id, seed))
        .label("place"),
        sa.func.count().over(partition_by=_STRATUM).label("of"),
    ).where(events.c.status == "scored")
    if before is not None:
        drawn = drawn.where(events.c.occurred_at < before)
    lots = drawn.subquery()
    # In the order of place / √of every prefix holds texts of each reservoir in proportion to the root of its number.
    query = sa.select(lots.c.text).order_by(lots.c.place / sa.func.sqrt(lots.c.of), lots.c.lot).limit(limit)
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
