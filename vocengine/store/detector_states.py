"""Detector states by key, read and written in the transaction of the batch that moved them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from vocengine.contracts import Alert, decode_alert, encode
from vocengine.store.tables import alerts, detector_state


def load(connection: sa.Connection, keys: Iterable[str]) -> dict[str, bytes]:
    """The stored states of those `keys` that have one."""
    wanted = list(keys)
    if not wanted:
        return {}
    rows = connection.execute(
        sa.select(detector_state.c.key, detector_state.c.state).where(
            detector_state.c.key == sa.any_(sa.literal(wanted))
        )
    )
    return {key: bytes(state) for key, state in rows}


def save(connection: sa.Connection, states: Mapping[str, bytes]) -> None:
    """Write the states down, whether new or known."""
    if not states:
        return
    raw = connection.connection.driver_connection
    assert raw is not None
    keys = sorted(states)
    raw.cursor().execute(
        "INSERT INTO detector_state (key, state, updated_at) "
        "SELECT k, s, now() FROM unnest(%s::text[], %s::bytea[]) AS t(k, s) "
        "ON CONFLICT (key) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at",
        (keys, [states[key] for key in keys]),
    )


def add_alerts(connection: sa.Connection, raised: Sequence[Alert]) -> None:
    """Write alerts down; one that is there already (same id) stays as it is."""
    if not raised:
        return
    connection.execute(
        insert(alerts).on_conflict_do_nothing(),
        [
            {
                "alert_id": alert.alert_id,
                "kind": alert.kind,
                "key": alert.key,
                "label": alert.label,
                "severity": alert.severity,
                "status": alert.status,
                "opened_at": alert.opened_at,
                "raised_at": alert.raised_at,
                "change": alert.change,
                "body": orjson.loads(encode(alert)),
            }
            for alert in raised
        ],
    )


def load_alerts(connection: sa.Connection, alert_ids: Iterable[str]) -> dict[str, Alert]:
    """The alerts of those ids that are there, as they were last written down."""
    rows = connection.execute(
        sa.select(alerts.c.alert_id, sa.cast(alerts.c.body, sa.Text)).where(alerts.c.alert_id.in_(list(alert_ids)))
    )
    decoded = {alert_id: decode_alert(body.encode()) for alert_id, body in rows}
    return {alert_id: alert for alert_id, alert in decoded.items() if isinstance(alert, Alert)}


def amend_alerts(connection: sa.Connection, amended: Sequence[Alert]) -> None:
    """Write later revisions of alerts down. One that is resolved is resolved; else people's status stays."""
    for alert in amended:
        values = {"change": alert.change, "body": orjson.loads(encode(alert))}
        if alert.status == "resolved":
            values["status"] = alert.status
        connection.execute(sa.update(alerts).where(alerts.c.alert_id == alert.alert_id).values(**values))
