"""How sure a share is: intervals of proportions, their difference, and their smoothed level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vocengine.trends.change import MIN_EACH, Moments, smooth

_Z_975 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Counted:
    """`n` of `of`; windows add up by `+`."""

    n: int = 0
    of: int = 0

    def __add__(self, other: Counted) -> Counted:
        return Counted(self.n + other.n, self.of + other.of)

    @property
    def share(self) -> float | None:
        """0..1, null of nothing."""
        return self.n / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class ShareChange:
    """Difference of two shares, after − before, with its 95 % interval [low, high].

    `certain` is true where the interval leaves out zero.
    """

    before: float
    before_of: int
    after: float
    after_of: int
    difference: float
    low: float
    high: float
    certain: bool


def share_interval(counted: Counted) -> tuple[float, float] | None:
    """95 % interval of a share; None of nothing. E. B. Wilson's score interval (JASA 22, 1927)."""
    share = counted.share
    return None if share is None else _wilson(share, counted.of)


def _wilson(share: float, of: float) -> tuple[float, float]:
    per = _Z_975**2 / of
    middle = (share + per / 2) / (1 + per)
    half = _Z_975 / (1 + per) * math.sqrt(share * (1 - share) / of + per / (4 * of))
    # Rounding may take the ends a hair past the share where it is nought or one.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def change_of_share(before: Counted, after: Counted) -> ShareChange | None:
    """Change of a share from `before` to `after`, or None where either is of under `MIN_EACH`.

    The interval is R. G. Newcombe's hybrid of two score intervals (Statistics in Medicine 17, 1998, method 10).
    """
    first, second = share_interval(before), share_interval(after)
    if min(before.of, after.of) < MIN_EACH or first is None or second is None:
        return None
    was, is_ = before.n / before.of, after.n / after.of
    difference = is_ - was
    low = difference - math.hypot(is_ - second[0], first[1] - was)
    high = difference + math.hypot(second[1] - is_, was - first[0])
    low, high = max(-1.0, low), min(1.0, high)
    return ShareChange(was, before.of, is_, after.of, difference, low, high, low > 0 or high < 0)


def smooth_shares(buckets: Sequence[Counted], *, half_life_buckets: float = 1.5) -> list[float | None]:
    """Exponentially weighted share up to each bucket, weighted by what it is of; as `change.smooth`."""
    smoothed = smooth([Moments(b.of, float(b.n)) for b in buckets], half_life_buckets=half_life_buckets)
    return [None if level is None else max(0.0, min(1.0, level)) for level in smoothed]


def smooth_share_intervals(
    buckets: Sequence[Counted], *, half_life_buckets: float = 1.5
) -> list[tuple[float, float] | None]:
    """95 % interval of each level of `smooth_shares`: Wilson on the effective number (Σw)² / Σw²; None of nothing."""
    keep = 0.5 ** (1 / half_life_buckets)
    weight = weight_2 = n = 0.0
    found: list[tuple[float, float] | None] = []
    for bucket in buckets:
        weight, weight_2, n = weight * keep + bucket.of, weight_2 * keep**2 + bucket.of, n * keep + bucket.n
        # After a long silence nothing is left of what came before.
        found.append(_wilson(min(1.0, n / weight), weight**2 / weight_2) if weight_2 > 1e-12 else None)
    return found
