"""The streams of the alert benchmark are what they say, others are held to the same rate, and scores add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from benchmarks import alert_cost, alert_customers, alert_delays, alert_false_alarms, alert_nab, alert_real
from benchmarks.alert_engine import KEY_NAMES, KEY_NUMBER, Engine, days_of, mentions_of
from benchmarks.alert_nab import Numbers
from benchmarks.alert_peers import PEERS, Adwin, Oracle, Peer, Series, TwoSdByDay, ZScoreByHour, calibrate, count
from benchmarks.alert_streams import DAY_S, FALLS, SCENARIOS, Fall, FallName, Installation, Pool, plant
from benchmarks.alert_texts import Scored
from benchmarks.alerts import not_reached
from benchmarks.texts import load_texts
from vocengine.alerts.codec import to_bytes

STEADY, RHYTHMIC = SCENARIOS[:2]


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Real texts with their labels; scores by label, spread a little."""
    verbatims = [v for v in load_texts(0).verbatims if v.tone is not None]
    sour = np.array([v.tone == "negative" for v in verbatims])
    x = np.clip(np.where(sour, 0.75, 0.3) + np.random.default_rng(5).normal(0, 0.15, len(sour)), 0, 1)
    return Pool([v.text for v in verbatims], x, sour)


def shifted(days: int, *, at_day: float, seed: int = 3) -> Series:
    """Twenty mentions a day, which rise from 0.4 to 0.7."""
    draw = np.random.default_rng(seed)
    at_s = np.sort(draw.random(20 * days)) * days * DAY_S
    x = np.clip(draw.normal(np.where(at_s < at_day * DAY_S, 0.4, 0.7), 0.15), 0, 1)
    return Series(at_s, x, (x - 0.55) * 0.3 / 0.15**2)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_a_stream_is_in_order_repeatable_and_as_busy_as_said(pool: Pool, scenario: object) -> None:
    assert isinstance(scenario, type(STEADY))
    installation = Installation(pool, 4)
    stream = installation.stream(scenario, days=56, seed=1)
    again = installation.stream(scenario, days=56, seed=1)
    assert np.all(np.diff(stream.at_s) >= 0) and np.array_equal(stream.text, again.text)
    assert 0.9 < len(stream.at_s) / (56 * scenario.events_a_day) < 1.25
    assert (stream.copy > 0).any() == (scenario.storms > 0)
    for storm in set(stream.copy[stream.copy > 0].tolist()):
        of = stream.copy == storm
        assert len(set(stream.text[of].tolist())) == 1 and len(set(stream.author[of].tolist())) == of.sum()


@pytest.mark.parametrize("name", FALLS)
def test_a_planted_fall_makes_its_key_sourer_by_its_size_and_no_other(pool: Pool, name: FallName) -> None:
    busy = replace(STEADY, events_a_day=6_000.0)
    installation = Installation(pool, 4)
    # Chosen by the traffic it has in service, and then looked at in much more.
    fall = replace(plant(name, installation, STEADY, onset_day=0, seed=1), onset_s=0.0)
    stream = installation.stream(busy, days=30, seed=2, fall=fall)
    hit = (stream.keys == fall.key).any(axis=1)
    if fall.channel is not None:
        hit &= (stream.keys == fall.channel).any(axis=1)
    late = hit & (stream.at_s >= fall.slide_days * DAY_S)
    sour = stream.pool.sour[stream.text]
    assert sour[late].mean() - stream.unchanged[late].mean() == pytest.approx(fall.size, abs=0.04)
    assert sour[~hit].mean() == pytest.approx(stream.unchanged[~hit].mean(), abs=0.02)


def test_evidence_favours_a_fall_where_there_is_one_and_speaks_against_it_where_there_is_none(pool: Pool) -> None:
    installation = Installation(pool, 4)
    quiet = installation.stream(STEADY, days=20, seed=1)
    fallen = installation.stream(STEADY, days=20, seed=1, fall=Fall(0, 0.3, 0.0))
    of = (fallen.keys == 0).any(axis=1)
    assert quiet.evidence(0.3).mean() < 0 < fallen.evidence(0.3)[of].mean()


def test_each_event_gives_a_mention_for_each_of_its_keys_with_the_text_that_was_drawn(pool: Pool) -> None:
    stream = Installation(pool, 4).stream(SCENARIOS[-1], days=14, seed=1)
    mentions = list(mentions_of(stream))
    assert len(mentions) == stream.keys.size
    assert [KEY_NUMBER[m.key] for m in mentions] == stream.keys.ravel().tolist()
    copied = np.flatnonzero(stream.copy)[0]
    assert pool.texts[stream.text[copied]][:40] in mentions[3 * copied].excerpt
    assert sum(end - begin for begin, end in days_of(stream)) == len(stream.at_s)


@pytest.mark.parametrize("peer", [*PEERS[:-1], Oracle()], ids=lambda peer: str(peer.name))
def test_each_peer_finds_a_plain_shift_and_hardly_anything_without_one(peer: Peer) -> None:
    thresholds = {"two_sd_by_day": 4.0, "z_score_by_hour": 4.5, "adwin": 2.7, "page_hinkley": 8.0, "oracle": 8.0}
    threshold = thresholds[peer.name]
    alarms = peer.alarms(shifted(60, at_day=45), threshold)
    assert [at_s for at_s in alarms if 45 * DAY_S <= at_s < 50 * DAY_S]
    assert len([at_s for at_s in alarms if at_s < 45 * DAY_S]) <= 1
    assert all(later - earlier >= DAY_S for earlier, later in pairwise(alarms))


def test_a_threshold_is_the_lowest_that_keeps_to_the_wanted_number_of_alarms() -> None:
    null = [shifted(120, at_day=1_000, seed=seed) for seed in range(20)]
    for peer in (TwoSdByDay(), ZScoreByHour(), Oracle(), Adwin()):
        threshold = calibrate(peer, null, 5, after_s=0.0, steps=10)
        assert count(peer, null, threshold, after_s=0.0) <= 5
        assert threshold < peer.lowest * 1.05 or count(peer, null, threshold * 0.9, after_s=0.0) >= 5


def test_the_engine_finds_a_large_fall_sooner_than_the_dummy_and_a_warm_up_serves_several(pool: Pool) -> None:
    thresholds = {
        "measured": {"oracle": 6.0, **dict.fromkeys(FALLS, 6.0), "two_sd_by_day": 3.0, "z_score_by_hour": 4.0}
        | {"adwin": 2.7, "page_hinkley": 10.0, "every_n": 5_000.0},
    }
    thresholds["promised"] = thresholds["measured"]
    found = alert_delays.delays(pool, STEADY, 2, ["large"], each=2, thresholds=thresholds)  # type: ignore[arg-type]
    figures = alert_delays.summary(found, ["two_sd_by_day", "z_score_by_hour"])["large"]
    hours = figures["hours"]
    assert isinstance(hours, dict)
    assert figures["falls"] == 2
    assert max(hours["oracle@measured"], hours["engine"]) < hours["every_n@measured"]
    low, high = figures["to_oracle_hours_at_measured_95"]  # type: ignore[misc]
    assert low - 0.01 <= figures["to_oracle_hours_at_measured"] <= high + 0.01  # type: ignore[operator]
    assert figures["to_oracle_hours_at_measured"] == pytest.approx(hours["engine"] / hours["oracle@measured"], rel=0.05)


def test_a_quiet_installation_is_counted_after_its_warm_up_with_an_interval(pool: Pool) -> None:
    year = alert_false_alarms.year(pool, replace(STEADY, events_a_day=30.0), 3, days=28)
    figures = alert_false_alarms.summary([year], days=28)
    assert figures["promised_alarms"] == pytest.approx(4.0)
    assert 0 <= sum(year.falls.values()) <= 8
    assert alert_false_alarms.poisson_interval(0) == pytest.approx((0.0, 3.689), abs=1e-3)
    assert alert_false_alarms.poisson_interval(10) == pytest.approx((4.795, 18.390), abs=1e-3)


def test_engines_that_go_on_from_one_state_do_not_share_it(pool: Pool) -> None:
    stream = Installation(pool, 4).stream(STEADY, days=3, seed=1)
    engine = Engine()
    engine.falls(stream)
    kept = engine.to_bytes()
    one, other = Engine.from_bytes(kept), Engine.from_bytes(kept)
    one.falls(Installation(pool, 4).stream(STEADY, days=3, seed=2, start_day=3))
    fresh = Engine.from_bytes(kept)
    stored = [{key: to_bytes(state) for key, state in e.states.items()} for e in (one, other, fresh)]
    assert stored[1] == stored[2]
    assert stored[0]["channel:review"] != stored[1]["channel:review"]


def test_customers_turn_sour_as_planted_and_rules_are_judged_by_it(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_customers, "CUSTOMERS", 150)
    people = alert_customers.population(pool, 1, sour_share=0.2)
    turned = np.isfinite(people.sour_from_s)
    since = people.at_s >= people.sour_from_s[people.who]
    assert turned.sum() == 30
    assert pool.sour[people.text[since]].mean() > 0.75 > 0.5 > pool.sour[people.text[~since]].mean()
    perfect = [[(who, float(people.sour_from_s[who]) + 1) for who in np.flatnonzero(turned)]]
    judged = alert_customers._judged([people], perfect)
    assert judged["precision"] == 1.0 and judged["recall"] >= 1.0 and judged["false_a_week"] == 0


def numbers(windows: Sequence[tuple[int, int]]) -> Numbers:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    return Numbers("n", [begin + timedelta(minutes=5 * i) for i in range(1_000)], [0.0] * 1_000, list(windows))


def test_the_numenta_score_is_that_of_its_standard_profile() -> None:
    one = numbers([(500, 599)])
    assert alert_nab.score(one, []) == -1.0
    assert alert_nab.score(one, [500]) == pytest.approx(1.0)
    assert alert_nab.score(one, [500, 550]) == pytest.approx(1.0)
    assert 0 < alert_nab.score(one, [599]) < 0.1
    # Before any window a false alarm costs it all; soon after one a little; in the probation nothing.
    assert alert_nab.score(one, [300, 500]) == pytest.approx(1.0 - 0.11)
    assert 1.0 - 0.11 < alert_nab.score(one, [500, 610]) < 1.0
    assert alert_nab.score(one, [100]) == -1.0


def test_a_known_day_counts_as_found_only_on_that_day_and_key() -> None:
    draw = np.random.default_rng(2)
    texts = []
    for day in range(16, 25):
        for airline in ("Southwest", "United", "Delta", "US Airways"):
            for number in range(60):
                at = datetime(2015, 2, day, 8, tzinfo=UTC) + timedelta(
                    minutes=23 * number, seconds=int(draw.integers(60))
                )
                sour = bool(draw.random() < (0.9 if (airline, day) == ("Southwest", 21) else 0.3))
                texts.append(Scored(f"{airline} {day} {number}", -0.7 if sour else 0.5, sour, at, None, airline))
    texts.sort(key=lambda text: str(text.at))
    found = alert_real.airline(texts)
    days = {day["airline"]: day for day in found["known_days"]}  # type: ignore[attr-defined]
    assert days["Southwest"]["found"] and 0 < days["Southwest"]["hours_after_midnight"] < 24
    assert not days["United"]["found"] and days["United"]["hours_after_midnight"] is None


def test_cost_is_of_real_states(pool: Pool) -> None:
    figures = alert_cost.fill(2_000)
    assert figures["keys"] == 2_000
    sizes = alert_cost.bytes_a_key(pool, 1, days=14)
    assert sizes["memory"] > 200 and sizes["stored"] > 100


def test_what_is_not_reached_is_named() -> None:
    alarms = {"alarms": 9, "promised_alarms": 5.0, "a_week": 1.8, "promised_a_week": 1.0}
    missed = not_reached(
        {
            "false_alarms_measured": {"steady": alarms, "bursty": alarms | {"alarms": 5}},
            "delay_ratio_to_oracle": {"large": {"mentions": 1.7, "hours": 1.5}, "small": {"mentions": 9.0}},
            "delay_ratio_to_best_rule": {"small": {"hours": 0.6}},
            "updates_per_s": 49_000,
            "bytes_per_key": 2_048,
        }
    )
    assert len(missed) == 4 and all(
        word in " ".join(missed) for word in ("steady", "large, mentions", "small, hours", "updates")
    )


def test_key_names_are_distinct() -> None:
    assert len(set(KEY_NAMES)) == len(KEY_NAMES) == len(KEY_NUMBER)
