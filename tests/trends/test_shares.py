"""Shares: their intervals, differences and levels."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocengine.trends.shares import Counted, change_of_share, share_interval, smooth_share_intervals, smooth_shares

COUNTED = st.integers(1, 2_000).flatmap(lambda of: st.integers(0, of).map(lambda n: Counted(n, of)))


@given(COUNTED)
def test_the_interval_holds_the_share_and_stays_on_the_scale(counted: Counted) -> None:
    low, high = share_interval(counted) or (1, 0)
    assert 0 <= low <= counted.n / counted.of <= high <= 1


@pytest.mark.parametrize(
    # Newcombe 1998 (Statistics in Medicine 17, 857), table I, method 3: Wilson without correction.
    "n, of, low, high",
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_match_the_published_ones(n: int, of: int, low: float, high: float) -> None:
    assert share_interval(Counted(n, of)) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(
    # Newcombe 1998 (Statistics in Medicine 17, 873), table II, method 10; the difference is first − second.
    "n1, of1, n2, of2, low, high",
    [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (10, 10, 0, 20, 0.6791, 1.0)],
)
def test_differences_match_the_published_ones(n1: int, of1: int, n2: int, of2: int, low: float, high: float) -> None:
    change = change_of_share(Counted(n2, of2), Counted(n1, of1))
    assert change is not None and (change.low, change.high) == pytest.approx((low, high), abs=6e-5)


@given(COUNTED, COUNTED)
def test_exchanging_the_windows_turns_the_change_round(before: Counted, after: Counted) -> None:
    there, back = change_of_share(before, after), change_of_share(after, before)
    assert (there is None) == (back is None) == (min(before.of, after.of) < 5)
    if there and back:
        assert there.low <= there.difference <= there.high
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_about_95_of_100_intervals_hold_the_true_difference() -> None:
    source, held, rounds = random.Random(7), 0, 1_000
    for _ in range(rounds):
        before = Counted(sum(source.random() < 0.05 for _ in range(60)), 60)
        after = Counted(sum(source.random() < 0.12 for _ in range(90)), 90)
        change = change_of_share(before, after)
        assert change is not None
        held += change.low <= 0.07 <= change.high
    assert 0.93 <= held / rounds <= 0.99


def test_the_level_of_a_share_is_weighted_by_what_it_is_of() -> None:
    assert smooth_shares([Counted(), Counted(3, 10), Counted()]) == [None, pytest.approx(0.3), pytest.approx(0.3)]
    assert smooth_shares([Counted(0, 10), Counted(10, 10)], half_life_buckets=1) == pytest.approx([0, 10 / 15])
    assert share_interval(Counted()) is None and Counted().share is None


@given(st.lists(COUNTED | st.just(Counted()), max_size=30))
def test_the_band_of_a_level_holds_it(buckets: list[Counted]) -> None:
    for level, band in zip(smooth_shares(buckets), smooth_share_intervals(buckets), strict=True):
        if band is not None and level is not None:
            assert 0 <= band[0] <= level + 1e-12 and level - 1e-12 <= band[1] <= 1


def test_about_95_of_100_bands_hold_the_true_level() -> None:
    source, held = random.Random(2), 0
    for _ in range(1_000):
        buckets = [Counted(sum(source.random() < 0.2 for _ in range(of)), of) for of in (9, 30, 4, 17, 22, 11)]
        band = smooth_share_intervals(buckets)[-1]
        assert band is not None
        held += band[0] <= 0.2 <= band[1]
    assert 0.93 <= held / 1_000 <= 0.985
