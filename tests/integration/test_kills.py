"""SIGKILL of any role at any moment, again and again: nothing is lost and nothing doubled downstream.

`VOCENGINE_KILL_ROUNDS=20 pytest tests/integration/test_kills.py` runs it twenty times.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from kafka import TopicPartition

from tests.integration.processes import RoleProcess
from tests.integration.wire import START, produce, read_all, wait_until
from vocengine.contracts import decode_enriched, decode_mention
from vocengine.settings import Settings
from vocengine.store.tables import alerts, consumer_positions, event_ids, events, rollups
from vocengine.stream import clients

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROUNDS = int(os.environ.get("VOCENGINE_KILL_ROUNDS", "1"))
EVENTS = 1_500
KILLS = 6
# Two members that enrich: a kill hands partitions over, and back, while batches are in hand.
MEMBERS = [("enrich", "enrich-0"), ("enrich", "enrich-1"), ("store", "store-0"), ("detect", "detect-0")]
TEXTS = [
    "The kettle arrived broken and nobody answers my calls.",
    "Lovely lamp, quick delivery, thank you!",
    "The app is fine but the checkout failed twice.",
    "It was ok.",
]


def feedback(number: int) -> tuple[bytes, bytes]:
    event = {
        "event_id": f"k-{number}",
        "source": "kills",
        "channel": "review",
        "occurred_at": (START + timedelta(minutes=10 * number)).isoformat(),
        "text": f"{TEXTS[number % len(TEXTS)]} Order {number}.",
        "customer_id": f"C-{number % 97}",
        "product": f"P-{number % 5}",
        "language": "en",
    }
    return event["event_id"].encode(), orjson.dumps(event)


@pytest.mark.parametrize("round_number", range(ROUNDS))
@pytest.mark.timeout(600)
def test_killing_roles_loses_nothing_and_doubles_nothing(
    settings: Settings, database: object, tmp_path: Path, round_number: int
) -> None:
    engine = database.engine  # type: ignore[attr-defined]
    draw = random.Random(round_number)
    settings = settings.model_copy(update={"stream": settings.stream.model_copy(update={"batch_max_records": 40})})

    def stored() -> int:
        with engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(event_ids)) or 0

    def send_steadily() -> None:
        for first in range(0, EVENTS, 50):
            produce(settings, "feedback", [feedback(n) for n in range(first, first + 50)])
            time.sleep(0.3)

    with ExitStack() as stack:
        roles = [
            stack.enter_context(RoleProcess(role, settings, tmp_path, instance=instance)) for role, instance in MEMBERS
        ]
        sender = threading.Thread(target=send_steadily)
        sender.start()
        wait_until(lambda: stored() > 0, what="the first event", timeout_s=90)
        for _ in range(KILLS):
            time.sleep(draw.uniform(0.1, 2.5))
            victim = draw.choice(roles)
            victim.kill()
            victim.start()
        sender.join()
        wait_until(lambda: stored() == EVENTS, what=f"{EVENTS} events stored", timeout_s=180)
        mentions_read = wait_until(
            lambda: len(found := read_all(settings, "mentions")) >= 3 * EVENTS and found, what="all mentions"
        )
        wait_until(
            lambda: detected_all(engine, settings, mentions_read),
            what="all mentions to be detected on",
            explain=lambda: standing(engine, settings, "detect", "mentions"),
        )
        for role in roles:
            wait_until(role.ready, what=f"{role.role} to be back")
            role.terminate()

    ids = Counter(decode_enriched(record.value).event_id for record in read_all(settings, "enriched"))
    assert len(ids) == EVENTS, "lost on the way"
    assert set(ids.values()) == {1}, f"doubled: {[i for i, n in ids.items() if n > 1][:5]}"
    mentions = Counter((m.event_id, m.key) for m in (decode_mention(r.value) for r in read_all(settings, "mentions")))
    assert set(mentions.values()) == {1}
    assert len(mentions) == 3 * EVENTS  # customer, product, channel; no topics were discovered
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(events)) == EVENTS
        totals = dict(
            connection.execute(sa.select(rollups.c.kind, sa.func.sum(rollups.c.n)).group_by(rollups.c.kind)).all()
        )
        raised = set(connection.scalars(sa.select(alerts.c.alert_id)))
    assert totals == {"all": EVENTS, "customer": EVENTS, "product": EVENTS, "channel": EVENTS}
    published = Counter(orjson.loads(record.value)["alert_id"] for record in read_all(settings, "alerts"))
    assert set(published) == raised and set(published.values()) <= {1}
    assert read_all(settings, "dead-letter") == []


def standing(engine: sa.Engine, settings: Settings, role: str, topic: str) -> str:
    """Where a role stands against the ends of its topic, for the message of a failure."""
    reader = clients.consumer(settings.kafka, group=None, client_id="standing")
    name = settings.kafka.topic(topic)
    partitions = [TopicPartition(name, p) for p in sorted(reader.partitions_for_topic(name) or ())]
    ends = {tp.partition: offset for tp, offset in reader.end_offsets(partitions).items()}
    reader.close(autocommit=False)
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(consumer_positions.c.partition, consumer_positions.c.next_offset, consumer_positions.c.updated_at)
            .where(consumer_positions.c.group_name == settings.kafka.group(role))
            .order_by(consumer_positions.c.partition)
        )
        stood = [f"{p}: {offset} of {ends[p]}, moved {at:%H:%M:%S}" for p, offset, at in rows]
    admin = clients.admin(settings.kafka)
    group = admin.describe_groups([settings.kafka.group(role)])
    admin.close()
    return f"{datetime.now(UTC):%H:%M:%S} " + "; ".join(stood) + f"\n{group}"


def detected_all(engine: sa.Engine, settings: Settings, records: list[Any]) -> bool:
    """Whether detect has moved past the last mention of each partition."""
    last: dict[int, int] = {}
    for record in records:
        last[record.partition] = max(last.get(record.partition, -1), record.offset)
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(consumer_positions.c.partition, consumer_positions.c.next_offset).where(
                consumer_positions.c.group_name == settings.kafka.group("detect")
            )
        )
        positions = {partition: offset for partition, offset in rows}
    return all(positions.get(partition, 0) > offset for partition, offset in last.items())
