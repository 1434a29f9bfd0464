"""Volume spikes of one key: far more mentions an hour than its rhythm of day and week lets expect.

The count N of an hour, given the hours before, is taken as negative binomial: Poisson with a rate that itself varies,
as arrivals come in bursts. Its mean m is the level of the key times its hour-of-day and day-of-week factors times how
busy the last hours were; its shape r is learned from how far counts miss their means. A gamma mixture of Poisson laws
for "unchanged" against one for "θ times as many" gives the likelihood ratio

    e_θ(N) = θ^N · ((r + m) / (r + θm))^(N + r),

an e-value while the mean is at most m and the counts vary no more than r says. Hour by hour these grow the stakes that
are put on the key, E ← (E + γ)·e, averaged over several θ; an alarm is raised where they have grown to 1, so that there
are no more false alarms, in expectation, than stakes were paid (Shin, Ramdas, Rinaldo, "E-detectors", 2022).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

RISES = (1.5, 2.0, 3.0, 5.0, 10.0)
HOUR_S = 3600
_WEEK_H = 168
# Half of what was learned is forgotten in three weeks.
_KEPT_AN_HOUR = 0.5 ** (1 / 504)
# How many mentions a factor of an hour or a weekday is held to be 1 by.
_FACTOR_PRIOR = 10.0
# Busy and quiet spells: their relative variance is 1 / _WANDER, and half of one is forgotten in six hours.
_WANDER, _WANDER_KEPT = 25.0, 0.5 ** (1 / 6)
# Relative variance of an hour's rate: what it is held to be at first, by as many squared mentions; and at least.
_VARIANCE_AT_FIRST, _VARIANCE_PRIOR, _LEAST_VARIANCE = 0.1, 50.0, 0.02
# Learned variances are taken this much larger, for not knowing them exactly.
_VARIANCE_MARGIN = 1.3
_LEAST_HISTORY_H = 14 * 24
_LEAST_LEARNED = 30.0
# A rise worth an alert, in times the expected number; what is called back to normal lies half way.
LEAST_RISE = 1.5
_LARGEST = 1e4


@dataclass(frozen=True, slots=True)
class Spike:
    """Since the beginning of hour `since_s` (seconds since 1970) `n` mentions came in `hours`, where `expected` were to
    be expected with standard deviation `sd`; before, `before_n` had come since `before_from_s`. `value` is the grown
    stake."""

    since_s: int
    hours: int
    n: int
    expected: float
    sd: float
    before_n: int
    before_from_s: int
    value: float


@dataclass(slots=True)
class Volume:
    """The rhythm of one key and the evidence of a rise. Hours are counted from 1970."""

    first: int = -1
    hour: int = -1
    n: int = 0
    total: int = 0
    # Sums of mentions and of exposure, fading: all, by hour of day, by day of week.
    counted: float = 0.0
    exposed: float = 0.0
    by_hour: list[float] = field(default_factory=lambda: [0.0] * 24)
    by_hour_expected: list[float] = field(default_factory=lambda: [0.0] * 24)
    by_day: list[float] = field(default_factory=lambda: [0.0] * 7)
    by_day_expected: list[float] = field(default_factory=lambda: [0.0] * 7)
    excess: float = 0.0  # Σ (N − m)² − m
    square: float = 0.0  # Σ m²
    spell: float = 0.0  # mentions of the last hours, fading, and how many were expected
    spell_expected: float = 0.0
    grown: list[float] = field(default_factory=lambda: [0.0] * len(RISES))
    stake: float = 0.0  # put on the open hour
    cusum: float = 0.0
    since: int = -1
    since_n: int = 0
    since_expected: float = 0.0
    # A reported spike lasts until a cool-down in which fewer came than half way.
    spiked: int = -1
    quiet_until: int = -1
    quiet_level: float = 0.0
    quiet_n: int = 0
    quiet_expected: float = 0.0

    def add(
        self,
        at_s: float,
        draw: Callable[[], float],
        *,
        least_n: int,
        cool_down: timedelta,
        new_normal_after: timedelta,
    ) -> Spike | None:
        """Take a mention in; returns the spike if it completed one. One of an hour that is closed counts for nothing.

        `draw` pays the stake on one hour of one key; it is asked once an hour with mentions, where there is history.
        """
        hour = int(at_s // HOUR_S)
        if self.first < 0:
            self.first = self.hour = hour
        if hour < self.hour:
            return None
        if hour > self.hour:
            self._advance(hour, cool_down, new_normal_after)
        self.n += 1
        self.total += 1
        if self.spiked >= 0 or hour - self.first < _LEAST_HISTORY_H or self.counted < _LEAST_LEARNED:
            return None
        if self.n == 1:
            self.stake = draw()
        return self._test(least_n, cool_down)

    def rising(self, at_s: float) -> bool:
        """Whether a mention at that time is of the open hour, or of a rise that began in one before."""
        return int(at_s // HOUR_S) <= self.hour or self.cusum > 0.0

    def expected(self, hour: int) -> float:
        """How many mentions the rhythm lets expect in an hour."""
        level = self.counted / self.exposed if self.exposed else 0.0
        return level * self._hour_factor(hour) * self._day_factor(hour)

    def _advance(self, hour: int, cool_down: timedelta, new_normal_after: timedelta) -> None:
        if hour - self.hour > 4 * _WEEK_H:
            # After so long a silence nothing of before tells what is normal.
            self._forget(hour)
            return
        while self.hour < hour:
            self._close(cool_down, new_normal_after)
            self.hour += 1
            self.n, self.stake = 0, 0.0

    def _close(self, cool_down: timedelta, new_normal_after: timedelta) -> None:
        """An hour is complete: grow the evidence by it, and learn from it unless a spike lasts."""
        if self.spiked >= 0:
            self._last(cool_down, new_normal_after)
            return
        n, mean, shape = self.n, self._mean(), self._shape()
        if mean > 0.0:
            self.grown = [min(_LARGEST, g) for g in self._grown(n, mean, shape)]
            self._follow(n, mean, shape)
        usual = self.expected(self.hour)
        self._learn(n, usual, mean)
        # A spell is a slow thing: one hour moves it by two standard deviations at most.
        most = mean + 2.0 * math.sqrt(mean + mean * mean / shape) if mean > 0.0 else float(n)
        weight = 1.0 / (1.0 + usual * self._variance())
        self.spell = _WANDER_KEPT * (self.spell + weight * min(n, most))
        self.spell_expected = _WANDER_KEPT * (self.spell_expected + weight * usual)

    def _test(self, least_n: int, cool_down: timedelta) -> Spike | None:
        rising = self.cusum > 0.0
        n = self.n + (self.since_n if rising else 0)
        expected = self.expected(self.hour) + (self.since_expected if rising else 0.0)
        if n < least_n or n < LEAST_RISE * expected:
            return None
        mean, shape = self._mean(), self._shape()
        # All of the hour's mean is held against what came of it so far, so an alarm never comes too early.
        value = sum(self._grown(self.n, mean, shape)) if mean > 0.0 else 0.0
        if value < 1.0:
            return None
        since = self.since if rising else self.hour
        hours = self.hour - since + 1
        spread = math.sqrt(expected + expected * expected * (self._variance() / hours + 1 / _WANDER))
        first_s, before = self.first * HOUR_S, self.total - n
        spike = Spike(since * HOUR_S, hours, n, expected, spread, before, first_s, value)
        self.spiked = self.hour
        self.quiet_until = self.hour + max(1, round(cool_down.total_seconds() / HOUR_S))
        self.quiet_level = (1.0 + n / expected) / 2.0 if expected else LEAST_RISE
        self.quiet_n, self.quiet_expected = 0, 0.0
        self.grown, self.cusum = [0.0] * len(RISES), 0.0
        return spike

    def _last(self, cool_down: timedelta, new_normal_after: timedelta) -> None:
        self.quiet_n += self.n
        self.quiet_expected += self.expected(self.hour)
        if self.hour < self.quiet_until:
            return
        if self.quiet_n <= self.quiet_level * self.quiet_expected:
            self.spiked = -1
        elif self.hour - self.spiked >= new_normal_after.total_seconds() / HOUR_S:
            self._forget(self.hour)
        else:
            self.quiet_until = self.hour + max(1, round(cool_down.total_seconds() / HOUR_S))
        self.quiet_n, self.quiet_expected = 0, 0.0

    def _forget(self, hour: int) -> None:
        fresh = Volume(first=hour, hour=hour, total=self.total)
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    def _grown(self, n: int, mean: float, shape: float) -> list[float]:
        """The stakes after so many mentions in the open hour.

        The new one was paid because there was a mention, so it is judged by the ratio of the laws of counts that are
        not zero.
        """
        found = []
        for rise, grown in zip(RISES, self.grown, strict=True):
            ratio = math.exp(min(500.0, _log_ratio(n, mean, shape, rise)))
            if self.stake and n:
                unchanged = -math.expm1(-shape * math.log1p(mean / shape))
                risen = -math.expm1(-shape * math.log1p(rise * mean / shape))
                grown += self.stake / len(RISES) * unchanged / risen
            found.append(grown * ratio)
        return found

    def _follow(self, n: int, mean: float, shape: float) -> None:
        """Where a CUSUM for twice as many last stood at zero is when the rise began (Page 1954)."""
        self.cusum = max(0.0, self.cusum + _log_ratio(n, mean, shape, 2.0))
        if self.cusum == 0.0:
            self.since, self.since_n, self.since_expected = -1, 0, 0.0
            return
        if self.since < 0:
            self.since = self.hour
        self.since_n += n
        self.since_expected += self.expected(self.hour)

    def _learn(self, n: int, usual: float, mean: float) -> None:
        hour, day = self.hour % 24, _weekday(self.hour)
        by_hour, by_day = self._hour_factor(self.hour), self._day_factor(self.hour)
        level = self.counted / self.exposed if self.exposed else 0.0
        self.counted = _KEPT_AN_HOUR * self.counted + n
        self.exposed = _KEPT_AN_HOUR * self.exposed + by_hour * by_day
        # Each hour of day is met once in 24 hours, each weekday 24 times in 168.
        self.by_hour[hour] = _KEPT_AN_HOUR**24 * self.by_hour[hour] + n
        self.by_hour_expected[hour] = _KEPT_AN_HOUR**24 * self.by_hour_expected[hour] + level * by_day
        self.by_day[day] = _KEPT_AN_HOUR**7 * self.by_day[day] + n
        self.by_day_expected[day] = _KEPT_AN_HOUR**7 * self.by_day_expected[day] + level * by_hour
        if usual > 0.0:
            self.excess = _KEPT_AN_HOUR * self.excess + (n - mean) ** 2 - mean
            self.square = _KEPT_AN_HOUR * self.square + mean * mean

    def _mean(self) -> float:
        """What is to be expected of the open hour while nothing changes."""
        # One standard error for not knowing the level exactly.
        level = 1.0 + 1.0 / math.sqrt(max(1.0, self.counted))
        return self.expected(self.hour) * level * (_WANDER + self.spell) / (_WANDER + self.spell_expected)

    def _shape(self) -> float:
        return 1.0 / (self._variance() + 1.0 / (_WANDER + self.spell))

    def _variance(self) -> float:
        """Relative variance of the rate from hour to hour."""
        first = _VARIANCE_AT_FIRST * _VARIANCE_PRIOR
        return max(_LEAST_VARIANCE, _VARIANCE_MARGIN * (self.excess + first) / (self.square + _VARIANCE_PRIOR))

    def _hour_factor(self, hour: int) -> float:
        at = hour % 24
        return (self.by_hour[at] + _FACTOR_PRIOR) / (self.by_hour_expected[at] + _FACTOR_PRIOR)

    def _day_factor(self, hour: int) -> float:
        at = _weekday(hour)
        return (self.by_day[at] + _FACTOR_PRIOR) / (self.by_day_expected[at] + _FACTOR_PRIOR)

    def as_json(self) -> list[Any]:
        """The state as JSON values, for `from_json`."""
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def from_json(cls, values: list[Any]) -> Volume:
        """The state that `as_json` wrote."""
        return cls(*values)


def _log_ratio(n: int, mean: float, shape: float, rise: float) -> float:
    return n * math.log(rise) + (n + shape) * math.log((shape + mean) / (shape + rise * mean))


def _weekday(hour: int) -> int:
    # The first of January 1970 was a Thursday.
    return (hour // 24 + 3) % 7
