"""Whatever is sent into the stream: a clear dead letter or the documented handling, and the rest goes on."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.wire import in_thread, produce, read_all, wait_until
from vocengine.contracts.wire import decode_dead_letter
from vocengine.pipeline import Models
from vocengine.settings import Settings
from vocengine.store.tables import events
from vocengine.stream import letters
from vocengine.stream.enrich import EnrichSession
from vocengine.stream.enrich_member import LivePipeline, run_enrich
from vocengine.stream.members import run_store

pytestmark = pytest.mark.integration


def event(event_id: str, **changes: Any) -> bytes:
    base = {
        "event_id": event_id,
        "source": "bad",
        "channel": "review",
        "occurred_at": "2026-03-01T12:00:00Z",
        "text": "The parcel arrived late and nobody answered my calls.",
    }
    return json.dumps({**base, **changes}).encode()


REFUSED: dict[str, tuple[bytes | None, str]] = {
    "invalid JSON": (b'{"text": "half', "invalid_json"),
    "not UTF-8": (b'{"text": "caf\xe9"}', "not_utf8"),
    "wrong type": (event("x1", text=["a"]), "invalid_field"),
    "neither text nor turns": (event("x2", text=None), "no_text"),
    "empty text": (event("x3", text=""), "no_text"),
    "white text": (event("x4", text=" \t\n "), "no_text"),
    "text over a million characters": (event("x5", text="a " * 500_001), "text_too_long"),
    "a time without zone": (event("x6", occurred_at="2026-03-01T12:00:00"), "invalid_field"),
    "a time in the far future": (event("x7", occurred_at="2126-03-01T12:00:00Z"), "invalid_field"),
    "a time in 1970": (event("x8", occurred_at="1970-01-01T00:00:00Z"), "invalid_field"),
    "NPS 11": (event("x9", nps=11), "invalid_field"),
    "a rating above its maximum": (event("x10", rating={"value": 11, "min": 1, "max": 10}), "invalid_field"),
    "an unknown channel": (event("x11", channel="pigeon"), "invalid_field"),
    "a record of 0 bytes": (b"", "empty_record"),
    "a tombstone": (None, "tombstone"),
    "an unknown schema version": (event("x12", schema_version=99), "unsupported_schema_version"),
    "a null byte in an id": (event("x\x0013"), "invalid_field"),
}
ACCEPTED: dict[str, bytes] = {
    "good-1": event("good-1"),
    "good-2": event("good-2", text="Lovely service, thank you so much!"),
    "million": event("million", text=("The parcel arrived late again. " * 33_000)[:999_999]),
    "words": event("words", text=" ".join(f"word{i % 977}" for i in range(100_000))),
    "nulls": event("nulls", text="The box was \x00 empty \x00 and torn.", attributes={"a\x00b": "c\x00d"}),
    "surrogate": event("surrogate", text="torn \ud83d box, bad service").replace(b"\\\\u", b"\\u"),
    "bidi": event("bidi", text="\u202eThe kettle\u202c is \u200fbroken\u200f already."),
    "german": event("german", text="Das Paket kam viel zu spät an und niemand hat auf meine Anrufe reagiert."),
    "emoji": event("emoji", text="😡😡😡"),
}


def test_every_kind_of_bad_record_is_explained_and_the_others_arrive(
    settings: Settings, database: object, models: Models
) -> None:
    engine = database.engine  # type: ignore[attr-defined]
    bad = [(f"bad-{i}".encode(), value) for i, (value, _) in enumerate(REFUSED.values())]
    good = [(key.encode(), value) for key, value in ACCEPTED.items()]
    produce(settings, "feedback", [record for pair in zip(bad, good * 2, strict=False) for record in pair] + good)

    def stored() -> dict[str, Any]:
        with engine.connect() as connection:
            return {row.event_id: row for row in connection.execute(sa.select(events))}

    with in_thread(partial(run_enrich, models=models), settings), in_thread(run_store, settings):
        wait_until(lambda: stored().keys() == ACCEPTED.keys(), what="the good events", timeout_s=240)
        found = wait_until(
            lambda: len(r := read_all(settings, "dead-letter")) >= len(REFUSED) and r, what="the letters"
        )
    by_key = {base64.b64decode(letter.key_base64).decode(): letter for letter in map(decode_dead_letter_of, found)}
    for i, (name, (value, code)) in enumerate(REFUSED.items()):
        letter = by_key[f"bad-{i}"]
        assert letter.code == code, f"{name}: {letter.code}: {letter.message}"
        assert (base64.b64decode(letter.value_base64) if letter.value_base64 is not None else None) == value, name
    rows = stored()
    assert rows["german"].status == "unsupported_language" and rows["german"].sentiment_label is None
    assert rows["german"].language == "de"
    assert rows["good-1"].sentiment_label == "negative" and rows["good-2"].sentiment_label == "positive"
    assert rows["nulls"].text == "The box was empty and torn." and "\x00" not in json.dumps(rows["nulls"].attributes)
    assert "\u202e" not in rows["bidi"].text
    assert rows["million"].text.count("parcel") > 30_000


def decode_dead_letter_of(record: Any) -> Any:
    return decode_dead_letter(record.value)


def test_a_poison_record_is_found_and_after_a_mend_replayed(
    settings: Settings, database: object, models: Models
) -> None:
    engine = database.engine  # type: ignore[attr-defined]
    healthy = LivePipeline(models, None, refresh_s=60)

    def with_a_fault(batch: Any, received_at: Any) -> Any:
        if any("POISON" in item.text for item in batch):
            raise ZeroDivisionError("a fault that only some text brings out")
        return healthy(batch, received_at)

    records = [
        (f"p-{i}".encode(), event(f"p-{i}", text=f"Fine, number {i}." if i != 13 else "POISON")) for i in range(40)
    ]
    produce(settings, "feedback", records)
    session = EnrichSession(settings, with_a_fault, instance="faulty")
    try:
        wait_until(lambda: session.step() or len(read_all(settings, "enriched")) == 39, what="39 events")
        wait_until(lambda: session.step() or len(read_all(settings, "enriched")) == 39, what="39 events")
    finally:
        session.close()
    [(_, letter)] = list(letters.read(settings.kafka))
    assert letter.code == "processing_failed" and "p-13" in letter.message and "ZeroDivisionError" in letter.message

    assert letters.replay(settings.kafka, code="processing_failed", dry_run=True).sent == 1
    assert letters.replay(settings.kafka, code="processing_failed").sent == 1
    assert letters.replay(settings.kafka, code="processing_failed").sent == 0, "a letter goes back once"
    with in_thread(partial(run_enrich, models=models), settings), in_thread(run_store, settings):
        wait_until(lambda: count(engine) == 40, what="all 40 stored after the mend")


def count(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(events)) or 0
