"""Initiatives with their cases, and whether sentiment is better since the fix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from vocengine.contracts import Case
from vocengine.errors import CaseUnknown
from vocengine.store.cases import of_row
from vocengine.store.reads.session import Connection
from vocengine.store.tables import cases, initiatives, rollups
from vocengine.trends.change import Change, Moments, change_of_mean

DAYS = 28


@dataclass(frozen=True, slots=True)
class Initiative:
    """A root cause; `key` is where its effect shows. `fixed_at` is null until people say that it is mended."""

    initiative_id: int
    title: str
    key: str
    opened_by: str
    opened_at: datetime
    fixed_by: str | None
    fixed_at: datetime | None
    note: str
    cases: int


@dataclass(frozen=True, slots=True)
class InitiativeDetail:
    """An initiative, its cases, and the mean sentiment (−1..1) on its key before and after the fix.

    `effect` compares up to `days` days on either side of the hour of the fix, by Welch's 95 % interval; that hour is
    left out. It is null before the fix, and where either side has too few mentions.
    """

    initiative: Initiative
    cases: tuple[Case, ...]
    effect: Change | None
    days: int


def initiative_list(connection: Connection) -> tuple[Initiative, ...]:
    """All initiatives, the latest first."""
    return tuple(_initiative(row) for row in connection.execute(_query().order_by(initiatives.c.initiative_id.desc())))


def initiative_detail(connection: Connection, initiative_id: int, *, days: int = DAYS) -> InitiativeDetail:
    """One initiative. Raises CaseUnknown."""
    row = connection.execute(_query().where(initiatives.c.initiative_id == initiative_id)).first()
    if row is None:
        raise CaseUnknown(f"there is no initiative {initiative_id}; `vocengine initiatives list` shows those there are")
    found = _initiative(row)
    linked = connection.execute(
        sa.select(cases).where(cases.c.initiative_id == initiative_id).order_by(cases.c.opened_at, cases.c.case_id)
    )
    effect = None
    if found.fixed_at is not None:
        hour, width = found.fixed_at.replace(minute=0, second=0, microsecond=0), timedelta(days=days)
        after = hour + timedelta(hours=1)
        effect = change_of_mean(
            _moments(connection, found.key, hour - width, hour), _moments(connection, found.key, after, after + width)
        )
    return InitiativeDetail(found, tuple(of_row(case) for case in linked), effect, days)


def _moments(connection: Connection, key: str, start: datetime, end: datetime) -> Moments:
    total = sa.func.sum
    n, score_sum, square_sum = connection.execute(
        sa.select(total(rollups.c.n), total(rollups.c.score_sum), total(rollups.c.score_square_sum)).where(
            rollups.c.key == key, rollups.c.hour >= start, rollups.c.hour < end
        )
    ).one()
    return Moments(int(n or 0), score_sum or 0.0, square_sum or 0.0)


def _query() -> sa.Select[Any]:
    linked = sa.select(sa.func.count()).where(cases.c.initiative_id == initiatives.c.initiative_id).scalar_subquery()
    return sa.select(initiatives, linked.label("cases"))


def _initiative(row: sa.Row[Any]) -> Initiative:
    values: dict[str, Any] = {
        name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row._mapping.items()
    }
    return Initiative(**values)
