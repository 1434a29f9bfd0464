"""An application that reads what comes out: when each enriched event and each alert could first be read."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime

from kafka import TopicPartition

from vocengine.contracts import Alert, decode_alert
from vocengine.settings import KafkaSettings
from vocengine.stream import clients


@dataclass(frozen=True, slots=True)
class SeenAlert:
    """An alert and the wall clock, in seconds, when it could be read."""

    key: str
    opened_at: datetime
    at_s: float


class Watcher:
    """Reads `enriched` and `alerts` from their beginning in a thread, committed records only."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._ready = threading.Event()
        self.enriched_at_s: dict[str, float] = {}
        self.alerts: list[SeenAlert] = []

    def __enter__(self) -> Watcher:
        self._thread.start()
        if not self._ready.wait(30):
            raise TimeoutError("the watcher could not read from the broker within 30 s")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _read(self) -> None:
        consumer = clients.consumer(self._settings, group=None, client_id="benchmark-watcher")
        names = [self._settings.topic("enriched"), self._settings.topic("alerts")]
        places = [TopicPartition(name, p) for name in names for p in consumer.partitions_for_topic(name) or ()]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        self._ready.set()
        while not self._stop.is_set():
            for place, records in consumer.poll(20, max_records=5_000).items():
                now_s = time.time()
                if place.topic == names[0]:
                    self.enriched_at_s.update((record.key.decode(), now_s) for record in records)
                else:
                    self._take_alerts([record.value for record in records], now_s)
        consumer.close(autocommit=False)

    def _take_alerts(self, values: list[bytes | None], now_s: float) -> None:
        for value in values:
            alert = decode_alert(value)
            if isinstance(alert, Alert):
                self.alerts.append(SeenAlert(alert.key, alert.opened_at, now_s))


class Mentions:
    """Where the mentions end, to tell when all of them were detected on."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._consumer = clients.consumer(settings, group=None, client_id="benchmark-mentions")
        name = settings.topic("mentions")
        self._places = [TopicPartition(name, p) for p in self._consumer.partitions_for_topic(name) or ()]

    def all_before(self, positions: dict[int, int]) -> bool:
        """Whether `positions` (next offsets by partition) lie behind the last mention of each partition.

        The very last record of a partition is the mark of its last transaction, which no reader is given.
        """
        ends = self._consumer.end_offsets(self._places)
        return all(positions.get(tp.partition, 0) >= end - 1 for tp, end in ends.items())

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close(autocommit=False)
