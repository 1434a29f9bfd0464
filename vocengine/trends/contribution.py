"""What made up a change of a mean: how much more or less each group was spoken of, and how its own mean moved.

With p the share of a group of all that was said, m its mean and M the mean of everything, before (0) and after (1):

    M₁ − M₀ = Σ (p₁ − p₀) · ((m₀ + m₁)/2 − (M₀ + M₁)/2)  +  Σ (m₁ − m₀) · (p₀ + p₁)/2
                              mix                                     level

Exact, since the shares add up to one on either side: E. M. Kitagawa, "Components of a Difference Between Two Rates",
JASA 50 (1955), with the mix taken about the mean of everything, so that a group which is worse than the rest pulls the
mean down by growing. A group that is missing on one side has the other side's mean there: all of its part is mix.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from vocengine.trends.change import MIN_EACH, student_quantile_975

G = TypeVar("G", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Portion:
    """What was said in a group: sums of the weights w of its messages, of w·s and w·s² of their scores s −1..1, and the
    same of w². A message that is in several groups has a part of its weight in each; portions add up by `+`."""

    weight: float = 0.0
    score_sum: float = 0.0
    square_sum: float = 0.0
    weight_2: float = 0.0
    score_sum_2: float = 0.0
    square_sum_2: float = 0.0

    def __add__(self, other: Portion) -> Portion:
        return Portion(
            self.weight + other.weight,
            self.score_sum + other.score_sum,
            self.square_sum + other.square_sum,
            self.weight_2 + other.weight_2,
            self.score_sum_2 + other.score_sum_2,
            self.square_sum_2 + other.square_sum_2,
        )

    @property
    def mean(self) -> float | None:
        """Mean score −1..1, null where nothing was said."""
        return max(-1.0, min(1.0, self.score_sum / self.weight)) if self.weight > 0 else None


def whole(n: int, score_sum: float, square_sum: float) -> Portion:
    """The portion of `n` messages that are in no other group: each of weight one."""
    return Portion(float(n), score_sum, square_sum, float(n), score_sum, square_sum)


@dataclass(frozen=True, slots=True)
class Contribution:
    """A group's part of the change of the mean, in score: `total` = `mix` + `level`, with a 95 % interval [low, high].

    Shares are 0..1 of all that was said, means −1..1 and null where the group was not spoken of. The interval is null
    where either window has under five messages; `certain` is true where it leaves out zero.
    """

    before_share: float
    after_share: float
    before_mean: float | None
    after_mean: float | None
    mix: float
    level: float
    total: float
    low: float | None
    high: float | None
    certain: bool


@dataclass(frozen=True, slots=True)
class Contributions(Generic[G]):
    """The change of the mean of everything, and the part of each group in it; the totals add up to `difference`."""

    before_mean: float
    after_mean: float
    difference: float
    parts: dict[G, Contribution]


def contributions(before: Mapping[G, Portion], after: Mapping[G, Portion]) -> Contributions[G] | None:
    """The parts of all groups of `before` and `after` in the change of the mean; None where nothing was said in one.

    The groups must hold each message with weights that add up to one.
    """
    first, second = sum(before.values(), Portion()), sum(after.values(), Portion())
    if not (first.weight > 0 and second.weight > 0):
        return None
    before_mean, after_mean = first.score_sum / first.weight, second.score_sum / second.weight
    middle = (before_mean + after_mean) / 2
    parts = {}
    for group in dict.fromkeys([*before, *after]):
        was, is_ = before.get(group, Portion()), after.get(group, Portion())
        p0, p1 = was.weight / first.weight, is_.weight / second.weight
        if was.weight <= 0 and is_.weight <= 0:
            continue
        m0 = was.score_sum / was.weight if was.weight > 0 else is_.score_sum / is_.weight
        m1 = is_.score_sum / is_.weight if is_.weight > 0 else m0
        mix, level = (p1 - p0) * ((m0 + m1) / 2 - middle), (m1 - m0) * (p0 + p1) / 2
        low, high = _interval(mix + level, was, first.weight, is_, second.weight, middle) or (None, None)
        certain = low is not None and high is not None and (low > 0 or high < 0)
        parts[group] = Contribution(p0, p1, was.mean, is_.mean, mix, level, mix + level, low, high, certain)
    return Contributions(before_mean, after_mean, after_mean - before_mean, parts)


def _interval(
    total: float, was: Portion, before_n: float, is_: Portion, after_n: float, middle: float
) -> tuple[float, float] | None:
    """Welch's interval: a group's part is the difference of the means of w·(s − middle) over all messages."""
    if min(before_n, after_n) < MIN_EACH:
        return None
    before, after = _spread(was, before_n, middle), _spread(is_, after_n, middle)
    spread = before + after
    freedom = spread**2 / (before**2 / (before_n - 1) + after**2 / (after_n - 1))
    half = student_quantile_975(freedom) * math.sqrt(spread)
    return total - half, total + half


def _spread(portion: Portion, n: float, middle: float) -> float:
    """Squared standard error of the mean of w·(s − middle) over `n` messages; never zero, as in `Moments.variance`."""
    mean = (portion.score_sum - middle * portion.weight) / n
    squares = portion.square_sum_2 - 2 * middle * portion.score_sum_2 + middle**2 * portion.weight_2
    # One imagined message in the group, at the usual distance from the mean.
    return (max(0.0, squares - n * mean**2) + 0.25) / n**2
