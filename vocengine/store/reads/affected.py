"""Customers who fell while an incident ran, and mostly about its root.

Whom an incident affects is asked when it is looked at: a customer may fall before or after the alerts that make the
incident, and each of them keeps an alert and a case of their own, for somebody has to call them back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from vocengine.alerts.incidents import SLACK
from vocengine.contracts import Alert, CaseState, Enriched
from vocengine.contracts.alert import Severity
from vocengine.pairs import parts_of
from vocengine.store.reads.session import Connection
from vocengine.store.registry import roots
from vocengine.store.stored_events import events_of
from vocengine.store.tables import alerts, cases, incident_members, incidents
from vocengine.trends.mentions import Monitored, said_of_topics, scored_keys

# What is not resolved runs on, but no longer than a fall may last until it is the usual.
LONGEST = timedelta(days=7)
# Of the messages that a customer's alert shows, so many are on the root's key at the least.
LEAST_SHARE = 0.5
# Where somebody writes, and where they live, is the same in all their messages, whatever they complain of.
_ALWAYS_THE_SAME = ("channel", "segment", "customer", "candidate", "source")
_KIND = "customer_sentiment_fall"
_LOOKED_AT, _SHOWN = 300, 50
_BY_GRAVITY = ("critical", "high", "medium", "low")

AlertStatus = Literal["open", "acknowledged", "resolved"]


@dataclass(frozen=True, slots=True)
class AffectedCustomer:
    """A customer's own alert beside an incident. `on_root` is the share (0..1) of the messages that it shows which are
    on the root's key and of the incident's time; the case is the customer's own."""

    alert_id: str
    key: str
    label: str
    severity: Severity
    status: AlertStatus
    opened_at: datetime
    on_root: float
    case_id: str | None
    case_state: CaseState | None


@dataclass(frozen=True, slots=True)
class AffectedBy:
    """An incident that a customer's alert is beside; `on_root` as there."""

    incident_id: str
    root_alert_id: str
    root_key: str
    root_label: str
    on_root: float


def affected_customers(
    connection: Connection, root_key: str, start: datetime, end: datetime, *, over: bool
) -> tuple[AffectedCustomer, ...]:
    """The customers beside an incident of that root and window, the gravest alerts first, fifty at the most.

    `over` says that all its alerts are resolved. None where the root is a channel or a segment.
    """
    if not _tells(root_key):
        return ()
    since, until = _span(start, end, over=over)
    query = (
        sa.select(alerts)
        .where(alerts.c.kind == _KIND, alerts.c.opened_at >= since, _began_before(until))
        .order_by(alerts.c.opened_at, alerts.c.alert_id)
        .limit(_LOOKED_AT)
    )
    rows = connection.execute(query).all()
    said = {row.alert_id: _verbatims(row.body) for row in rows}
    touched = _Touched(connection, [one for own in said.values() for one in own])
    shares = {alert_id: touched.share(own, root_key, since, until) for alert_id, own in said.items()}
    found = [row for row in rows if shares[row.alert_id] >= LEAST_SHARE]
    found = sorted(found, key=lambda row: _BY_GRAVITY.index(row.severity))[:_SHOWN]
    work = _cases_of(connection, [row.alert_id for row in found])
    return tuple(
        AffectedCustomer(
            row.alert_id, row.key, row.label, row.severity, row.status, row.opened_at, round(shares[row.alert_id], 3),
            *work.get(row.alert_id, (None, None)),
        )
        for row in found
    )  # fmt: skip


def affected_by(connection: Connection, alert: Alert) -> tuple[AffectedBy, ...]:
    """The incidents that a customer's alert is beside, by how much of it is on their roots; none of other alerts."""
    if alert.kind != _KIND:
        return ()
    root = alerts.alias()
    running = (
        sa.select(incident_members.c.alert_id)
        .join(alerts, alerts.c.alert_id == incident_members.c.alert_id)
        .where(incident_members.c.incident_id == incidents.c.incident_id, alerts.c.status != "resolved")
        .exists()
    )
    query = (
        sa.select(incidents, root.c.key, root.c.label, running.label("running"))
        .join(root, root.c.alert_id == incidents.c.root_alert_id)
        .where(
            incidents.c.window_start <= alert.window_end + SLACK,
            incidents.c.window_end >= alert.window_start - LONGEST,
        )
        .order_by(incidents.c.window_start, incidents.c.incident_id)
    )
    said = [(verbatim.event_id, verbatim.occurred_at) for verbatim in alert.verbatims]
    touched = _Touched(connection, said)
    found = []
    for row in connection.execute(query):
        since, until = _span(row.window_start, row.window_end, over=not row.running)
        share = touched.share(said, row.key, since, until) if _tells(row.key) and alert.window_start <= until else 0.0
        if share >= LEAST_SHARE:
            found.append(AffectedBy(row.incident_id, row.root_alert_id, row.key, row.label, round(share, 3)))
    return tuple(sorted(found, key=lambda one: -one.on_root))


class _Touched:
    """Which keys some events touch, those of topics under what they are merged into."""

    def __init__(self, connection: Connection, said: Sequence[tuple[str, datetime]]) -> None:
        self._roots = {f"topic:{part}": f"topic:{root}" for part, root in roots(connection).items()}
        self._keys = {event.event_id: self._keys_of(event) for event in events_of(connection, dict(said))}

    def share(self, said: Sequence[tuple[str, datetime]], key: str, since: datetime, until: datetime) -> float:
        """The share of messages that touch a key, or both parts of a pair, between two times."""
        wanted = {self._roots.get(part, part) for part in parts_of(key) or (key,)}
        n = sum(wanted <= self._keys.get(event_id, frozenset()) for event_id, at in said if since <= at <= until)
        return n / len(said) if said else 0.0

    def _keys_of(self, event: Enriched) -> frozenset[str]:
        every = Monitored(segments=tuple(event.segments))
        return frozenset(self._roots.get(key, key) for key, _, _ in scored_keys(event, every, said_of_topics(event)))


def _tells(root_key: str) -> bool:
    """Whether being on that key says what a message is about."""
    return any(part.partition(":")[0] not in _ALWAYS_THE_SAME for part in parts_of(root_key) or (root_key,))


def _span(start: datetime, end: datetime, *, over: bool) -> tuple[datetime, datetime]:
    return start - SLACK, end + (SLACK if over else LONGEST)


def _began_before(until: datetime) -> sa.ColumnElement[bool]:
    return sa.cast(alerts.c.body["window_start"].astext, sa.DateTime(timezone=True)) <= until


def _verbatims(body: Mapping[str, Any]) -> list[tuple[str, datetime]]:
    return [(one["event_id"], datetime.fromisoformat(one["occurred_at"])) for one in body["verbatims"]]


def _cases_of(connection: Connection, alert_ids: Sequence[str]) -> dict[str, tuple[str, CaseState]]:
    query = sa.select(cases.c.case_id, cases.c.state, cases.c.alerts).where(cases.c.alerts.overlap(list(alert_ids)))
    rows = connection.execute(query).all() if alert_ids else []
    return {alert_id: (row.case_id, row.state) for row in rows for alert_id in row.alerts}
