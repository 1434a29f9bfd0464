"""The purse: never overdrawn, whatever traffic and clock do; shared among kinds; and the promise that rests on it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.alerts.streams import START, Shape, drawn, in_order, mention, run, scores
from vocengine.alerts import Budget
from vocengine.alerts.budget import HOARD_DAYS, RESERVE, Purse

DAY = 86_400.0


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(-3 * DAY, 40 * DAY),  # the clock may jump, and run back
            st.sampled_from(["channel", "customer", "topic"]),
            st.floats(0.1, 10),
            st.integers(1, 30),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_no_more_is_spent_than_was_earned(steps: list[tuple[float, str, float, int]]) -> None:
    purse, now, earliest, latest = Purse(), 20_000 * DAY, 20_000 * DAY, 20_000 * DAY
    purse.earn(now, 0.5)
    for step, kind, importance, times in steps:
        now += step
        latest = max(latest, now)
        purse.earn(now, 0.5)
        for _ in range(times):
            assert purse.draw(kind, importance, 0.5) >= 0.0
        assert purse.spent <= (1 - RESERVE) * purse.income + 1e-9
        assert purse.income <= 0.5 * (latest - earliest) / DAY + 1e-9
    assert Purse.from_plain(purse.to_plain()) == purse


def steady(
    purse: Purse, days: int, *, a_day: int = 100, kinds: tuple[str, ...] = ("channel",), first: int = 0
) -> float:
    spent = purse.spent
    for day in range(first, first + days):
        for i in range(a_day):
            purse.earn((20_000 + day + i / a_day) * DAY, 1.0)
            for kind in kinds:
                purse.draw(kind, 1.0, 1.0)
    return purse.spent - spent


def test_in_steady_traffic_the_budget_is_spent() -> None:
    purse = Purse()
    steady(purse, 10)
    assert steady(purse, 10, first=10) == pytest.approx(10 * (1 - RESERVE), rel=0.02)


def test_a_burst_does_not_drain_the_purse_for_the_day_after() -> None:
    purse = Purse()
    steady(purse, 20)
    usual = purse.draw("channel", 1.0, 1.0)
    for i in range(1_000):  # ten days' mentions in a minute
        purse.earn((20_020 + i / 1_440_000) * DAY, 1.0)
        purse.draw("channel", 1.0, 1.0)
    purse.earn(20_021.5 * DAY, 1.0)
    assert purse.draw("channel", 1.0, 1.0) > usual / 10


def test_kinds_share_equally_whatever_their_traffic_and_a_key_of_twice_the_importance_draws_twice() -> None:
    purse = Purse()
    drawn_by = {"channel": 0.0, "customer": 0.0}
    for i in range(30_000):
        purse.earn((20_000 + i / 1_000) * DAY, 1.0)
        drawn_by["channel"] += purse.draw("channel", 1.0, 1.0)
        if i % 100 == 0:
            drawn_by["customer"] += purse.draw("customer", 1.0, 1.0)
    assert drawn_by["customer"] == pytest.approx(drawn_by["channel"], rel=0.2)
    # The second draw is from what the first has left.
    one, two = purse.draw("channel", 1.0, 1.0), purse.draw("channel", 2.0, 1.0)
    assert two / one == pytest.approx(2.0, rel=0.01)


def test_the_part_of_a_kind_that_falls_silent_goes_to_the_others() -> None:
    purse = Purse()
    steady(purse, 20, kinds=("channel", "topic"))
    steady(purse, 20, first=20)
    assert purse.active == 1
    assert steady(purse, 10, first=40) == pytest.approx(10 * (1 - RESERVE), rel=0.03)


def test_a_long_silence_earns_no_more_than_the_hoard() -> None:
    purse = Purse()
    purse.earn(20_000 * DAY, 1.0)
    purse.earn(20_300 * DAY, 1.0)
    assert purse.income == HOARD_DAYS


def test_a_budget_says_itself_in_words() -> None:
    assert str(Budget()) == "at most 1 false alarm in 7 days"
    assert str(Budget(3, 30)) == "at most 3 false alarms in 30 days"


def test_an_event_from_next_year_moves_no_clock_and_the_stream_goes_on() -> None:
    watched = run(mention(i, s) for i, s in enumerate(scores(200, 0.2)))
    earned = watched.meter.purse.income
    now = START + timedelta(hours=300)
    run([mention(999, -1.0, at=START + timedelta(days=365))], before=watched, now=now)
    assert watched.meter.purse.income == earned and watched.meter.clock.refused == 1
    fallen = [mention(200 + i, s) for i, s in enumerate(scores(60, 0.9, seed=1))]
    assert len(run(fallen, before=watched, now=now).alerts) == 1


def test_one_date_far_ahead_is_not_believed_and_three_of_different_events_are() -> None:
    watched = run(mention(i, s) for i, s in enumerate(scores(100, 0.2)))
    for number, believed in ((1_000, False), (1_000, False), (1_001, False), (1_002, True)):
        run([mention(number, 0.8, at=START + timedelta(days=200))], before=watched)
        assert (watched.meter.clock.at_s == (START + timedelta(days=200)).timestamp()) is believed


UNCHANGED = {
    "alike": Shape(a_day=30),
    "spread scores": Shape(a_day=30, spread=True),
    "bad and good days": Shape(a_day=30, day_sd=0.05),
    "a rhythm of day and week": Shape(a_day=30, hour_swing=0.1, weekend=0.08),
    "bursts": Shape(a_day=30, bursts=0.1),
    "mostly complaints": Shape(a_day=30, share=0.7),
}


@pytest.mark.parametrize("name", UNCHANGED)
def test_false_alarms_stay_within_the_promise(name: str) -> None:
    """Two and a half years of a key at one false alarm in 30 days, so that thirty are promised."""
    alarms, income = 0, 0.0
    for seed in range(6):
        watched = run(drawn(UNCHANGED[name], 150, seed=seed), budget=Budget(1, 30))
        alarms += len(watched.alerts)
        income += watched.meter.purse.income
        assert watched.meter.purse.spent <= (1 - RESERVE) * watched.meter.purse.income
    assert 29 < income < 31
    assert alarms <= income


def test_the_promise_holds_over_busy_and_quiet_keys_together() -> None:
    keys = [(Shape(a_day=60), "topic:1"), (Shape(a_day=15, share=0.6), "topic:2"), (Shape(a_day=4), "topic:3")]
    alarms, income = 0, 0.0
    for seed in range(6):
        watched = run(in_order([drawn(s, 120, seed=seed, key=key) for s, key in keys]), budget=Budget(1, 20))
        alarms, income = alarms + len(watched.alerts), income + watched.meter.purse.income
    assert alarms <= income
