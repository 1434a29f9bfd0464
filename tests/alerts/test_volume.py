"""Volume spikes: what is one, what is the rhythm of a key, and that false ones stay within what was paid for."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocengine.alerts.volume import HOUR_S, RISES, Spike, Volume, _log_ratio

FIRST = 20_000 * 24
STAKE = 2e-3
Rate = Callable[[int], float]


def rhythm(hour: int) -> float:
    """Five times as many by day as by night, half as many on two days of the week."""
    return (1 + 0.67 * math.sin((hour % 24 - 9) / 12 * math.pi)) * (0.5 if hour // 24 % 7 >= 5 else 1.0)


def run(rate: Rate, days: int, *, seed: int = 0, volume: Volume | None = None) -> tuple[list[Spike], float]:
    """The spikes, and what was paid; mentions are spread evenly over their hours."""
    rng, volume = np.random.default_rng(seed), volume or Volume()
    spikes, paid = [], 0

    def draw() -> float:
        nonlocal paid
        paid += 1
        return STAKE

    for hour in range(days * 24):
        n = int(rng.poisson(rate(hour)))
        for k in range(n):
            at = (FIRST + hour + (k + 1) / (n + 1)) * HOUR_S
            spike = volume.add(at, draw, least_n=8, cool_down=timedelta(hours=24), new_normal_after=timedelta(days=7))
            if spike is not None:
                spikes.append(spike)
    return spikes, paid * STAKE


@given(mean=st.floats(0.02, 60), shape=st.floats(0.5, 80), rise=st.sampled_from(RISES))
def test_a_bet_gains_nothing_while_nothing_changes(mean: float, shape: float, rise: float) -> None:
    """The expectation of the ratio under its own null law is 1; that of the bet on hours with mentions as well."""
    top = int(rise * mean * 6 + 60 * (1 + rise * mean / shape))
    log_p = np.cumsum([shape * math.log(shape / (shape + mean))] + [
        math.log((n + shape) / (n + 1) * mean / (shape + mean)) for n in range(top)
    ])  # fmt: skip
    gains = np.exp(log_p + np.array([_log_ratio(n, mean, shape, rise) for n in range(top + 1)]))
    assert gains.sum() == pytest.approx(1.0, abs=5e-3)
    unchanged, risen = 1 - math.exp(log_p[0]), 1 - gains[0]
    assert gains[1:].sum() / unchanged * (unchanged / risen) == pytest.approx(1.0, abs=1e-2)


@pytest.mark.parametrize("level, most_hours", [(0.5, 72), (4.0, 8), (30.0, 2)])
def test_three_times_as_many_are_found_soon_and_told_once(level: float, most_hours: int) -> None:
    begin = 40 * 24 + 10
    found, _ = run(lambda hour: level * rhythm(hour) * (3.0 if hour >= begin else 1.0), 46, seed=3)
    late = [spike for spike in found if spike.since_s >= (FIRST + begin - 12) * HOUR_S]
    assert len(late) == 1 and found == late
    [spike] = late
    assert spike.since_s / HOUR_S + spike.hours - (FIRST + begin) <= most_hours
    assert spike.n > 1.5 * spike.expected and spike.value >= 1.0


def test_the_rhythm_of_day_and_week_is_no_spike() -> None:
    assert run(lambda hour: 12 * rhythm(hour), 60, seed=1)[0] == []


@pytest.mark.parametrize("shape", [None, 3.0])
def test_false_alarms_stay_within_what_was_paid(shape: float | None) -> None:
    """Also where arrivals come in bursts: then the rate of each hour is gamma with that shape."""
    rng = np.random.default_rng(11)
    alarms = paid = 0.0
    for seed in range(6):
        spikes, cost = run(lambda h: 2 * rhythm(h) * (rng.gamma(shape, 1 / shape) if shape else 1.0), 90, seed=seed)
        alarms, paid = alarms + len(spikes), paid + cost
    assert paid > 10 and alarms <= paid


def test_what_lasts_becomes_the_new_normal() -> None:
    found, _ = run(lambda hour: 4.0 * (3.0 if hour >= 30 * 24 else 1.0), 75, seed=5)
    assert len(found) == 1


def test_without_two_weeks_of_history_nothing_is_a_spike() -> None:
    assert run(lambda hour: 1.0 if hour < 12 * 24 else 40.0, 13)[0] == []


def test_a_stored_state_goes_on_as_if_nothing_had_happened() -> None:
    whole, half = Volume(), Volume()
    run(lambda hour: 3 * rhythm(hour), 30, volume=whole)
    run(lambda hour: 3 * rhythm(hour), 30, volume=half)
    again = Volume.from_json(half.as_json())
    assert again == whole


def test_a_mention_of_an_hour_that_is_over_counts_for_nothing() -> None:
    volume = Volume()
    for hour in (5, 6, 5):
        volume.add(
            (FIRST + hour) * HOUR_S, lambda: STAKE, least_n=8, cool_down=timedelta(days=1),
            new_normal_after=timedelta(days=7),
        )  # fmt: skip
    assert volume.total == 2
