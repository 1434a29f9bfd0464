"""A sample of the spans that a fit saw, kept with it: what is new is what lies denser than in that sample."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from vocengine.store.tables import topic_references as references


@dataclass(frozen=True, slots=True)
class Reference:
    """`embeddings` (m, d) of unit length, by the encoder of that digest."""

    reference_id: int
    created_at: datetime
    encoder_digest: str
    embeddings: npt.NDArray[np.float32]


def save(
    connection: sa.Connection,
    embeddings: npt.NDArray[np.float32],
    encoder_digest: str,
    *,
    version: int | None = None,
    plan_id: int | None = None,
) -> None:
    """Keep a sample, with a registry version that is in force or with a plan; those that it takes the place of go."""
    connection.execute(
        sa.insert(references).values(
            created_at=sa.func.now(),
            version=version,
            plan_id=plan_id,
            encoder_digest=encoder_digest,
            spans=len(embeddings),
            embeddings=np.asarray(embeddings, dtype="<f2").tobytes(),
        )
    )
    _forget_old(connection)


def put_in_force(connection: sa.Connection, plan_id: int, version: int) -> None:
    """The sample of a plan becomes that of the version which it was applied as."""
    connection.execute(
        sa.update(references)
        .where(references.c.plan_id == plan_id)
        .values(plan_id=None, version=version, created_at=sa.func.now())
    )
    _forget_old(connection)


def newest_id(connection: sa.Connection) -> int | None:
    """Which sample is in force."""
    found = connection.execute(_in_force(references.c.reference_id)).first()
    return None if found is None else int(found[0])


def load(connection: sa.Connection) -> Reference | None:
    """The sample in force, None where no fit has left one yet."""
    row = connection.execute(_in_force(references)).first()
    if row is None:
        return None
    embeddings = np.frombuffer(bytes(row.embeddings), dtype="<f2").astype(np.float32)
    return Reference(row.reference_id, row.created_at, row.encoder_digest, embeddings.reshape(row.spans, -1))


def _in_force(what: sa.FromClause | sa.ColumnElement[int]) -> sa.Select[Any]:
    # By version, not by number: a plan may be applied after a later refit was planned.
    return sa.select(what).where(references.c.version.is_not(None)).order_by(references.c.version.desc()).limit(1)


def _forget_old(connection: sa.Connection) -> None:
    """Keep the sample in force and those of the newest three plans."""
    newest = sa.select(sa.func.max(references.c.version)).scalar_subquery()
    plans = (
        sa.select(references.c.plan_id)
        .where(references.c.plan_id.is_not(None))
        .order_by(references.c.plan_id.desc())
        .limit(3)
    )
    connection.execute(
        sa.delete(references).where(
            sa.or_(
                references.c.version < newest, references.c.plan_id.is_not(None) & references.c.plan_id.not_in(plans)
            )
        )
    )
