"""The detector of one key: what it finds, what it leaves alone, what it counts once."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocengine.alerts import Budget, DetectorPolicy, KeyState, Meter, Rule, SameForAll, watch
from vocengine.alerts.detector import Fall
from vocengine.contracts import Mention

START = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = DetectorPolicy()


def mention(number: int, score: float, *, at: datetime | None = None, **more: object) -> Mention:
    made = Mention(
        kind="product",
        key="product:kettle",
        occurred_at=at or START + timedelta(hours=number),
        event_id=f"e-{number}",
        customer_id=f"C-{number}",
        score=score,
        weight=1.0,
        negative=score < -0.25,
        channel="review",
        product="kettle",
        label="kettle",
        excerpt=f"words {number}",
        received_at=START,
    )
    return replace(made, **more)  # type: ignore[arg-type]


# So high that chance alone does not reach it within the few hundred mentions of one test.
HIGH = 20_000.0


def run(state: KeyState, mentions: list[Mention], *, threshold: float = HIGH) -> list[Fall]:
    return [fall for m in mentions if (fall := state.update(m, POLICY, threshold=threshold)[1])]


def scores(n: int, negative_share: float, *, seed: int = 0) -> list[float]:
    draw = random.Random(seed)
    return [-0.9 if draw.random() < negative_share else 0.8 for _ in range(n)]


def test_a_fall_is_found_within_a_few_mentions_and_its_beginning_is_estimated() -> None:
    before, after = scores(200, 0.2), scores(60, 0.9, seed=1)
    falls = run(KeyState("product"), [mention(i, s) for i, s in enumerate(before + after)])
    assert len(falls) == 1, "one incident, one report"
    [fall] = falls
    delay = (fall.at - START) / timedelta(hours=1) - 200
    assert 0 <= delay <= 20
    assert abs((fall.since - START) / timedelta(hours=1) - 200) <= 15
    assert fall.observed_mean > fall.baseline_mean + 0.3


def test_a_rise_of_sentiment_is_no_fall() -> None:
    assert run(KeyState("product"), [mention(i, s) for i, s in enumerate(scores(200, 0.6) + scores(300, 0.1))]) == []


def test_without_history_there_is_no_verdict() -> None:
    assert run(KeyState("product"), [mention(i, -0.9, at=START + timedelta(minutes=i)) for i in range(500)]) == []


@pytest.mark.parametrize("negative_share", [0.1, 0.4, 0.7])
def test_false_alarms_stay_within_the_promise(negative_share: float) -> None:
    """At most one false alarm in `threshold` mentions on average: 60 streams of 1,000 mentions, threshold 1,000."""
    alarms = 0
    for seed in range(60):
        stream = [mention(i, s) for i, s in enumerate(scores(1_000, negative_share, seed=seed))]
        alarms += len(run(KeyState("product"), stream, threshold=1_000.0))
    assert alarms <= 60


def test_a_customer_has_one_voice_a_day_for_a_product() -> None:
    state = KeyState("product")
    run(state, [mention(i, 0.8) for i in range(200)])
    furious = [
        mention(300 + i, -1.0, at=START + timedelta(days=9, minutes=i), customer_id="C-furious") for i in range(100)
    ]
    assert run(state, furious) == []


def test_on_their_own_key_a_customer_is_heard_every_time_and_each_event_once() -> None:
    state = KeyState("customer")
    friendly = [mention(i, 0.9, at=START + timedelta(days=i), kind="customer", customer_id="C") for i in range(10)]
    assert run(state, friendly) == []
    sour = [
        mention(50 + i, -0.95, at=START + timedelta(days=11, hours=i), kind="customer", customer_id="C")
        for i in range(12)
    ]
    again = KeyState.from_bytes(state.to_bytes())
    assert run(again, [sour[0]] * 12) == [], "one event told twelve times"
    assert len(run(state, sour, threshold=1_000.0)) == 1


def test_what_is_older_than_the_allowed_lateness_neither_trains_nor_alerts() -> None:
    state = KeyState("product")
    run(state, [mention(i, 0.8) for i in range(200)])
    before = state.to_bytes()
    assert run(state, [mention(1_000 + i, -1.0, at=START + timedelta(minutes=i)) for i in range(200)]) == []
    assert state.to_bytes() == before


def test_a_level_that_lasts_becomes_the_new_normal() -> None:
    state = KeyState("product")
    stream = scores(24 * 10, 0.2) + scores(24 * 30, 0.9, seed=3)
    falls = run(state, [mention(i, s) for i, s in enumerate(stream)])
    assert len(falls) == 1
    assert state.quiet_until is None, "after a week the new level is learned"


def test_a_second_fall_after_a_recovery_is_reported_again() -> None:
    stream = scores(240, 0.2) + scores(60, 0.9, seed=1) + scores(240, 0.2, seed=2) + scores(60, 0.9, seed=3)
    assert len(run(KeyState("product"), [mention(i, s) for i, s in enumerate(stream)])) == 2


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=120), st.integers(1, 119))
def test_a_state_goes_on_from_its_bytes_as_if_nothing_had_happened(values: list[float], cut: int) -> None:
    mentions = [mention(i, round(v, 3)) for i, v in enumerate(values)]
    whole, first = KeyState("product"), KeyState("product")
    run(whole, mentions)
    run(first, mentions[:cut])
    second = KeyState.from_bytes(first.to_bytes())
    run(second, mentions[cut:])
    assert second.to_bytes() == whole.to_bytes()


def test_a_replay_gives_the_same_alert_ids() -> None:
    stream = [mention(i, s) for i, s in enumerate(scores(200, 0.2, seed=8) + scores(60, 0.9, seed=1))]

    def ids() -> list[str]:
        alerts = watch(
            stream,
            {"product:kettle": KeyState("product")},
            Meter(),
            rules=SameForAll(POLICY),
            budget=Budget(),
            kinds=3,
            partitions=6,
            now=datetime.now(UTC),
        )
        return [alert.alert_id for alert in alerts]

    assert ids() == ids() and len(ids()) == 1


def test_a_key_that_the_rules_do_not_watch_is_passed_over() -> None:
    class OnlyChannels:
        def rule_of(self, key: str, kind: str) -> Rule | None:
            return Rule(POLICY) if kind == "channel" else None

    states = {"product:kettle": KeyState("product")}
    stream = [mention(i, s) for i, s in enumerate(scores(200, 0.2, seed=8) + scores(60, 0.9, seed=1))]
    now = datetime.now(UTC)
    assert watch(stream, states, Meter(), rules=OnlyChannels(), budget=Budget(), kinds=3, partitions=6, now=now) == []
    assert states == {"product:kettle": KeyState("product")}


def test_the_threshold_follows_from_the_traffic_and_the_budget() -> None:
    meter = Meter()
    for day in range(5):
        for _ in range(400):
            meter.count("product", day, tested=True, customer_x=None)
    # 400 tested mentions a day in one of 6 partitions, one of 3 kinds; one false alarm in 7 days over all.
    assert meter.threshold("product", kinds=3, partitions=6, at_most=1, per_days=7) == 3 * 6 * 400 * 7
    assert meter.threshold("product", kinds=3, partitions=6, at_most=2, per_days=7) == 3 * 6 * 400 * 7 / 2
    assert meter.threshold("customer", kinds=3, partitions=6, at_most=1, per_days=7) == 200
    assert Meter.from_bytes(meter.to_bytes()) == meter
