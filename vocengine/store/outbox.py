"""Messages that leave for Kafka because of what was written here.

They are put down in the transaction that caused them, in commit order, and relayed by whoever holds the
relay lock (see `vocengine.stream.relay`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from vocengine.store.tables import installation, outbox

# Writers take it until their commit: without it a lower `seq` could appear after a higher one was relayed.
_ORDER_LOCK = 7_018_002
# Whoever holds it on a session of its own relays; it goes with the session when the process dies.
_RELAY_LOCK = 7_018_003


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way out; `seq` grows in commit order."""

    seq: int
    topic: str
    key: bytes | None
    value: bytes


def put(connection: sa.Connection, messages: Sequence[tuple[str, bytes | None, bytes]]) -> None:
    """Write (topic, key, value) messages down, to leave once this transaction has committed."""
    if not messages:
        return
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ORDER_LOCK)))
    connection.execute(
        sa.insert(outbox).values(created_at=sa.func.now()),
        [{"topic": topic, "key": key, "value": value} for topic, key, value in messages],
    )


def after(connection: sa.Connection, seq: int, *, limit: int = 500) -> list[Outgoing]:
    """The messages behind `seq`, oldest first."""
    rows = connection.execute(sa.select(outbox).where(outbox.c.seq > seq).order_by(outbox.c.seq).limit(limit))
    return [Outgoing(row.seq, row.topic, row.key, row.value) for row in rows]


def forget(connection: sa.Connection, up_to_seq: int) -> None:
    """Delete what has certainly left."""
    connection.execute(sa.delete(outbox).where(outbox.c.seq <= up_to_seq))


def try_relay_lock(connection: sa.Connection) -> bool:
    """Become the relay, if nobody is; held until the connection closes."""
    return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_lock(_RELAY_LOCK))))


def installation_id(connection: sa.Connection) -> str:
    """Which installation this database is."""
    return str(connection.scalar(sa.select(installation.c.installation_id)))
