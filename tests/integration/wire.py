"""Reading and writing the stream from a test, as any other application would."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from kafka import TopicPartition

from vocengine.contracts import Enriched, Sentiment, Span, SpanTopic, encode
from vocengine.settings import Settings
from vocengine.stream import clients

START = datetime(2026, 3, 1, tzinfo=UTC)


def produce(settings: Settings, topic: str, records: Iterable[tuple[bytes | None, bytes | None]]) -> None:
    """Send (key, value) records."""
    producer = clients.producer(settings.kafka, client_id="test")
    for key, value in records:
        producer.send(settings.kafka.topic(topic), value, key=key)
    producer.flush()
    producer.close()


def read_all(settings: Settings, topic: str) -> list[Any]:
    """Every committed record of a topic, by partition and offset."""
    consumer = clients.consumer(settings.kafka, group=None, client_id="test-reader")
    name = settings.kafka.topic(topic)
    partitions = [TopicPartition(name, p) for p in sorted(consumer.partitions_for_topic(name) or ())]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    consumer.seek_to_beginning(*partitions)
    found: list[Any] = []
    deadline = time.monotonic() + 30
    while any(consumer.position(tp) < ends[tp] for tp in partitions):
        assert time.monotonic() < deadline, f"{topic} could not be read to its end"
        for records in consumer.poll(200, max_records=5_000).values():
            found += records
    consumer.close(autocommit=False)
    return found


def wait_until(
    condition: Callable[[], Any],
    *,
    timeout_s: float = 60,
    what: str = "the condition",
    explain: Callable[[], str] = lambda: "",
) -> Any:
    """Poll until `condition()` is true; its value. `explain` tells a failure's reader how things stand."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come true within {timeout_s:g} s {explain()}")


@contextmanager
def in_thread(run: Callable[[Settings, threading.Event], None], settings: Settings) -> Iterator[threading.Event]:
    """A role in a thread; an error in it fails the test."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def target() -> None:
        try:
            run(settings, stop)
        except BaseException as error:
            errors.append(error)
            raise

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive(), "the role did not stop"
        assert not errors, errors


def enriched(number: int, *, score: float = 0.5, at: datetime | None = None, **more: Any) -> Enriched:
    """An understood event, as enrich would publish it."""
    positive = max(score, 0.0) + 0.05
    negative = max(-score, 0.0) + 0.05
    label = "positive" if score > 0.3 else "negative" if score < -0.3 else "neutral"
    sentiment = Sentiment(label, score, negative, max(0.0, 1 - positive - negative), positive)  # type: ignore[arg-type]
    occurred = at or START + timedelta(minutes=number)
    text = more.pop("text", f"Verbatim number {number}.")
    fields: dict[str, Any] = {
        "event_id": f"e-{number}",
        "source": "test",
        "channel": "review",
        "customer_id": f"C-{number}",
        "product": "kettle",
        "topic": None,
    } | more
    topic = fields.pop("topic")
    topics = (SpanTopic(topic, f"topic {topic}", 0.8),) if topic else ()
    return Enriched(
        occurred_at=occurred,
        received_at=occurred,
        enriched_at=occurred,
        text=text,
        content_digest=fields.pop("digest", f"digest-{number}"),
        status="scored",
        language="en",
        language_confidence=0.99,
        sentiment=sentiment,
        emotions=(),
        intents=(),
        effort=None,
        urgency="normal",
        spans=(Span(0, len(text), sentiment, (), topics),),
        models=(),
        pipeline_version="test",
        **fields,
    )


def as_records(events: Iterable[Enriched]) -> list[tuple[bytes, bytes]]:
    """Keyed and encoded for `voc.enriched`."""
    return [(event.event_id.encode(), encode(event)) for event in events]
