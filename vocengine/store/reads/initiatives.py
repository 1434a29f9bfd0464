"""Initiatives with their cases, and whether sentiment is better since the fix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from vocengine.contracts import Case
from vocengine.errors import CaseUnknown
from vocengine.store.cases import of_row
from vocengine.store.reads.ranges import MAX_DAYS, Range, newest_hour, range_of
from vocengine.store.reads.series import Series, series_of_key
from vocengine.store.reads.session import Connection
from vocengine.store.tables import cases, initiatives, rollups
from vocengine.trends.change import Change, Moments, change_of_mean

DAYS = 28
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Initiative:
    """A root cause; `key` is where its effect shows. `fixed_at` is null until people say that it is mended.

    `effect` compares the mean sentiment (−1..1) on `key` in up to `days` days on either side of the hour of the fix, by
    Welch's 95 % interval; that hour is left out. It is null before the fix, and where either side has too few mentions.
    """

    initiative_id: int
    title: str
    key: str
    opened_by: str
    opened_at: datetime
    fixed_by: str | None
    fixed_at: datetime | None
    note: str
    cases: int
    effect: Change | None
    days: int


@dataclass(frozen=True, slots=True)
class InitiativeDetail:
    """An initiative, its cases, and the sentiment of its key around the fix, or lately where it is not fixed."""

    initiative: Initiative
    cases: tuple[Case, ...]
    series: Series


def initiative_list(connection: Connection) -> tuple[Initiative, ...]:
    """All initiatives, the latest first."""
    rows = connection.execute(_query().order_by(initiatives.c.initiative_id.desc())).all()
    return tuple(_initiative(connection, row, DAYS) for row in rows)


def initiative_detail(connection: Connection, initiative_id: int, *, days: int = DAYS) -> InitiativeDetail:
    """One initiative. Raises CaseUnknown."""
    row = connection.execute(_query().where(initiatives.c.initiative_id == initiative_id)).first()
    if row is None:
        raise CaseUnknown(f"there is no initiative {initiative_id}; `vocengine initiatives list` shows those there are")
    found = _initiative(connection, row, days)
    linked = connection.execute(
        sa.select(cases).where(cases.c.initiative_id == initiative_id).order_by(cases.c.opened_at, cases.c.case_id)
    )
    series = series_of_key(connection, found.key, _shown(connection, found))
    return InitiativeDetail(found, tuple(of_row(case) for case in linked), series)


def _shown(connection: Connection, found: Initiative) -> Range:
    """What the chart of an initiative shows: as much as is compared, or what was said lately."""
    newest, width = newest_hour(connection) or found.opened_at, timedelta(days=min(found.days, MAX_DAYS // 2 - 1))
    if found.fixed_at is None:
        return range_of(newest + _HOUR - width, newest + _HOUR)
    end = min(found.fixed_at + width, newest + _HOUR)
    return range_of(found.fixed_at - width, max(end, found.fixed_at + _HOUR))


def _effect(connection: Connection, key: str, fixed_at: datetime, days: int) -> Change | None:
    hour, width = fixed_at.replace(minute=0, second=0, microsecond=0), timedelta(days=days)
    after = hour + _HOUR
    return change_of_mean(
        _moments(connection, key, hour - width, hour), _moments(connection, key, after, after + width)
    )


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


def _initiative(connection: Connection, row: sa.Row[Any], days: int) -> Initiative:
    values: dict[str, Any] = {
        name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row._mapping.items()
    }
    fixed_at = values["fixed_at"]
    effect = None if fixed_at is None else _effect(connection, values["key"], fixed_at, days)
    return Initiative(**values, effect=effect, days=days)
