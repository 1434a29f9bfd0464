"""Alerts as they were raised, newest first, and one with the trend around it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

import orjson
import sqlalchemy as sa

from vocengine.contracts import Alert, Rejected, decode_alert
from vocengine.errors import StoreError
from vocengine.store.candidates import CandidateStatus, load_one
from vocengine.store.reads.affected import AffectedBy, affected_by
from vocengine.store.reads.cases import CaseDetail, case_of_alert
from vocengine.store.reads.cursor import Cursor, encode_cursor
from vocengine.store.reads.incidents import Incident, IncidentBrief, Similar, incident_of, incidents_of, similar_to
from vocengine.store.reads.key_labels import counted_in
from vocengine.store.reads.ranges import MAX_DAYS, newest_hour, range_of
from vocengine.store.reads.series import Series, series_of_key
from vocengine.store.reads.session import Connection
from vocengine.store.tables import alerts

log = logging.getLogger(__name__)

AlertStatus = Literal["open", "acknowledged", "resolved"]
PAGE_SIZE = 50
# What an alert's chart shows around its window: enough of before to see what was normal, and what came after.
_BEFORE, _AFTER = timedelta(days=28), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class AlertPage:
    """A page of alerts, latest first; `next_before` is null on the last page. `incidents` have several alerts."""

    items: tuple[Alert, ...]
    next_before: str | None
    incidents: tuple[IncidentBrief, ...] = ()


@dataclass(frozen=True, slots=True)
class CandidateState:
    """How a candidate for a topic stands; `topic_id` is the topic that it was adopted as."""

    candidate_id: int
    status: CandidateStatus
    topic_id: int | None
    keywords: tuple[str, ...]
    size: int
    settled_by: str | None


@dataclass(frozen=True, slots=True)
class AlertDetail:
    """One alert, and the sentiment of its key (−1..1) from four weeks before its window to a week after.

    Of an emerging topic, `candidate` says what became of it; the series is that of the topic it was adopted as.
    `case` is the work behind the alert, null for an alert of before there were cases. `incident` is what the alert
    belongs to, null for one that stands by itself; `affected_by` are the incidents that a customer fell beside;
    `similar` are earlier alerts like it, and how they ended. `recovered` says that what was measured is back near where
    it was; the status of an alert is `resolved` as well where people say so.
    """

    alert: Alert
    series: Series
    candidate: CandidateState | None = None
    case: CaseDetail | None = None
    incident: Incident | None = None
    similar: tuple[Similar, ...] = ()
    affected_by: tuple[AffectedBy, ...] = ()
    recovered: bool = False


def alert_page(
    connection: Connection,
    *,
    status: AlertStatus | None = None,
    key: str | None = None,
    before: Cursor | None = None,
    size: int = PAGE_SIZE,
) -> AlertPage:
    """Alerts of that status and key, by when the fall began, latest first."""
    wanted: list[sa.ColumnElement[bool]] = []
    if status is not None:
        wanted.append(alerts.c.status == status)
    if key is not None:
        wanted.append(alerts.c.key == key)
    if before is not None:
        place = sa.tuple_(alerts.c.opened_at, alerts.c.alert_id)
        wanted += [
            alerts.c.opened_at <= before.at,
            place < sa.tuple_(sa.literal(before.at), sa.literal(before.row_id)),
        ]
    rows = connection.execute(
        sa.select(alerts.c.body, alerts.c.status, alerts.c.opened_at, alerts.c.alert_id)
        .where(*wanted)
        .order_by(alerts.c.opened_at.desc(), alerts.c.alert_id.desc())
        .limit(size + 1)
    ).all()
    items = _readable(rows[:size])
    last = rows[size - 1] if len(rows) > size else None
    following = encode_cursor(Cursor(last.opened_at, last.alert_id)) if last else None
    return AlertPage(tuple(items), following, incidents_of(connection, [alert.alert_id for alert in items]))


def alert_detail(connection: Connection, alert_id: str) -> AlertDetail | None:
    """One alert with its trend, or None where no alert has that id."""
    row = connection.execute(sa.select(alerts.c.body, alerts.c.status).where(alerts.c.alert_id == alert_id)).first()
    if row is None:
        return None
    alert = _alert(row.body, row.status)
    newest = newest_hour(connection)
    end = alert.window_end + _AFTER
    if newest is not None:
        end = max(alert.window_end, min(end, newest + timedelta(hours=1)))
    start = max(min(alert.baseline_from, alert.window_start), alert.window_start - _BEFORE)
    start = min(max(start, end - timedelta(days=MAX_DAYS - 1)), end - timedelta(hours=1))
    candidate = _candidate_state(connection, alert) if alert.kind == "emerging_topic" else None
    key = f"topic:{candidate.topic_id}" if candidate and candidate.topic_id is not None else alert.key
    series = series_of_key(connection, key, range_of(start, end), parts=counted_in(connection, key))
    whole = incident_of(connection, alert_id)
    if whole is not None:
        # It may have been brought together with another one since the alert was published.
        alert = replace(alert, incident_id=whole.incident_id)
    similar = similar_to(connection, alert, whole)
    work, beside = case_of_alert(connection, alert_id), affected_by(connection, alert)
    # The body is as it was published: resolved by a revision alone, not by people.
    recovered = row.body["status"] == "resolved"
    return AlertDetail(alert, series, candidate, work, whole, similar, beside, recovered)


def _candidate_state(connection: Connection, alert: Alert) -> CandidateState | None:
    found = load_one(connection, int(alert.key.partition(":")[2]))
    if found is None:
        return None
    return CandidateState(
        found.candidate_id, found.status, found.topic_id, found.keywords, found.size, found.settled_by
    )


def alerts_of(connection: Connection, ids: Sequence[str], *, most: int = 20) -> tuple[Alert, ...]:
    """The alerts of those ids, the latest first, up to `most`; one of another version is left out."""
    rows = connection.execute(
        sa.select(alerts.c.body, alerts.c.status)
        .where(alerts.c.alert_id.in_(ids))
        .order_by(alerts.c.opened_at.desc(), alerts.c.alert_id.desc())
        .limit(most)
    )
    return tuple(_readable(rows))


def open_alerts(connection: Connection, *, most: int = 100) -> int:
    """How many alerts are open, counted up to `most`."""
    some = sa.select(alerts.c.alert_id).where(alerts.c.status == "open").limit(most).subquery()
    return int(connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0)


def _readable(rows: Iterable[Any]) -> list[Alert]:
    found = []
    for row in rows:
        try:
            found.append(_alert(row.body, row.status))
        except StoreError as error:
            # One alert of another version must not take the whole list, and the first page, away.
            log.warning("left out of the list: %s", error)
    return found


def _alert(body: dict[str, Any], status: AlertStatus) -> Alert:
    alert = decode_alert(orjson.dumps(body))
    if isinstance(alert, Rejected):
        raise StoreError(f"alert {body.get('alert_id')!r} in the database is not of this version: {alert.message}")
    # The column moves on when somebody acknowledges; the body stays as it was published.
    return replace(alert, status=status)
