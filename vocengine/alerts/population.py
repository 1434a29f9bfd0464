"""What all keys of one kind have in common: the spread of their levels, how scores scatter, the rhythm of day and
week.

Everything is estimated from the past of the partition, by moments; each estimate begins at a stated guess that weighs
as much as so many observations (empirical Bayes: Efron 2010; Bühlmann 1967 for levels of groups with unequal counts).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vocengine.contracts import SIGNALS

# Guesses at first, as (value, mentions it weighs).
_MEAN, _SIGNAL_MEAN = (0.45, 20.0), (0.05, 20.0)
_DISPERSION = (0.8, 100.0)
_LEVEL_VARIANCE = {"customer": (0.04, 60.0), **dict.fromkeys(SIGNALS, (0.002, 200.0))}
_OTHER_LEVEL_VARIANCE = (0.02, 200.0)
_LEAST_LEVEL_VARIANCE, _LEAST_SIGNAL_VARIANCE = 0.004, 0.0004
# Standard deviation of a key's mean from day to day beyond the chance of its mentions, and the days it weighs.
_DAY_SD, _DAYS = 0.018, 8.0
# Mentions, and days, that the guess "no rhythm" weighs.
_HOUR_MENTIONS, _WEEKDAY_DAYS = 120.0, 3.0
_LONGEST_MEMORY = 50_000.0
# From here on a message is furious.
FURIOUS = 0.9


@dataclass(slots=True)
class Population:
    """Statistics of one kind, or one signal, in one partition. Scores are negativity 0..1, or a signal: 0 or 1."""

    kind: str
    n: float = 0.0
    total: float = 0.0
    squares: float = 0.0
    bernoulli: float = 0.0
    pairs: float = 0.0
    products: float = 0.0
    furious: float = 0.0
    day_weight: float = 0.0
    day_excess: float = 0.0
    hour_n: list[float] = field(default_factory=lambda: [0.0] * 24)
    hour_sum: list[float] = field(default_factory=lambda: [0.0] * 24)
    # Of the day that is running: mentions and the sum of what they differ from their keys' levels by.
    day: int = 0
    today_n: float = 0.0
    today_sum: float = 0.0
    weekday_n: list[float] = field(default_factory=lambda: [0.0] * 7)
    weekday_sum: list[float] = field(default_factory=lambda: [0.0] * 7)

    @property
    def mean(self) -> float:
        """Mean negativity of the kind."""
        guess, weight = _SIGNAL_MEAN if self.kind in SIGNALS else _MEAN
        return (guess * weight + self.total) / (weight + self.n)

    @property
    def dispersion(self) -> float:
        """Variance of a mention around its key's level m, as a part of the most there can be, m(1 − m)."""
        guess, weight = _DISPERSION
        return min(1.0, (guess * weight * 0.2 + self.squares) / (weight * 0.2 + self.bernoulli))

    @property
    def level_variance(self) -> float:
        """Variance of the levels of keys around the mean of the kind."""
        guess, weight = _LEVEL_VARIANCE.get(self.kind, _OTHER_LEVEL_VARIANCE)
        least = _LEAST_SIGNAL_VARIANCE if self.kind in SIGNALS else _LEAST_LEVEL_VARIANCE
        return max(least, (guess * weight + self.products) / (weight + self.pairs))

    @property
    def day_variance(self) -> float:
        """Variance of a key's mean from day to day, beyond the chance of its mentions."""
        return max(0.0, (_DAYS * _DAY_SD**2 + self.day_excess) / (_DAYS + self.day_weight))

    @property
    def furious_share(self) -> float:
        """Share of mentions that are furious."""
        return (1.0 + self.furious) / (10.0 + self.n)

    def rhythm(self, day: int, hour: int) -> tuple[float, float]:
        """By how much the kind is more negative at this hour, and on this day of the week; the season is their sum."""
        weekday = day % 7
        return (
            self.hour_sum[hour] / (self.hour_n[hour] + _HOUR_MENTIONS),
            self.weekday_sum[weekday] / (self.weekday_n[weekday] + _WEEKDAY_DAYS),
        )

    def learn(
        self,
        day: int,
        hour: int,
        x: float,
        rhythm: tuple[float, float],
        level: float,
        uncertainty: float,
        before_n: float,
        before_mean: float,
    ) -> None:
        """Take in a mention of negativity `x` of a key that is expected to stand at `level`, season apart.

        `rhythm` is that of `day` and `hour`. `uncertainty` is the variance of the expectation; the key had `before_n`
        mentions on days before, whose mean was `before_mean`.
        """
        by_hour, by_weekday = rhythm
        off = x - level
        pure = off - by_weekday - by_hour
        self.n += 1.0
        self.total += x
        self.squares += pure * pure - uncertainty
        self.bernoulli += level * (1.0 - level)
        self.furious += x >= FURIOUS
        if before_n:
            # Two mentions of one key on different days have nothing in common but its level.
            weight = before_n / (before_n + 4.0)
            mean = self.mean
            self.pairs += weight
            self.products += weight * (x - mean) * (before_mean - mean)
        if day > self.day:
            self._close_day(day)
        self.today_n += 1.0
        self.today_sum += off - by_hour
        self.hour_n[hour] += 1.0
        self.hour_sum[hour] += off - by_weekday
        if self.n > _LONGEST_MEMORY:
            self._fade()

    def learn_day(self, weight: float, excess: float) -> None:
        """Take in a closed day of one key: by how much its squared deviation exceeds chance, and what that weighs."""
        self.day_weight += weight
        self.day_excess += weight * excess
        if self.day_weight > 400.0:
            self.day_weight *= 0.5
            self.day_excess *= 0.5

    def _close_day(self, day: int) -> None:
        if self.today_n:
            weekday = self.day % 7
            # A day of few mentions says little: half as much at 50.
            weight = self.today_n / (self.today_n + 50.0)
            self.weekday_n[weekday] = self.weekday_n[weekday] * 0.97 + weight
            self.weekday_sum[weekday] = self.weekday_sum[weekday] * 0.97 + weight * self.today_sum / self.today_n
        self.day, self.today_n, self.today_sum = day, 0.0, 0.0

    def _fade(self) -> None:
        for name in ("n", "total", "squares", "bernoulli", "pairs", "products", "furious"):
            setattr(self, name, 0.5 * getattr(self, name))
        self.hour_n = [0.5 * n for n in self.hour_n]
        self.hour_sum = [0.5 * s for s in self.hour_sum]

    def to_plain(self) -> list[Any]:
        """As plain values, for `from_plain`."""
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def from_plain(cls, plain: list[Any]) -> Population:
        """The population that `to_plain` wrote."""
        return cls(*plain)
