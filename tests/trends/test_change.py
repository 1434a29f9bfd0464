"""Changes of means, and smoothing: what an interval must do whatever the scores are."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vocengine.trends.change import (
    Moments,
    added,
    change_of_mean,
    mean_interval,
    smooth,
    smooth_intervals,
    student_quantile_975,
)

SCORES = st.lists(st.floats(-1, 1, allow_nan=False), min_size=5, max_size=60)


def moments(scores: list[float]) -> Moments:
    return Moments(len(scores), sum(scores), sum(s * s for s in scores))


@given(SCORES, SCORES)
def test_the_interval_holds_the_difference(before: list[float], after: list[float]) -> None:
    change = change_of_mean(moments(before), moments(after))
    assert change is not None
    assert -2 <= change.low <= change.difference <= change.high <= 2
    assert change.certain == (change.low > 0 or change.high < 0)


@given(SCORES, SCORES)
def test_exchanging_the_windows_turns_the_change_round(before: list[float], after: list[float]) -> None:
    there, back = change_of_mean(moments(before), moments(after)), change_of_mean(moments(after), moments(before))
    assert there is not None and back is not None
    assert there.difference == pytest.approx(-back.difference)
    assert there.low == pytest.approx(-back.high)


@given(SCORES)
def test_a_window_against_itself_is_never_a_certain_change(scores: list[float]) -> None:
    change = change_of_mean(moments(scores), moments(scores))
    assert change is not None and not change.certain


@given(SCORES, SCORES)
def test_more_of_the_same_narrows_the_interval(before: list[float], after: list[float]) -> None:
    once = change_of_mean(moments(before), moments(after))
    often = change_of_mean(moments(before * 9), moments(after * 9))
    assert once is not None and often is not None
    assume(once.low > -2 and once.high < 2)
    assert often.high - often.low < once.high - once.low


@pytest.mark.parametrize("n_before, n_after", [(0, 50), (50, 0), (4, 50), (50, 4)])
def test_too_few_scores_on_either_side_give_no_change(n_before: int, n_after: int) -> None:
    assert change_of_mean(moments([0.1] * n_before), moments([-0.9] * n_after)) is None


def test_a_handful_of_copies_of_one_message_is_not_certain_of_a_small_change() -> None:
    change = change_of_mean(moments([0.1] * 5), moments([-0.1] * 5))
    assert change is not None and not change.certain


@pytest.mark.parametrize("n_before, n_after", [(8, 8), (40, 10), (300, 60)])
def test_about_95_of_100_intervals_hold_the_true_difference(n_before: int, n_after: int) -> None:
    source = random.Random(11)
    held = 0
    for _ in range(1500):
        before = [source.choice((-0.9, -0.5, 0.0, 0.6, 0.9)) for _ in range(n_before)]
        after = [source.uniform(-1.0, 0.2) for _ in range(n_after)]
        change = change_of_mean(moments(before), moments(after))
        assert change is not None
        held += change.low <= -0.4 - 0.02 <= change.high
    assert 0.93 <= held / 1500 <= 0.985


@pytest.mark.parametrize("freedom, quantile", [(3, 3.182), (4, 2.776), (10, 2.228), (30, 2.042), (1e6, 1.960)])
def test_quantiles_of_student_match_the_table(freedom: float, quantile: float) -> None:
    assert student_quantile_975(freedom) == pytest.approx(quantile, rel=0.01)


def test_the_interval_of_a_mean_holds_it_and_stays_on_the_scale() -> None:
    low, high = mean_interval(moments([0.98, 0.99, 1.0, 1.0, 0.97])) or (0, 0)
    assert low < 0.988 < high <= 1
    assert mean_interval(moments([0.5] * 4)) is None


BUCKETS = st.lists(st.lists(st.floats(-1, 1, allow_nan=False), max_size=5).map(moments), max_size=40)


@given(BUCKETS, st.floats(0.2, 30))
def test_smoothing_keeps_length_and_stays_within_the_scores(buckets: list[Moments], half_life: float) -> None:
    smoothed = smooth(buckets, half_life_buckets=half_life)
    assert len(smoothed) == len(buckets)
    assert all(value is None or -1 <= value <= 1 for value in smoothed)


@given(st.floats(-1, 1), st.integers(1, 20))
def test_smoothing_a_constant_changes_nothing(score: float, length: int) -> None:
    assert smooth([moments([score] * 3)] * length) == pytest.approx([score] * length)


def test_a_bucket_one_half_life_ago_counts_half() -> None:
    empty = Moments()
    smoothed = smooth([moments([1.0]), empty, empty, moments([-1.0])], half_life_buckets=3)
    assert smoothed == pytest.approx([1.0, 1.0, 1.0, (0.5 - 1) / 1.5])


def test_nothing_is_smoothed_out_of_nothing() -> None:
    assert smooth([Moments(), moments([0.4])]) == [None, pytest.approx(0.4)]
    with pytest.raises(ValueError, match="half_life_buckets is 0"):
        smooth([], half_life_buckets=0)


@given(BUCKETS)
def test_windows_add_up(buckets: list[Moments]) -> None:
    assert added(buckets).n == sum(bucket.n for bucket in buckets)


@given(BUCKETS)
def test_the_band_of_a_level_holds_it(buckets: list[Moments]) -> None:
    for level, band in zip(smooth(buckets), smooth_intervals(buckets), strict=True):
        if band is not None:
            assert level is not None and -1 <= band[0] <= level <= band[1] <= 1


def test_about_95_of_100_bands_hold_the_true_level() -> None:
    source = random.Random(5)
    held = 0
    for _ in range(1_000):
        buckets = [moments([source.choice((-0.9, 0.0, 0.6)) for _ in range(source.randrange(2, 9))]) for _ in range(9)]
        band = smooth_intervals(buckets)[-1]
        assert band is not None
        held += band[0] <= -0.1 <= band[1]
    assert 0.93 <= held / 1_000 <= 0.985


def test_the_band_of_one_bucket_is_the_interval_of_its_mean() -> None:
    one = moments([0.1, -0.4, 0.8, 0.3, 0.2, 0.9])
    assert smooth_intervals([one])[0] == pytest.approx(mean_interval(one))
    assert smooth_intervals([moments([0.5] * 4)]) == [None]
