"""The newest spans with their embeddings: the bounded pool that emerging topics are looked for in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from vocengine.store.tables import emerging_pool as pool


@dataclass(frozen=True, slots=True)
class Pooled:
    """A span of the pool; `text` is masked, `embedding` (d,) float32 of unit length."""

    event_id: str
    ordinal: int
    author: str
    text: str
    occurred_at: datetime
    channel: str
    product: str | None
    score: float
    embedding: npt.NDArray[np.float32]


def load(connection: sa.Connection, encoder_digest: str) -> list[Pooled]:
    """The pool as that encoder sees it, oldest first."""
    rows = connection.execute(sa.select(pool).where(pool.c.encoder_digest == encoder_digest).order_by(pool.c.seq))
    return [
        Pooled(
            row.event_id,
            row.ordinal,
            row.author,
            row.text,
            row.occurred_at,
            row.channel,
            row.product,
            row.score,
            np.frombuffer(bytes(row.embedding), dtype="<f2").astype(np.float32),
        )
        for row in rows
    ]


def add(connection: sa.Connection, spans: Sequence[Pooled], encoder_digest: str, *, most: int) -> None:
    """Put spans in, newest last, and let the oldest go beyond `most`."""
    if not spans:
        return
    rows = [
        {
            "event_id": span.event_id,
            "ordinal": span.ordinal,
            "author": span.author,
            "text": span.text,
            "occurred_at": span.occurred_at,
            "channel": span.channel,
            "product": span.product,
            "score": span.score,
            "encoder_digest": encoder_digest,
            "embedding": np.asarray(span.embedding, dtype="<f2").tobytes(),
        }
        for span in spans
    ]
    connection.execute(sa.insert(pool), rows)
    last_to_go = sa.select(pool.c.seq).order_by(pool.c.seq.desc()).offset(most).limit(1).scalar_subquery()
    connection.execute(sa.delete(pool).where(pool.c.seq <= last_to_go))


def remove(connection: sa.Connection, spans: Sequence[Pooled]) -> None:
    """Take spans out: they belong to a candidate now."""
    for span in spans:
        connection.execute(sa.delete(pool).where(pool.c.event_id == span.event_id, pool.c.ordinal == span.ordinal))
