"""A bounded sample of stored text, for the discovery of topics."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from vocengine.store.tables import events


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


_STRATUM = (events.c.channel, sa.func.date_trunc("week", events.c.occurred_at, "UTC"))
