"""Cases as they stand, latest first, with the precision that people's answers give; one with its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from vocengine.contracts import Case, CaseAction, CaseState, Verdict
from vocengine.store import cases as stored
from vocengine.store.reads.cursor import Cursor, encode_cursor
from vocengine.store.reads.session import Connection
from vocengine.store.tables import cases
from vocengine.trends.shares import Counted, share_interval

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Precision:
    """Of the cases that people judged, the share (0..1) that were real problems, with its 95 % interval (Wilson).

    `judged` are those answered yes or no; a duplicate repeats the answer of another case and counts in neither.
    """

    share: float | None
    low: float | None
    high: float | None
    real: int
    judged: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class CasePage:
    """A page of cases, latest first; `next_before` is null on the last page. `precision` is over all cases."""

    items: tuple[Case, ...]
    next_before: str | None
    precision: Precision


@dataclass(frozen=True, slots=True)
class CaseEntry:
    """A line of the audit trail; what the action does not have is null."""

    version: int
    action: CaseAction
    by: str
    at: datetime
    note: str
    owner: str | None
    verdict: Verdict | None
    duplicate_of: str | None
    initiative_id: int | None
    alert_id: str | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class CaseDetail:
    """One case and all that was done to it, oldest first."""

    case: Case
    history: tuple[CaseEntry, ...]


def case_page(
    connection: Connection,
    *,
    state: CaseState | None = None,
    owner: str | None = None,
    key: str | None = None,
    before: Cursor | None = None,
    size: int = PAGE_SIZE,
) -> CasePage:
    """Cases of that state, owner and key, by when they were opened, latest first."""
    given = ((cases.c.state, state), (cases.c.owner, owner), (cases.c.key, key))
    wanted: list[sa.ColumnElement[bool]] = [column == value for column, value in given if value is not None]
    if before is not None:
        place = sa.tuple_(cases.c.opened_at, cases.c.case_id)
        wanted.append(place < sa.tuple_(sa.literal(before.at), sa.literal(before.row_id)))
    rows = connection.execute(
        sa.select(cases).where(*wanted).order_by(cases.c.opened_at.desc(), cases.c.case_id.desc()).limit(size + 1)
    ).all()
    items = tuple(stored.of_row(row) for row in rows[:size])
    following = encode_cursor(Cursor(items[-1].opened_at, items[-1].case_id)) if len(rows) > size else None
    return CasePage(items, following, precision_of_cases(connection))


def case_detail(connection: Connection, case_id: str) -> CaseDetail:
    """One case with its history. Raises CaseUnknown."""
    found = stored.load(connection, case_id)
    return CaseDetail(found, tuple(_entry(done) for done in stored.history(connection, case_id)))


def case_of_alert(connection: Connection, alert_id: str) -> CaseDetail | None:
    """The case that an alert opened or amended; None for an alert of before there were cases."""
    case_id = connection.scalar(sa.select(cases.c.case_id).where(cases.c.alerts.contains([alert_id])))
    return None if case_id is None else case_detail(connection, case_id)


def precision_of_cases(connection: Connection) -> Precision:
    """Over all cases that were judged."""
    query = sa.select(cases.c.verdict, sa.func.count()).where(cases.c.verdict.is_not(None)).group_by(cases.c.verdict)
    counts = {verdict: n for verdict, n in connection.execute(query)}
    counted = Counted(counts.get("yes", 0), counts.get("yes", 0) + counts.get("no", 0))
    low, high = share_interval(counted) or (None, None)
    return Precision(counted.share, low, high, counted.n, counted.of, counts.get("duplicate", 0))


def _entry(done: stored.Done) -> CaseEntry:
    step = done.step
    alert_id = step.subject.alert_id if step.subject else None
    return CaseEntry(
        version=done.version,
        action=step.action,
        by=step.by,
        at=step.at,
        note=step.note,
        owner=step.owner,
        verdict=step.verdict,
        duplicate_of=step.duplicate_of,
        initiative_id=step.initiative_id,
        alert_id=alert_id,
        due_at=step.due_at,
    )
