"""Incidents: alerts that tell of one thing, folded together in the transaction that raises them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from vocengine.alerts.incidents import SLACK, Member, fits, linked, member_of, root_of
from vocengine.alerts.mix import Parts
from vocengine.contracts import Alert
from vocengine.store.tables import alerts, incident_members, incidents

# Held until the end of a transaction that raises alerts: members of the installation fold one after the other.
_FOLD_LOCK = 7_018_007


@dataclass(frozen=True, slots=True)
class Folded:
    """The alerts with their incidents, and for each the ids of all alerts of its incident, its own among them."""

    alerts: list[Alert]
    beside: Mapping[str, tuple[str, ...]]


def fold(connection: sa.Connection, raised: Sequence[Alert], parts: Mapping[str, Parts], *, now: datetime) -> Folded:
    """Put each new alert into the incident that it belongs to, or begin one; `parts` by alert id.

    An alert joins where it is linked to the incident's root, so that incidents do not grow along chains. Where that
    makes another root, to which the root of another incident is linked, both become one, the earlier one. An alert
    without parts has no incident; one that has an incident keeps it. The alerts need not be in their table yet.
    """
    if not raised:
        return Folded([], {})
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_FOLD_LOCK)))
    found, beside = [], {}
    for alert in raised:
        member = member_of(alert, parts.get(alert.alert_id))
        incident_id = _known(connection, alert.alert_id) if member is None else _join(connection, member, now)
        found.append(replace(alert, incident_id=incident_id))
    for alert in found:
        if alert.incident_id is not None:
            # A later one of the batch may have brought incidents together.
            incident_id = _known(connection, alert.alert_id) or alert.incident_id
            beside[alert.alert_id] = tuple(one.alert_id for one in members_of(connection, incident_id))
    return Folded([replace(a, incident_id=a.incident_id and _known(connection, a.alert_id)) for a in found], beside)


def members_of(connection: sa.Connection, incident_id: str) -> list[Member]:
    """The alerts of an incident, the earliest first."""
    query = (
        sa.select(incident_members)
        .where(incident_members.c.incident_id == incident_id)
        .order_by(incident_members.c.window_start, incident_members.c.alert_id)
    )
    return [_member(row) for row in connection.execute(query)]


def _known(connection: sa.Connection, alert_id: str) -> str | None:
    query = sa.select(incident_members.c.incident_id).where(incident_members.c.alert_id == alert_id)
    return connection.scalar(query)


def _join(connection: sa.Connection, new: Member, now: datetime) -> str:
    known = _known(connection, new.alert_id)
    if known is not None:
        return known
    near = _near(connection, new)
    fitting = [incident_id for incident_id, members in near.items() if fits(new, members)]
    incident_id = fitting[0] if fitting else "i-" + new.alert_id.removeprefix("a-")
    connection.execute(
        sa.insert(incident_members).values(
            alert_id=new.alert_id,
            incident_id=incident_id,
            key=new.key,
            window_start=new.window_start,
            window_end=new.window_end,
            parts={key: list(shares) for key, shares in new.parts.items()},
            voices=sorted(new.voices),
        )
    )
    members = [*near.pop(incident_id, []), new]
    root = root_of(members)
    for other, those in near.items():
        if linked(root, root_of(those)):
            members += those
            root = root_of(members)
            connection.execute(
                sa.update(incident_members)
                .where(incident_members.c.incident_id == other)
                .values(incident_id=incident_id)
            )
            connection.execute(sa.delete(incidents).where(incidents.c.incident_id == other))
    values = {
        "root_alert_id": root.alert_id,
        "window_start": min(member.window_start for member in members),
        "window_end": max(member.window_end for member in members),
        "updated_at": now,
    }
    connection.execute(
        insert(incidents)
        .values(incident_id=incident_id, **values)
        .on_conflict_do_update(index_elements=[incidents.c.incident_id], set_=values)
    )
    return incident_id


def _near(connection: sa.Connection, new: Member) -> dict[str, list[Member]]:
    """The incidents of about that time, the earliest first; of those that are resolved the ones of that very time."""
    unresolved = (
        sa.select(incident_members.c.alert_id)
        .join(alerts, alerts.c.alert_id == incident_members.c.alert_id, isouter=True)
        .where(incident_members.c.incident_id == incidents.c.incident_id)
        .where(sa.or_(alerts.c.status.is_(None), alerts.c.status != "resolved"))
        .exists()
    )
    query = (
        sa.select(incidents.c.incident_id)
        .where(
            incidents.c.window_start <= new.window_end + SLACK,
            incidents.c.window_end >= new.window_start - SLACK,
            # What is over takes only what began before its end: members read their keys in no common order.
            sa.or_(unresolved, incidents.c.window_end >= new.window_start),
        )
        .order_by(incidents.c.window_start, incidents.c.incident_id)
    )
    return {incident_id: members_of(connection, incident_id) for incident_id in connection.scalars(query).all()}


def _member(row: sa.Row[Any]) -> Member:
    parts = {key: (share, expected) for key, (share, expected) in row.parts.items()}
    return Member(row.alert_id, row.key, row.window_start, row.window_end, parts, frozenset(row.voices))
