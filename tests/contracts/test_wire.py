"""What the wire accepts, what it refuses, and that the refusal names field, value and what would be right."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from vocengine.contracts import Feedback, Rejected, decode_feedback, encode

GOOD = {
    "event_id": "e-1",
    "source": "shop",
    "channel": "review",
    "occurred_at": "2026-03-01T12:30:00+01:00",
    "text": "The kettle leaks.",
}


def record(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def accepted(value: bytes) -> Feedback:
    decoded = decode_feedback(value)
    assert isinstance(decoded, Feedback), decoded
    return decoded


def test_a_minimal_event_is_accepted_and_its_time_is_utc() -> None:
    assert accepted(record()).occurred_at == datetime(2026, 3, 1, 11, 30, tzinfo=UTC)


def test_what_was_accepted_survives_the_wire_unchanged() -> None:
    event = accepted(record(nps=9, rating={"value": 4}, turns=[{"role": "agent", "text": "hi"}], shoe_size=44))
    assert accepted(encode(event)) == event


def test_unknown_fields_are_kept_in_attributes() -> None:
    event = accepted(record(shoe_size=44, attributes={"colour": "red"}))
    assert event.attributes == {"shoe_size": 44, "colour": "red"}


def test_an_absent_id_is_derived_and_stable_over_redelivery() -> None:
    no_id = {k: v for k, v in GOOD.items() if k != "event_id"}
    first, again = (accepted(json.dumps(no_id).encode()) for _ in range(2))
    other = accepted(json.dumps({**no_id, "text": "It is fine."}).encode())
    assert first.event_id == again.event_id != other.event_id


def test_a_native_id_makes_the_id_whatever_the_text_says() -> None:
    no_id = {k: v for k, v in GOOD.items() if k != "event_id"}
    one = accepted(json.dumps({**no_id, "native_id": 7}).encode())
    two = accepted(json.dumps({**no_id, "native_id": 7, "text": "changed"}).encode())
    assert one.event_id == two.event_id and one.attributes["native_id"] == 7


def test_lone_surrogates_are_replaced_and_null_bytes_left_to_cleaning() -> None:
    event = accepted(rb'{"source":"s","channel":"review","occurred_at":"2026-03-01T12:30:00Z","text":"a\ud800b\u0000"}')
    assert event.text == "a\ufffdb\x00"
    assert accepted(encode(event)).text == event.text


@pytest.mark.parametrize(
    ("value", "code", "field", "says"),
    [
        (b"{not json", "invalid_json", None, "not valid JSON"),
        (b'{"text": "\xff"}', "not_utf8", None, "0xff"),
        (b"", "empty_record", None, "0 bytes"),
        (None, "tombstone", None, "tombstone"),
        (b"[1]", "invalid_json", None, "array"),
        (b'{"nps": NaN}', "invalid_json", None, "not valid JSON"),
        (b"[" * 100_000, "invalid_json", None, "not valid JSON"),
        (record(text=7), "invalid_field", "text", "7"),
        (record(channel="fax"), "invalid_field", "channel", "'review'"),
        (record(nps=11), "invalid_field", "nps", "less than or equal to 10"),
        (record(nps="9"), "invalid_field", "nps", "'9'"),
        (record(rating={"value": 6}), "invalid_field", "rating", "outside its own scale 1 to 5"),
        (record(occurred_at="2026-03-01T12:30:00"), "invalid_field", "occurred_at", "has no zone"),
        (record(occurred_at="1970-01-01T00:00:00Z"), "invalid_field", "occurred_at", "empty date field"),
        (record(occurred_at=1772368200), "invalid_field", "occurred_at", "RFC 3339"),
        (record(occurred_at="yesterday"), "invalid_field", "occurred_at", "'yesterday'"),
        (record(text=None), "no_text", None, "neither text nor turns"),
        (record(text=" \n\t"), "no_text", None, "text is empty"),
        (record(text=None, turns=[{"role": "agent", "text": "hi"}]), "no_text", None, "by the customer"),
        (record(text="x" * 1_000_001), "text_too_long", "text", "1000000"),
        (record(schema_version=2), "unsupported_schema_version", "schema_version", "version 1"),
        (record(source=None), "invalid_field", "source", "string"),
    ],
)
def test_a_bad_record_is_refused_with_a_reason(value: bytes, code: str, field: str | None, says: str) -> None:
    refused = decode_feedback(value)
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.field) == (code, field)
    assert says in refused.message


def test_a_time_in_the_far_future_is_refused() -> None:
    refused = decode_feedback(record(occurred_at=(datetime.now(UTC) + timedelta(days=400)).isoformat()))
    assert isinstance(refused, Rejected) and "future" in refused.message


def test_a_long_value_is_not_repeated_whole_in_the_reason() -> None:
    refused = decode_feedback(record(channel="x" * 10_000))
    assert isinstance(refused, Rejected) and len(refused.message) < 400
