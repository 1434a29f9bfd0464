"""Initiatives: a root cause that many cases share, opened and declared fixed by people."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from vocengine.errors import CaseError, CaseUnknown, InputError
from vocengine.store.tables import initiatives, rollups


def start(connection: sa.Connection, title: str, *, key: str, by: str, at: datetime, note: str = "") -> int:
    """Open an initiative; its effect is read off the sentiment on `key`. Returns its id.

    Raises InputError for an empty title and for a key under which nothing was ever said.
    """
    title = title.strip()
    if not title:
        raise InputError("title is empty; it should name the root cause")
    if not connection.scalar(sa.select(rollups.c.key).where(rollups.c.key == key).limit(1)):
        raise InputError(f"key is {key[:80]!r}; nothing was ever said under it (try topic:12, channel:chat or all)")
    values = {"title": title, "key": key, "opened_by": by, "opened_at": at, "note": note}
    added = sa.insert(initiatives).values(**values).returning(initiatives.c.initiative_id)
    return int(connection.execute(added).scalar_one())


def fixed(connection: sa.Connection, initiative_id: int, *, by: str, at: datetime) -> None:
    """Say that the root cause was mended at `at`. Raises CaseUnknown, and CaseError where that was said before."""
    known = connection.execute(
        sa.select(initiatives).where(initiatives.c.initiative_id == initiative_id).with_for_update()
    ).first()
    if known is None:
        raise CaseUnknown(f"there is no initiative {initiative_id}; `vocengine initiatives list` shows those there are")
    if known.fixed_at is not None:
        raise CaseError(
            f"initiative {initiative_id} was fixed on {known.fixed_at:%Y-%m-%d %H:%M} UTC already, by {known.fixed_by}"
        )
    connection.execute(
        sa.update(initiatives).where(initiatives.c.initiative_id == initiative_id).values(fixed_by=by, fixed_at=at)
    )
