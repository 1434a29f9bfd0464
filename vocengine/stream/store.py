"""store: enriched events → rows, spans and hourly rollups."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from vocengine.contracts import Enriched, Rejected, decode_enriched
from vocengine.settings import Settings
from vocengine.store.engine import Connection, Engine
from vocengine.store.writer import EventWriter
from vocengine.stream.inbox import Received
from vocengine.stream.to_database import DatabaseSession
from vocengine.trends.mentions import Monitored


class StoreHandler:
    """Writes events; an id that comes again with other content goes to the dead letters."""

    def __init__(self, monitored: Monitored, *, fresh: timedelta) -> None:
        self._writer = EventWriter(monitored, fresh=fresh)
        self._written: list[Enriched] = []

    def handle(
        self, connection: Connection, batch: Sequence[Received[Enriched]]
    ) -> list[tuple[Received[Enriched], Rejected]]:
        """Write the batch; returns the conflicting records."""
        self._written = [record.message for record in batch]
        conflicting = {id(event) for event in self._writer.write(connection, self._written).conflicting}
        return [(record, _conflict(record.message)) for record in batch if id(record.message) in conflicting]

    def committed(self) -> None:
        """Partitions made in the transaction are there to stay."""
        self._writer.committed(self._written)
        self._written = []

    def rolled_back(self) -> None:
        """Nothing is remembered of a batch that was not committed."""
        self._written = []


def open_store(settings: Settings, engine: Engine, *, instance: str) -> DatabaseSession[Enriched]:
    """A session of the role."""
    handler = StoreHandler(
        Monitored(**settings.monitor.model_dump()), fresh=timedelta(hours=settings.alerts.allowed_lateness_h)
    )
    return DatabaseSession(
        "store", settings, engine, handler, topic="enriched", decode=decode_enriched, instance=instance
    )


def _conflict(event: Enriched) -> Rejected:
    return Rejected(
        "conflicting_duplicate",
        f"event_id {event.event_id!r} was stored before with other content; the first one stands. "
        "Send a correction under an id of its own",
        "event_id",
    )
