"""What an alert belongs to, and what was like it before."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from vocengine.alerts.incidents import explained, root_of, share_on
from vocengine.contracts import Alert, CaseState, Verdict
from vocengine.contracts.alert import AlertKind, Severity
from vocengine.store.incidents import members_of
from vocengine.store.reads.affected import AffectedCustomer, AlertStatus, affected_customers
from vocengine.store.reads.session import Connection
from vocengine.store.tables import alerts, cases, incident_members, incidents

# How many earlier alerts are looked at for words in common.
_LOOKED_AT = 300
_SIMILAR = 5
_LEAST_COMMON = 0.25
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class IncidentMember:
    """An alert of an incident. `on_root` is the share (0..1) of the mentions behind it that are on the root's key, and
    `on_root_before` the share that was to be expected; null for the root itself and where it is not known."""

    alert_id: str
    kind: AlertKind
    key: str
    label: str
    severity: Severity
    status: AlertStatus
    opened_at: datetime
    on_root: float | None
    on_root_before: float | None


@dataclass(frozen=True, slots=True)
class Incident:
    """Alerts that tell of one thing. The root is the alert whose key explains most of the others: `explains` is that
    share (0..1), on average over them, beyond what it was before; null where there are no others. `customers` fell
    while it ran and mostly about its root; their alerts and cases are their own."""

    incident_id: str
    root_alert_id: str
    root_key: str
    root_label: str
    explains: float | None
    window_start: datetime
    window_end: datetime
    members: tuple[IncidentMember, ...]
    customers: tuple[AffectedCustomer, ...] = ()


@dataclass(frozen=True, slots=True)
class IncidentBrief:
    """An incident of several alerts, as lists show it."""

    incident_id: str
    root_alert_id: str
    root_label: str
    alert_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Similar:
    """An earlier alert, why it is like this one, and how it ended: its case's state, what people judged and noted last.

    `by` is `key`, the same key; `incident`, the key of another alert of this incident; or `words`, by the words of its
    label and verbatims, `common` (0..1) of which are the same.
    """

    alert_id: str
    kind: AlertKind
    key: str
    label: str
    severity: Severity
    status: AlertStatus
    opened_at: datetime
    by: Literal["key", "incident", "words"]
    common: float
    case_id: str | None
    case_state: CaseState | None
    verdict: Verdict | None
    note: str | None
    initiative_id: int | None


def incident_of(connection: Connection, alert_id: str) -> Incident | None:
    """The incident that an alert belongs to as it is now, the root first; None for one that stands by itself."""
    incident_id = connection.scalar(
        sa.select(incident_members.c.incident_id).where(incident_members.c.alert_id == alert_id)
    )
    return None if incident_id is None else incident(connection, incident_id)


def incident(connection: Connection, incident_id: str) -> Incident | None:
    """An incident by its id; None where there is none, as where it was brought together with another."""
    members = members_of(connection, incident_id)
    rows = {row.alert_id: row for row in connection.execute(_told([one.alert_id for one in members]))}
    members = [one for one in members if one.alert_id in rows]
    if not members:
        return None
    root = root_of(members)
    told = []
    for one in sorted(members, key=lambda one: (one.alert_id != root.alert_id, one.window_start, one.alert_id)):
        row = rows[one.alert_id]
        share, before = share_on(one, root.key) if one.key != root.key else (None, None)
        told.append(
            IncidentMember(
                row.alert_id, row.kind, row.key, row.label, row.severity, row.status, row.opened_at, share, before
            )
        )
    others = any(one.key != root.key for one in members)
    start, end = min(one.window_start for one in members), max(one.window_end for one in members)
    over = all(row.status == "resolved" for row in rows.values())
    return Incident(
        incident_id=incident_id,
        root_alert_id=root.alert_id,
        root_key=root.key,
        root_label=rows[root.alert_id].label,
        explains=round(explained(root, members), 3) if others else None,
        window_start=start,
        window_end=end,
        members=tuple(told),
        customers=affected_customers(connection, root.key, start, end, over=over),
    )


def similar_to(
    connection: Connection, alert: Alert, of: Incident | None, *, most: int = _SIMILAR
) -> tuple[Similar, ...]:
    """Earlier alerts like this one: on its key, on a key of its incident, then by words; the latest first in each.

    Looks at the few hundred alerts before it. Alerts of the same incident are not among them.
    """
    own = {member.alert_id for member in of.members} if of else {alert.alert_id}
    keys = {member.key for member in of.members} if of else set[str]()
    query = (
        sa.select(alerts)
        .where(alerts.c.opened_at < alert.opened_at, alerts.c.alert_id.not_in(own))
        .order_by(
            sa.case((alerts.c.key == alert.key, 0), (alerts.c.key.in_(keys), 1), else_=2), alerts.c.opened_at.desc()
        )
        .limit(_LOOKED_AT)
    )
    rows = connection.execute(query).all()
    said = [_words(row.label, [said.get("text", "") for said in row.body.get("verbatims", ())]) for row in rows]
    own_words = _words(alert.label, [verbatim.text for verbatim in alert.verbatims])
    weights = _rarity([own_words, *said])
    ranked: list[tuple[int, float, Any]] = []
    for row, words in zip(rows, said, strict=True):
        common = _common(own_words, words, weights)
        if row.key == alert.key:
            ranked.append((0, common, row))
        elif row.key in keys:
            ranked.append((1, common, row))
        elif common >= _LEAST_COMMON:
            ranked.append((2, common, row))
    # By words the most alike first; by key the latest, as they come.
    ranked.sort(key=lambda item: (item[0], -item[1] if item[0] == 2 else 0.0))
    chosen = ranked[:most]
    ended = _cases_of(connection, [row.alert_id for _, _, row in chosen])
    return tuple(_similar(rank, common, row, ended.get(row.alert_id)) for rank, common, row in chosen)


def _told(alert_ids: Sequence[str]) -> sa.Select[Any]:
    return sa.select(alerts).where(alerts.c.alert_id.in_(alert_ids))


def _similar(rank: int, common: float, row: Any, case: Any | None) -> Similar:
    by: Literal["key", "incident", "words"] = "key" if rank == 0 else "incident" if rank == 1 else "words"
    return Similar(
        alert_id=row.alert_id,
        kind=row.kind,
        key=row.key,
        label=row.label,
        severity=row.severity,
        status=row.status,
        opened_at=row.opened_at,
        by=by,
        common=round(common, 3),
        case_id=case and case.case_id,
        case_state=case and case.state,
        verdict=case and case.verdict,
        note=(case and case.note) or None,
        initiative_id=case and case.initiative_id,
    )


def _cases_of(connection: Connection, alert_ids: Sequence[str]) -> Mapping[str, Any]:
    found = {}
    for row in connection.execute(sa.select(cases).where(cases.c.alerts.overlap(list(alert_ids)))) if alert_ids else ():
        for alert_id in row.alerts:
            found[alert_id] = row
    return found


def _words(label: str, texts: Sequence[str]) -> frozenset[str]:
    return frozenset(_WORD.findall(" ".join([label, *texts]).casefold()))


def _rarity(words: Sequence[frozenset[str]]) -> dict[str, float]:
    # What most alerts say, such as "the", makes no two of them alike.
    counts = Counter(word for own in words for word in own)
    return {word: math.log((1 + len(words)) / n) for word, n in counts.items()}


def _common(a: frozenset[str], b: frozenset[str], weights: Mapping[str, float]) -> float:
    """How much of the one with fewer words the other says as well, by the weights of the words."""
    least = min(sum(weights[word] for word in a), sum(weights[word] for word in b))
    return sum(weights[word] for word in a & b) / least if least else 0.0


def incidents_of(connection: Connection, alert_ids: Sequence[str]) -> tuple[IncidentBrief, ...]:
    """The incidents of several alerts among those of these alerts, without single ones."""
    ids = sa.select(incident_members.c.incident_id).where(incident_members.c.alert_id.in_(alert_ids))
    query = (
        sa.select(
            incidents.c.incident_id,
            incidents.c.root_alert_id,
            alerts.c.label,
            sa.func.array_agg(incident_members.c.alert_id).label("members"),
        )
        .join(incident_members, incident_members.c.incident_id == incidents.c.incident_id)
        .join(alerts, alerts.c.alert_id == incidents.c.root_alert_id)
        .where(incidents.c.incident_id.in_(ids))
        .group_by(incidents.c.incident_id, incidents.c.root_alert_id, alerts.c.label)
        .having(sa.func.count() > 1)
        .order_by(incidents.c.incident_id)
    )
    rows = connection.execute(query)
    return tuple(IncidentBrief(r.incident_id, r.root_alert_id, r.label, tuple(sorted(r.members))) for r in rows)
