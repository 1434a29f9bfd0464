"""Dead letters read and replayed."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass

from kafka import ConsumerGroupMetadata, OffsetAndMetadata, TopicPartition

from vocengine.contracts import DeadLetter, Rejected
from vocengine.contracts.wire import decode_dead_letter
from vocengine.errors import BrokerUnavailable
from vocengine.settings import KafkaSettings
from vocengine.stream import clients

_READ_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many went back, and how many did not."""

    sent: int
    skipped: int


def read(settings: KafkaSettings) -> Iterator[tuple[int, DeadLetter]]:
    """All dead letters with their offsets, oldest first."""
    tp = TopicPartition(settings.topic("dead-letter"), 0)
    consumer = clients.consumer(settings, group=None, client_id="dead-letters")
    try:
        consumer.assign([tp])
        end = consumer.end_offsets([tp])[tp]
        consumer.seek_to_beginning(tp)
        deadline = time.monotonic() + _READ_TIMEOUT_S
        while consumer.position(tp) < end:
            if time.monotonic() > deadline:
                raise BrokerUnavailable(f"{tp.topic} could not be read to its end")
            for records in consumer.poll(200, max_records=2_000).values():
                for record in records:
                    letter = decode_dead_letter(record.value)
                    if not isinstance(letter, Rejected):
                        yield record.offset, letter
    finally:
        consumer.close(autocommit=False)


def replay(settings: KafkaSettings, *, code: str | None, from_offset: int = 0, dry_run: bool = False) -> Replayed:
    """Send letters back to the topics they came from, byte for byte.

    One transaction sends them and moves the cursor of this `code`, so that a second call sends only what came
    since, whatever happens in between.
    """
    tp = TopicPartition(settings.topic("dead-letter"), 0)
    group = f"{settings.group('replay')}.{code or 'all'}"
    cursor = clients.consumer(settings, group=group, client_id="replay-cursor")
    try:
        begin = max(from_offset, cursor.committed(tp) or 0)
    finally:
        cursor.close(autocommit=False)
    chosen: list[tuple[int, DeadLetter]] = []
    skipped = 0
    for offset, letter in read(settings):
        wanted = offset >= begin and (code is None or letter.code == code)
        # A row that an import refused never was in a topic: the file is mended and imported again.
        if not wanted or letter.value_base64 is None or letter.role == "import":
            skipped += 1
        else:
            chosen.append((offset, letter))
    if chosen and not dry_run:
        producer = clients.producer(settings, client_id="replay", transactional_id=group)
        try:
            producer.begin_transaction()
            for _, letter in chosen:
                assert letter.value_base64 is not None
                key = base64.b64decode(letter.key_base64) if letter.key_base64 is not None else None
                producer.send(letter.topic, base64.b64decode(letter.value_base64), key=key)
            producer.send_offsets_to_transaction(
                {tp: OffsetAndMetadata(chosen[-1][0] + 1, "", -1)}, ConsumerGroupMetadata(group_id=group)
            )
            producer.commit_transaction()
        finally:
            producer.close(timeout=10)
    return Replayed(len(chosen), skipped)
