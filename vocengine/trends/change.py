"""How sure a change is: means and their difference from sums alone, and smoothing over time.

Everything works on sums (count, sum, sum of squares), so an hour, a month and a million messages cost the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Below this many scores on either side a difference says nothing that a reader should act on.
MIN_EACH = 5
# One imagined score, this far from the mean, in every window: identical messages (a copied complaint) would
# otherwise have no variance at all and make any difference look certain. About the usual spread of scores.
_IMAGINED_DISTANCE = 0.5
_Z_975 = 1.959963984540054
_LOWEST, _HIGHEST = -2.0, 2.0  # scores lie in [−1, 1], so their means differ by two at the most


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, sum and sum of squares of scores in −1..1; windows add up by `+`."""

    n: int = 0
    total: float = 0.0
    square_total: float = 0.0

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.n + other.n, self.total + other.total, self.square_total + other.square_total)

    @property
    def mean(self) -> float | None:
        """Mean score −1..1, null where nothing was said."""
        return max(-1.0, min(1.0, self.total / self.n)) if self.n else None

    @property
    def variance(self) -> float:
        """Variance of one score, never zero: see `_IMAGINED_DISTANCE`. Needs n ≥ 1."""
        # Rounding of sums can take the centred sum of squares a hair below zero.
        centred = max(0.0, self.square_total - self.total * self.total / self.n)
        return (centred + _IMAGINED_DISTANCE**2) / self.n


@dataclass(frozen=True, slots=True)
class Change:
    """Difference of two means, after − before, with its 95 % interval [low, high].

    `certain` is true where the interval leaves out zero.
    """

    before_mean: float
    before_n: int
    after_mean: float
    after_n: int
    difference: float
    low: float
    high: float
    certain: bool


def change_of_mean(before: Moments, after: Moments, *, min_each: int = MIN_EACH) -> Change | None:
    """Change of the mean score from `before` to `after`, or None where either has under `min_each` scores.

    Welch's interval for unequal variances (B. L. Welch, Biometrika 34, 1947), cut to what scores allow.
    """
    before_mean, after_mean = before.mean, after.mean
    if min(before.n, after.n) < max(min_each, 2) or before_mean is None or after_mean is None:
        return None
    before_part, after_part = before.variance / before.n, after.variance / after.n
    spread = before_part + after_part
    freedom = spread**2 / (before_part**2 / (before.n - 1) + after_part**2 / (after.n - 1))
    half = student_quantile_975(freedom) * math.sqrt(spread)
    difference = after_mean - before_mean
    low, high = max(_LOWEST, difference - half), min(_HIGHEST, difference + half)
    return Change(before_mean, before.n, after_mean, after.n, difference, low, high, low > 0 or high < 0)


def mean_interval(moments: Moments) -> tuple[float, float] | None:
    """95 % interval of a mean score, cut to [−1, 1]; None below `MIN_EACH` scores."""
    mean = moments.mean
    if mean is None or moments.n < MIN_EACH:
        return None
    half = student_quantile_975(moments.n - 1) * math.sqrt(moments.variance / moments.n)
    return max(-1.0, mean - half), min(1.0, mean + half)


def student_quantile_975(freedom: float) -> float:
    """97.5 % quantile of Student's t, within 1 % from 3 degrees of freedom up.

    Expansion about the normal quantile: Abramowitz and Stegun, 26.7.5.
    """
    z, v = _Z_975, freedom
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )


def smooth(buckets: Sequence[Moments], *, half_life_buckets: float = 1.5) -> list[float | None]:
    """Exponentially weighted mean up to each bucket, weighted by volume; same length as `buckets`.

    A bucket `half_life_buckets` ago counts half; empty buckets age what came before and add nothing. None until
    the first score. Raises ValueError where the half-life is not positive.
    """
    if not half_life_buckets > 0:
        raise ValueError(f"half_life_buckets is {half_life_buckets:g}; it must be above 0")
    keep = 0.5 ** (1 / half_life_buckets)
    weight = total = 0.0
    smoothed: list[float | None] = []
    for bucket in buckets:
        weight, total = weight * keep + bucket.n, total * keep + bucket.total
        smoothed.append(max(-1.0, min(1.0, total / weight)) if weight > 1e-9 else None)
    return smoothed


def smooth_intervals(buckets: Sequence[Moments], *, half_life_buckets: float = 1.5) -> list[tuple[float, float] | None]:
    """95 % interval of each level of `smooth`, cut to [−1, 1]; None where it stands on less than `MIN_EACH` scores.

    The level is a weighted mean, so its variance is that of a score over the effective number of scores, (Σw)² / Σw²
    (L. Kish, Survey Sampling, 1965).
    """
    keep = 0.5 ** (1 / half_life_buckets)
    weight = weight_2 = total = square_total = 0.0
    found: list[tuple[float, float] | None] = []
    for bucket in buckets:
        weight, weight_2 = weight * keep + bucket.n, weight_2 * keep**2 + bucket.n
        total, square_total = total * keep + bucket.total, square_total * keep + bucket.square_total
        effective = weight**2 / weight_2 if weight_2 > 1e-12 else 0.0
        if effective < MIN_EACH:
            found.append(None)
            continue
        mean = total / weight
        variance = max(0.0, square_total / weight - mean**2) + _IMAGINED_DISTANCE**2 / effective
        half = student_quantile_975(effective - 1) * math.sqrt(variance / effective)
        found.append((max(-1.0, mean - half), min(1.0, mean + half)))
    return found


def added(buckets: Iterable[Moments]) -> Moments:
    """The windows as one."""
    return sum(buckets, Moments())
