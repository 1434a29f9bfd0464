"""A bounded sample of stored text, for the discovery of topics."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from vocengine.store.tables import events


def sample_texts(connection: sa.Connection, *, limit: int, before: datetime | None, seed: int) -> list[str]:
    """Up to `limit` masked texts that were scored, drawn at random but the same for the same seed and rows."""
    query = sa.select(events.c.text).where(events.c.status == "scored")
    if before is not None:
        query = query.where(events.c.occurred_at < before)
    # A hash of id and seed orders the rows at random, without a random number that another run would not repeat.
    query = query.order_by(sa.func.hashtextextended(events.c.event_id, seed)).limit(limit)
    return list(connection.scalars(query))
