"""A few counts for progress and summaries."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from vocengine.contracts import Alert, decode_alert
from vocengine.store.tables import alerts, event_ids, events


def stored_events(connection: sa.Connection) -> int:
    """How many different events are stored. Grows with the table: for demos and tests, not for pages."""
    return connection.scalar(sa.select(sa.func.count()).select_from(event_ids)) or 0


def raised_alerts(connection: sa.Connection) -> list[Alert]:
    """All alerts, oldest first."""
    bodies = connection.scalars(sa.select(sa.cast(alerts.c.body, sa.Text)).order_by(alerts.c.opened_at))
    decoded = [decode_alert(body.encode()) for body in bodies]
    return [alert for alert in decoded if isinstance(alert, Alert)]


def first_arrival(connection: sa.Connection, occurred_at: datetime) -> datetime | None:
    """When the first event that occurred at this very time came in."""
    arrived: datetime | None = connection.scalar(
        sa.select(sa.func.min(events.c.received_at)).where(events.c.occurred_at == occurred_at)
    )
    return arrived
