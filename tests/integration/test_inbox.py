"""What a member that catches up is served: event-time order over partitions, although each is fetched in pieces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from kafka import TopicPartition

from tests.integration.wire import START, produce, wait_until
from vocengine.settings import Settings
from vocengine.stream import clients
from vocengine.stream.inbox import Inbox

pytestmark = pytest.mark.integration

RECORDS = 12_000


def time_of(value: bytes | None) -> datetime:
    return datetime.fromtimestamp(orjson.loads(value or b"{}")["at"], UTC)


def test_a_backlog_is_served_in_event_time_order_and_whole(settings: Settings) -> None:
    """Ten days of records in six partitions, all there before the member comes."""
    times = [START + timedelta(days=10) * n / RECORDS for n in range(RECORDS)]
    values = [orjson.dumps({"at": at.timestamp(), "n": n, "padding": "x" * 300}) for n, at in enumerate(times)]
    produce(settings, "feedback", [(f"k-{n}".encode(), value) for n, value in enumerate(values)])
    consumer = clients.consumer(settings.kafka, group=settings.kafka.group("order"), client_id="order")

    def beginnings(partitions: set[TopicPartition]) -> dict[TopicPartition, int]:
        return dict(consumer.beginning_offsets(list(partitions)))

    inbox: Inbox[bytes] = Inbox(
        consumer, settings.kafka.topic("feedback"), decode=lambda value: value or b"", place=beginnings, time_of=time_of
    )
    served: list[bytes] = []
    wait_until(lambda: served.extend(r.message for r in inbox.take(100)) or len(served) >= RECORDS, what="all records")
    consumer.close(autocommit=False)
    assert len(served) == RECORDS and len(set(served)) == RECORDS
    latest, back = time_of(served[0]), timedelta(0)
    for value in served:
        back = max(back, latest - time_of(value))
        latest = max(latest, time_of(value))
    assert back < timedelta(hours=1), f"served up to {back} out of order"
