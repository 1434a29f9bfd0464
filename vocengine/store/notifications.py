"""Notifications: written down before they are sent, marked after; an id follows from what a delivery is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from vocengine.contracts import Alert, Case, Rejected, decode_alert, decode_case, encode
from vocengine.errors import NotificationError
from vocengine.store.tables import notifications as table

# Most changes of one digest; what is beyond comes in the next.
MOST_COLLECTED = 200


@dataclass(frozen=True, slots=True)
class Notification:
    """A delivery to one target of one route: of one change of an alert or a case, or of several in a digest."""

    delivery_id: str
    route: str
    target: str
    change_id: str | None
    severity: str
    documents: tuple[Mapping[str, Any], ...]  # the alerts and cases as they were published
    state: str
    held: bool
    attempts: int
    created_at: datetime
    next_attempt_at: datetime
    sent_at: datetime | None
    error: str | None

    def about(self) -> tuple[Alert | Case, ...]:
        """The alerts and cases that it is about. Raises NotificationError where a stored one cannot be read."""
        found = []
        for document in self.documents:
            decode = decode_case if "case_id" in document else decode_alert
            read = decode(orjson.dumps(document))
            if isinstance(read, Rejected):
                raise NotificationError(f"what is stored to be told cannot be read: {read.message}")
            found.append(read)
        return tuple(found)

    @property
    def fresh(self) -> bool:
        """Whether no attempt has been made, so that nobody can have received it."""
        return self.attempts == 0 and self.error is None


def delivery_id(route: str, target: str, change_id: str) -> str:
    """The id of a delivery: the same for the same change on the same way."""
    return "n-" + sha256("\x1f".join((route, target, change_id)).encode()).hexdigest()[:24]


def add(
    connection: sa.Connection,
    *,
    route: str,
    target: str,
    change_id: str,
    about: Alert | Case,
    severity: str,
    state: str,
    now: datetime,
    due: datetime,
    error: str | None = None,
) -> bool:
    """Write a delivery down, unless it is there already; returns whether it was new.

    `severity` is what its urgency goes by.
    """
    done = connection.execute(
        insert(table)
        .values(
            delivery_id=delivery_id(route, target, change_id),
            route=route,
            target=target,
            change_id=change_id,
            severity=severity,
            alerts=[orjson.loads(encode(about))],
            state=state,
            held=due > now,
            created_at=now,
            next_attempt_at=due,
            error=error,
        )
        .on_conflict_do_nothing()
    )
    return done.rowcount == 1


def state_of(connection: sa.Connection, found: str) -> str | None:
    """The state of a delivery, None where there is none of that id."""
    state = connection.scalar(sa.select(table.c.state).where(table.c.delivery_id == found))
    return None if state is None else str(state)


def ways_due(connection: sa.Connection, now: datetime) -> list[tuple[str, str]]:
    """The (route, target) pairs to which something is due."""
    rows = connection.execute(
        sa.select(table.c.route, table.c.target)
        .where(table.c.state == "pending", table.c.next_attempt_at <= now)
        .distinct()
    )
    return [(route, target) for route, target in rows]


def due(connection: sa.Connection, route: str, target: str, now: datetime) -> list[Notification]:
    """What is due to a target, the oldest first."""
    rows = connection.execute(
        sa.select(table)
        .where(
            table.c.route == route,
            table.c.target == target,
            table.c.state == "pending",
            table.c.next_attempt_at <= now,
        )
        .order_by(table.c.created_at, table.c.delivery_id)
        .limit(MOST_COLLECTED)
    )
    return [_notification(row) for row in rows]


def sent_after(connection: sa.Connection, route: str, target: str, since: datetime) -> list[datetime]:
    """When messages left for a target after `since`, the oldest first."""
    return list(
        connection.scalars(
            sa.select(table.c.sent_at)
            .where(table.c.route == route, table.c.target == target, table.c.sent_at > since)
            .order_by(table.c.sent_at)
        )
    )


def hold(connection: sa.Connection, ids: Sequence[str], until: datetime) -> None:
    """Put deliveries off, without an attempt."""
    if ids:
        connection.execute(
            sa.update(table)
            .where(table.c.delivery_id.in_(ids), table.c.state == "pending")
            .values(held=True, next_attempt_at=until)
        )


def collect(connection: sa.Connection, collected: Sequence[Notification], severity: str, now: datetime) -> Notification:
    """Make one digest of several deliveries to the same target."""
    first = collected[0]
    ids = sorted(one.delivery_id for one in collected)
    digest = "d-" + sha256("\x1f".join(ids).encode()).hexdigest()[:24]
    row = connection.execute(
        sa.insert(table)
        .values(
            delivery_id=digest,
            route=first.route,
            target=first.target,
            severity=severity,
            alerts=[document for one in collected for document in one.documents],
            state="pending",
            created_at=now,
            next_attempt_at=now,
        )
        .returning(table)
    ).one()
    connection.execute(sa.update(table).where(table.c.delivery_id.in_(ids)).values(state="digested", digest_id=digest))
    return _notification(row)


def begin(connection: sa.Connection, one: Notification, lease_until: datetime) -> bool:
    """Count an attempt before it is made; False where somebody else has it in hand.

    Should the process end in the middle, the next attempt is due at `lease_until`.
    """
    done = connection.execute(
        sa.update(table)
        .where(table.c.delivery_id == one.delivery_id, table.c.state == "pending", table.c.attempts == one.attempts)
        .values(attempts=one.attempts + 1, next_attempt_at=lease_until)
    )
    return done.rowcount == 1


def mark_sent(connection: sa.Connection, found: str, now: datetime) -> None:
    """It has arrived."""
    _mark(connection, found, state="sent", sent_at=now, error=None)


def mark_failed(connection: sa.Connection, found: str, error: str) -> None:
    """It is given up."""
    _mark(connection, found, state="failed", error=error)


def again(connection: sa.Connection, found: str, at: datetime, error: str) -> None:
    """Another attempt, at `at`."""
    _mark(connection, found, next_attempt_at=at, error=error)


def listed(connection: sa.Connection, *, state: str | None = None, limit: int = 50) -> list[Notification]:
    """The newest deliveries, the newest first."""
    query = sa.select(table).order_by(table.c.created_at.desc(), table.c.delivery_id).limit(limit)
    if state is not None:
        query = query.where(table.c.state == state)
    return [_notification(row) for row in connection.execute(query)]


def retry(connection: sa.Connection, found: str) -> None:
    """Have a delivery that failed or was suppressed tried again, at once. Raises NotificationError for any other."""
    state = state_of(connection, found)
    if state not in ("failed", "suppressed"):
        why = "there is no notification of that id" if state is None else f"it is {state}"
        raise NotificationError(f"{found} cannot be sent again: {why}; only what failed or was suppressed can")
    connection.execute(
        sa.update(table)
        .where(table.c.delivery_id == found, table.c.state == state)
        .values(state="pending", attempts=0, next_attempt_at=sa.func.now(), held=False)
    )


def clean(connection: sa.Connection, before: datetime, *, most: int = 1_000) -> int:
    """Delete up to `most` deliveries that were written before a moment and wait for nothing; returns how many."""
    old = (
        sa.select(table.c.delivery_id)
        .where(table.c.state != "pending", table.c.created_at < before)
        .where(sa.or_(table.c.sent_at.is_(None), table.c.sent_at < before))
        .limit(most)
    )
    return connection.execute(sa.delete(table).where(table.c.delivery_id.in_(old))).rowcount


def _mark(connection: sa.Connection, found: str, **values: Any) -> None:
    connection.execute(
        sa.update(table).where(table.c.delivery_id == found, table.c.state == "pending").values(**values)
    )


def _notification(row: sa.Row[Any]) -> Notification:
    return Notification(
        delivery_id=row.delivery_id,
        route=row.route,
        target=row.target,
        change_id=row.change_id,
        severity=row.severity,
        documents=tuple(row.alerts),
        state=row.state,
        held=row.held,
        attempts=row.attempts,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        sent_at=row.sent_at,
        error=row.error,
    )
