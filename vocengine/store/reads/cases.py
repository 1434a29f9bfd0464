"""Cases as they stand, by deadline or by age, with the precision that people's answers give; one with its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from vocengine.cases import LIVE
from vocengine.contracts import Case, CaseAction, Verdict
from vocengine.contracts.alert import Severity
from vocengine.store import cases as stored
from vocengine.store.reads.cursor import Cursor, CursorError, encode_cursor
from vocengine.store.reads.session import Connection
from vocengine.store.tables import cases
from vocengine.trends.shares import Counted, share_interval

PAGE_SIZE = 50
CaseFilter = Literal["at_work", "overdue", "open", "acknowledged", "in_progress", "resolved", "closed"]
CaseOrder = Literal["deadline", "opened"]
# What a cursor in the order of deadlines begins with: where the ended cases start, another column counts.
_AT_WORK, _ENDED = "w:", "e:"


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
class CaseCounts:
    """How many cases there are at work, of them past their deadline, past the first reminder, and not taken yet."""

    at_work: int
    overdue: int
    due_soon: int
    untaken: int


@dataclass(frozen=True, slots=True)
class CasePage:
    """A page of cases; `next_before` is null on the last page.

    `precision` and `counts` are over all cases, `owners` are of those at work.
    """

    items: tuple[Case, ...]
    next_before: str | None
    precision: Precision
    counts: CaseCounts
    owners: tuple[str, ...]


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
    state: CaseFilter | None = None,
    severity: Severity | None = None,
    owner: str | None = None,
    key: str | None = None,
    order: CaseOrder = "deadline",
    before: Cursor | None = None,
    size: int = PAGE_SIZE,
) -> CasePage:
    """Cases of that state, severity, owner and key.

    By deadline: those at work, the most urgent first, then those that ended, the latest first. By opening: the latest
    first. Raises CursorError for a cursor of the other order.
    """
    now = datetime.now(UTC)
    given = ((cases.c.severity, severity), (cases.c.owner, owner), (cases.c.key, key))
    wanted: list[sa.ColumnElement[bool]] = [column == value for column, value in given if value is not None]
    if state in ("at_work", "overdue"):
        wanted.append(cases.c.state.in_(LIVE))
        if state == "overdue":
            wanted.append(cases.c.due_at <= now)
    elif state is not None:
        wanted.append(cases.c.state == state)
    by: tuple[Any, ...] = (cases.c.opened_at.desc(), cases.c.case_id.desc())
    if order == "deadline":
        ended = cases.c.ended_at.is_not(None)
        by = (ended, sa.case((~ended, cases.c.due_at)), cases.c.ended_at.desc(), cases.c.case_id)
    if before is not None:
        wanted.append(_after(before) if order == "deadline" else _older(before))
    rows = connection.execute(sa.select(cases).where(*wanted).order_by(*by).limit(size + 1)).all()
    items = tuple(stored.of_row(row) for row in rows[:size])
    following = encode_cursor(_cursor(items[-1], order)) if len(rows) > size else None
    owners = connection.scalars(
        sa.select(cases.c.owner).where(cases.c.state.in_(LIVE), cases.c.owner.is_not(None)).distinct().order_by("owner")
    )
    return CasePage(items, following, precision_of_cases(connection), _counts(connection, now), tuple(owners))


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


def _counts(connection: Connection, now: datetime) -> CaseCounts:
    late = cases.c.due_at <= now
    count = sa.func.count
    row = connection.execute(
        sa.select(
            count(),
            count().filter(late),
            count().filter(sa.and_(~late, cases.c.warn_at <= now)),
            count().filter(cases.c.state == "open"),
        ).where(cases.c.state.in_(LIVE))
    ).one()
    return CaseCounts(*row)


def _cursor(last: Case, order: CaseOrder) -> Cursor:
    if order == "opened":
        return Cursor(last.opened_at, last.case_id)
    if last.ended_at is None:
        return Cursor(last.due_at, _AT_WORK + last.case_id)
    return Cursor(last.ended_at, _ENDED + last.case_id)


def _older(before: Cursor) -> sa.ColumnElement[bool]:
    return sa.tuple_(cases.c.opened_at, cases.c.case_id) < sa.tuple_(sa.literal(before.at), sa.literal(before.row_id))


def _after(before: Cursor) -> sa.ColumnElement[bool]:
    """What stands behind a cursor in the order of deadlines."""
    part, case_id = before.row_id[:2], sa.literal(before.row_id[2:])
    at = sa.literal(before.at)
    ended = cases.c.ended_at.is_not(None)
    if part == _AT_WORK:
        return sa.or_(ended, sa.tuple_(cases.c.due_at, cases.c.case_id) > sa.tuple_(at, case_id))
    if part == _ENDED:
        later = sa.and_(cases.c.ended_at == at, cases.c.case_id > case_id)
        return sa.and_(ended, sa.or_(cases.c.ended_at < at, later))
    raise CursorError("before is of a page in another order; give next_before of a page with the same order")


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
