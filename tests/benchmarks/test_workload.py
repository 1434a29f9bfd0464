"""What is measured with: distinct texts, each used once, in the order of time."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest

from benchmarks import generated
from benchmarks.texts import Verbatim, load_texts
from benchmarks.workload import COMPLAINTS_EACH, LIVE_START, PRAISE_EACH, history, live, set_apart, warm_up
from vocengine.contracts import Feedback, decode_feedback

TEXTS = (
    [Verbatim(f"praise {i}", "positive") for i in range(3 * PRAISE_EACH)]
    + [Verbatim(f"complaint {i}", "negative") for i in range(5 * COMPLAINTS_EACH)]
    + [Verbatim(f"other {i}", None) for i in range(1_000)]
)


def test_no_text_is_sent_twice_in_a_run() -> None:
    stock = set_apart(TEXTS, falls=2)
    records = warm_up(stock, 100, prefix="w", seed=1) + history(stock, 400, prefix="h", seed=2)
    records += live(stock, rate_per_s=30, duration_s=10, prefix="l", seed=3)
    said = [orjson.loads(record.value)["text"] for record in records]
    assert len(said) == 100 + 400 + 300
    assert len(set(said)) == len(said)


def test_every_record_is_valid_feedback_in_the_order_of_time() -> None:
    stock = set_apart(TEXTS, falls=2)
    for records in (
        history(stock, 300, prefix="h", seed=2),
        live(stock, rate_per_s=30, duration_s=10, prefix="l", seed=3),
    ):
        events = [decode_feedback(record.value) for record in records]
        assert all(isinstance(event, Feedback) for event in events)
        times = [event.occurred_at for event in events if isinstance(event, Feedback)]
        assert times == sorted(set(times))
        assert times == [record.occurred_at for record in records]


def test_each_falling_product_has_praise_behind_it_and_complaints_on_the_live_day() -> None:
    stock = set_apart(TEXTS, falls=2)
    before = Counter(orjson.loads(r.value)["product"] for r in history(stock, 300, prefix="h", seed=2))
    records = live(stock, rate_per_s=30, duration_s=10, prefix="l", seed=3)
    after = Counter(orjson.loads(r.value)["product"] for r in records)
    for product in ("falling-00", "falling-01"):
        assert before[product] == PRAISE_EACH
        assert after[product] == COMPLAINTS_EACH
    assert all(record.occurred_at >= LIVE_START for record in records)
    assert [record.due_s for record in records] == sorted(record.due_s for record in records)


def test_there_are_only_as_many_falls_as_texts_allow() -> None:
    assert set_apart(TEXTS, falls=25).falls == 2


def test_loaded_texts_are_distinct() -> None:
    texts = [v.text for v in load_texts(0).verbatims]
    assert len(texts) > 500
    assert len(set(texts)) == len(texts)


def test_asking_for_more_texts_than_there_are_tweets_adds_others(data_sets: object) -> None:
    few, many = load_texts(0), load_texts(15_000)
    assert len(many.verbatims) == 15_000
    assert many.verbatims[: len(few.verbatims)] == few.verbatims
    assert len({v.text for v in many.verbatims}) == 15_000


@pytest.mark.parametrize("count", [1, 400])
def test_generated_events_span_ninety_days_in_order_with_ids_of_their_own(count: int) -> None:
    events = list(generated.enriched_events(count))
    assert len({event.event_id for event in events}) == count
    times = [event.occurred_at for event in events]
    assert times == sorted(times)
    assert all(0 <= (t - generated.START).days < generated.DAYS for t in times)
    assert all(0 <= s.start < s.end <= len(event.text) for event in events for s in event.spans)
