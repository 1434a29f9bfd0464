"""A key's memory: days one by one, weeks before them, and nothing that is older than it says."""

from __future__ import annotations

import pytest

from vocengine.alerts.baseline import CUSTOMER_MEMORY_DAYS, DAYS, MEMORY_DAYS, Baseline
from vocengine.alerts.population import Population

_BEGIN = 20_000


def heard(kind: str, days: range, *, a_day: int = 2) -> Baseline:
    baseline, population = Baseline(), Population(kind)
    for day in days:
        baseline.look(day, day, population)
        for _ in range(a_day):
            baseline.add(0.25)
    return baseline


def test_days_that_are_older_are_kept_by_week_and_none_is_lost() -> None:
    baseline = heard("topic", range(_BEGIN, _BEGIN + MEMORY_DAYS))
    begins, counts, sums = baseline.days[::3], baseline.days[1::3], baseline.days[2::3]
    assert sum(counts) == 2 * MEMORY_DAYS and sum(sums) == pytest.approx(0.25 * 2 * MEMORY_DAYS)
    assert list(begins[-DAYS:]) == list(range(_BEGIN + MEMORY_DAYS - DAYS, _BEGIN + MEMORY_DAYS))
    weeks = [int(begin) // 7 for begin in begins[: -DAYS - 1]]
    assert weeks == sorted(set(weeks)) and len(begins) < DAYS + (MEMORY_DAYS - DAYS) // 7 + 3


def test_what_is_older_than_the_memory_is_forgotten() -> None:
    last = _BEGIN + 3 * MEMORY_DAYS
    baseline = heard("topic", range(_BEGIN, last + 1))
    assert last - MEMORY_DAYS <= baseline.known.first_day < last - MEMORY_DAYS + 7
    # All whole days but today's.
    assert baseline.known.n == 2 * (last - baseline.known.first_day)


def test_a_customer_of_once_a_week_is_known_for_longer() -> None:
    last = _BEGIN + 105 * 7
    baseline = heard("customer", range(_BEGIN, last + 1, 7), a_day=1)
    assert last - CUSTOMER_MEMORY_DAYS <= baseline.known.first_day <= last - 50 * 7


def test_the_level_of_a_quiet_key_is_known_the_better_the_longer_it_was_heard() -> None:
    spreads = [heard("topic", range(_BEGIN, _BEGIN + days)).known.spread_of_mean for days in (14, DAYS, MEMORY_DAYS)]
    assert spreads == sorted(spreads, reverse=True) and spreads[-1] < 0.75 * spreads[1]


def test_a_fall_that_goes_on_is_measured_against_the_days_before_it() -> None:
    baseline, population = heard("topic", range(_BEGIN, _BEGIN + DAYS)), Population("topic")
    since = _BEGIN + DAYS
    for day in range(since, since + 2 * DAYS):
        baseline.look(day, since, population)
        baseline.add(1.0)
    assert baseline.known.n == 2 * DAYS and baseline.known.raw_mean == pytest.approx(0.25)
