"""The shipped mappings on the data sets they were made for."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vocengine.contracts import decode_feedback, encode
from vocengine.intake import ImportReport, ListSink, import_file, load_mapping


def imported(mapping: str, *parts: str) -> tuple[ListSink, ImportReport]:
    root = Path(os.environ.get("VOCENGINE_DATA") or Path(__file__).parents[2] / ".." / "shared" / "data")
    path = root.joinpath(*parts)
    if not path.is_file():
        pytest.skip(f"{'/'.join(parts)} is not there: set VOCENGINE_DATA to the folder of the data sets")
    sink = ListSink()
    return sink, import_file(path, load_mapping(mapping), sink=sink)


def test_airline_tweets() -> None:
    sink, report = imported("airline_tweets", "streams", "airline_tweets.csv")
    assert (report.read, report.sent, report.rejected) == (14_640, 14_640, 0)
    assert len({event.event_id for event in sink.events}) == 14_485
    products = Counter(event.product for event in sink.events)
    assert products["JetBlue"] == 2_222 and "Delta" not in products
    assert Counter(event.attributes["airline_sentiment"] for event in sink.events)["negative"] == 9_178
    times = [event.occurred_at for event in sink.events]
    assert times == sorted(times) and times[0] == datetime(2015, 2, 17, 7, 36, 5, tzinfo=UTC)
    assert len({event.customer_id for event in sink.events}) == 7_701
    assert all(event.customer_id and event.customer_id.startswith("h-") for event in sink.events)
    assert any("@dhepburn" in (event.text or "") for event in sink.events)


def test_repeated_tweets_have_one_id_one_time_and_one_text() -> None:
    sink, _ = imported("airline_tweets", "streams", "airline_tweets.csv")
    said = {(event.event_id, event.occurred_at, event.text, event.product) for event in sink.events}
    assert len(said) == 14_485


def test_instagram_reviews() -> None:
    sink, report = imported("instagram_reviews", "streams", "instagram_reviews.csv")
    assert (report.sent, report.rejected) == (29_600, 0)
    assert len({event.event_id for event in sink.events}) == 29_600
    assert Counter(event.rating.value for event in sink.events if event.rating)[5.0] == 18_821
    assert all(event.customer_id is None for event in sink.events)


def test_womens_clothing_reviews() -> None:
    sink, report = imported("womens_clothing_reviews", "streams", "womens_clothing_reviews.csv")
    assert (report.read, report.skipped, report.rejected) == (23_486, 845, 0)
    assert len({event.event_id for event in sink.events}) == len({event.occurred_at for event in sink.events}) == 22_641
    assert {event.segments.get("division") for event in sink.events} == {"General", "General Petite", "Intimates", None}


@pytest.mark.parametrize(("part", "count", "turns"), [("dev", 525, 686), ("test", 500, 639)])
def test_chats(part: str, count: int, turns: int) -> None:
    sink, report = imported("chats", "chats", f"{part}.json")
    assert (report.sent, report.rejected, report.never_found) == (count, 0, ())
    assert len({event.event_id for event in sink.events}) == count
    spoken = [turn for event in sink.events for turn in event.turns]
    agents = sum(turn.role == "agent" for turn in spoken)
    assert len(spoken) == turns and agents == {"dev": 61, "test": 53}[part]
    assert all(turn.at is not None for turn in spoken)
    assert all(event.turns[0].role == "customer" and event.source == event.product for event in sink.events)


def test_every_imported_event_survives_the_wire() -> None:
    sink, _ = imported("chats", "chats", "dev.json")
    assert all(decode_feedback(encode(event)) == event for event in sink.events)
