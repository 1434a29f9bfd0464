"""Alerts of data silence that last, and their end."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import orjson
import sqlalchemy as sa

from vocengine.contracts import Alert, decode_alert
from vocengine.store.tables import alerts

log = logging.getLogger(__name__)

_TURN_LOCK = 7_018_008


def take_turn(connection: sa.Connection) -> bool:
    """Be the one who looks, until the end of the transaction; False where somebody else is."""
    return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_TURN_LOCK))))


def without_known(connection: sa.Connection, raised: Sequence[Alert]) -> list[Alert]:
    """Those alerts that were not raised before."""
    ids = [alert.alert_id for alert in raised]
    known = set(connection.scalars(sa.select(alerts.c.alert_id).where(alerts.c.alert_id.in_(ids)))) if ids else set()
    return [alert for alert in raised if alert.alert_id not in known]


def lasting(connection: sa.Connection) -> list[Alert]:
    """The silences that were not resolved yet."""
    query = sa.select(alerts.c.body, alerts.c.status).where(
        alerts.c.kind == "data_silence", alerts.c.status != "resolved"
    )
    found = []
    for row in connection.execute(query):
        alert = decode_alert(orjson.dumps(row.body))
        if isinstance(alert, Alert):
            found.append(replace(alert, status=row.status))
        else:
            log.error("a silence in the database is not of this version: %s", alert.message)
    return found


def end(connection: sa.Connection, alert: Alert) -> Alert:
    """Resolve an alert; returns it as it is then."""
    connection.execute(sa.update(alerts).where(alerts.c.alert_id == alert.alert_id).values(status="resolved"))
    return replace(alert, status="resolved")
