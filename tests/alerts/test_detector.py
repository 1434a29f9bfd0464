"""The detector of one key: what it finds, what it leaves alone, what it counts once."""

from __future__ import annotations

import tracemalloc
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.alerts.streams import POLICY, START, Shape, drawn, mention, run, scores
from vocengine.alerts import Budget, KeyState, Meter, Rule, codec, watch
from vocengine.alerts.evidence import Said, Stretch, kept_with, told


def test_a_fall_is_found_within_a_few_mentions_and_its_beginning_is_estimated() -> None:
    before, after = scores(200, 0.2), scores(60, 0.9, seed=1)
    found = run(mention(i, s) for i, s in enumerate(before + after)).alerts
    assert len(found) == 1, "one incident, one report"
    [fall] = found
    delay = (fall.opened_at - START) / timedelta(hours=1) - 200
    assert 0 <= delay <= 20
    assert abs((fall.window_start - START) / timedelta(hours=1) - 200) <= 15
    assert fall.observed_mean > fall.baseline_mean + 0.3
    assert fall.change_low > 0.2 and fall.evidence.value >= fall.evidence.threshold == 1.0
    assert fall.evidence.probability is None, "that is said of customers"


def test_a_rise_of_sentiment_is_no_fall() -> None:
    stream = scores(200, 0.6) + scores(300, 0.1)
    assert run(mention(i, s) for i, s in enumerate(stream)).alerts == []


def test_without_history_there_is_no_verdict() -> None:
    assert run(mention(i, -0.9, at=START + timedelta(minutes=i)) for i in range(500)).alerts == []


@pytest.mark.parametrize("seed", range(4))
def test_a_slow_slide_is_not_learned_away(seed: int) -> None:
    """0.2 → 0.5 in 30 days: no day is much worse than the one before it."""
    slide = Shape(a_day=40, share=0.2, falls_at=40, by=0.3, slide_days=30)
    after = [alert.opened_at - START for alert in run(drawn(slide, 75, seed=seed)).alerts]
    assert any(timedelta(days=40) < days < timedelta(days=70) for days in after)


def test_a_fall_that_is_too_small_to_matter_is_watched_on_and_not_reported() -> None:
    tiny = Shape(a_day=300, share=0.3, falls_at=30, by=0.03)
    assert run(drawn(tiny, 60, seed=1)).alerts == []


def test_a_customer_has_one_voice_a_day_for_a_product() -> None:
    before = run(mention(i, 0.8) for i in range(200))
    furious = [
        mention(300 + i, -1.0, at=START + timedelta(days=9, minutes=i), customer_id="C-furious") for i in range(100)
    ]
    assert run(furious, before=before).alerts == []


def test_one_text_told_by_many_counts_once_a_day() -> None:
    said = "The kettle burst into flames last night and nobody answers the phone"
    before = run(mention(i, s) for i, s in enumerate(scores(200, 0.1)))
    copies = [
        mention(300 + i, -1.0, at=START + timedelta(days=9, minutes=i), excerpt=f"RT @user{i}: {said}")
        for i in range(100)
    ]
    assert run(copies, before=before).alerts == []


def test_what_is_older_than_the_allowed_lateness_neither_trains_nor_alerts() -> None:
    watched = run(mention(i, 0.8) for i in range(200))
    before = codec.to_bytes(watched.states["product:kettle"])
    late = run((mention(1_000 + i, -1.0, at=START + timedelta(minutes=i)) for i in range(200)), before=watched)
    assert late.alerts == []
    assert codec.to_bytes(late.states["product:kettle"]) == before


def test_a_backfill_of_a_new_key_trains_and_does_not_alert() -> None:
    """A source of last month is loaded while others are at today: its falls are history, its level is not."""
    today = run(mention(i, 0.8, at=START + timedelta(days=60, hours=i)) for i in range(100))
    history = [
        mention(i, s, kind="topic", key="topic:4") for i, s in enumerate(scores(400, 0.2) + scores(200, 0.9, seed=1))
    ]
    told = run(history, before=today)
    assert told.alerts == [] and "topic" not in told.meter.purse.accounts
    assert told.states["topic:4"].baseline.days, "it trained"


def test_a_level_that_lasts_becomes_the_new_normal() -> None:
    stream = scores(24 * 10, 0.2) + scores(24 * 30, 0.9, seed=3)
    watched = run(mention(i, s) for i, s in enumerate(stream))
    state = watched.states["product:kettle"]
    assert len(watched.alerts) == 1
    assert state.reported is None and state.baseline.known.mean > 0.8, "after a week the new level is the baseline"


def test_a_second_fall_after_a_recovery_is_reported_again() -> None:
    stream = scores(240, 0.2) + scores(60, 0.9, seed=1) + scores(240, 0.2, seed=2) + scores(60, 0.9, seed=3)
    watched = run(mention(i, s) for i, s in enumerate(stream))
    assert len(watched.alerts) == 2
    assert watched.alerts[1].baseline_mean < 0.35, "the incident is no part of the baseline"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=150), st.integers(1, 149), st.sampled_from(["product", "customer"])
)
def test_a_partition_goes_on_from_its_bytes_as_if_nothing_had_happened(
    values: list[float], cut: int, kind: str
) -> None:
    mentions = [mention(i, round(v, 3), kind=kind, key=f"{kind}:k") for i, v in enumerate(values)]
    budget = Budget(5, 1)
    whole, first = run(mentions, budget=budget), run(mentions[:cut], budget=budget)
    first.states = {key: codec.from_bytes(codec.to_bytes(state), kind) for key, state in first.states.items()}
    first.meter = Meter.from_bytes(first.meter.to_bytes())
    second = run(mentions[cut:], before=first, budget=budget)
    assert first.alerts + second.alerts == whole.alerts
    assert codec.to_bytes(second.states[f"{kind}:k"]) == codec.to_bytes(whole.states[f"{kind}:k"])
    assert second.meter.to_bytes() == whole.meter.to_bytes()


def test_a_state_of_an_older_version_is_begun_afresh_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    afresh = codec.from_bytes(b'{"kind":"product","days":[]}', "product")
    assert codec.to_bytes(afresh) == codec.to_bytes(KeyState("product"))
    assert Meter.from_bytes(b'{"tested":[],"n":0.0,"sum":0.0}') == Meter()
    assert caplog.text.count("begun afresh") == 2


def in_memory(raw: bytes) -> int:
    tracemalloc.start()
    kept = codec.from_bytes(raw, "product")
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert codec.to_bytes(kept) == raw
    return taken


def test_a_key_with_a_long_past_is_remembered_in_2_kb() -> None:
    state = run(drawn(Shape(a_day=100), 60, seed=3)).states["product:kettle"]
    state.stretch = None  # the evidence of what may be beginning comes on top
    plain = codec.to_bytes(state)
    assert len(plain) < 1_200
    assert in_memory(plain) < 1_600
    for number in range(20):
        said = mention(number, -0.9, excerpt="x" * 140)
        state.stretch = state.stretch or Stretch(said.occurred_at.timestamp())
        state.stretch.negatives = kept_with(state.stretch.negatives, said, said.occurred_at.timestamp())
    assert in_memory(codec.to_bytes(state)) < in_memory(plain) + 8 * 140 + 800


def test_evidence_comes_back_as_it_was_said_the_newest_eight() -> None:
    kept, texts = b"", ["two\nlines", 'a "quote"', "über 😡\u2028", "", *(f"words {i}" for i in range(6))]
    for number, text in enumerate(texts):
        at = START + timedelta(days=number, microseconds=123_457 * number)
        said = mention(number, -0.1234 * (number % 8), at=at, excerpt=text, product=None if number % 2 else "kettle")
        kept = kept_with(kept, said, at.timestamp())
    found = told(kept)
    assert [one.excerpt for one in found] == texts[2:]
    assert found[0] == Said(
        "e-2", START + timedelta(days=2, microseconds=246_914), "review", "kettle", -0.2468, texts[2]
    )


def test_a_replay_gives_the_same_alert_ids() -> None:
    stream = [mention(i, s) for i, s in enumerate(scores(200, 0.2, seed=8) + scores(60, 0.9, seed=1))]
    ids = [[alert.alert_id for alert in run(stream).alerts] for _ in range(2)]
    assert ids[0] == ids[1] and len(ids[0]) == 1


def test_a_key_that_the_rules_do_not_watch_is_passed_over() -> None:
    class OnlyChannels:
        def rule_of(self, key: str, kind: str) -> Rule | None:
            return Rule(POLICY) if kind == "channel" else None

    states = {"product:kettle": KeyState("product")}
    stream = [mention(i, s) for i, s in enumerate(scores(200, 0.2, seed=8) + scores(60, 0.9, seed=1))]
    now = datetime.now(START.tzinfo)
    found = watch(stream, states, Meter(), rules=OnlyChannels(), budget=Budget(), partitions=6, now=now)
    assert found.alerts == found.refused == []
    assert codec.to_bytes(states["product:kettle"]) == codec.to_bytes(KeyState("product"))


@pytest.mark.parametrize(("importance", "severity"), [(0.4, "high"), (1.0, "critical"), (2.5, "critical")])
def test_the_importance_of_a_key_weighs_in_the_severity(importance: float, severity: str) -> None:
    class Weighed:
        def rule_of(self, key: str, kind: str) -> Rule | None:
            return Rule(POLICY, importance)

    stream = [mention(i, s) for i, s in enumerate(scores(200, 0.1, seed=8) + scores(60, 0.95, seed=1))]
    states = {"product:kettle": KeyState("product")}
    now = datetime(2027, 1, 1, tzinfo=START.tzinfo)
    [alert] = watch(stream, states, Meter(), rules=Weighed(), budget=Budget(), partitions=1, now=now).alerts
    assert alert.severity == severity
