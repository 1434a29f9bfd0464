"""What a key's next mention is to be expected to be while nothing has changed.

Model of an unchanged key: its level is drawn around the mean of its kind; each day adds an effect that all mentions of
the day share; each mention scatters around that; a rhythm of hour and weekday is added, the same for the kind. The
expectation of the next mention given all before it is then a weighted mean of level, earlier days and today (best
linear prediction: Bühlmann 1967), and that is what the detector bets against: a bad day as there are many moves the
expectation of the rest of the day along, so that its mentions do not count as so many proofs. What remains of a fall
in what is to be expected, after today and the days since it began have moved the expectation along, is `scale`.
"""

from __future__ import annotations

import math
import struct
from array import array
from bisect import bisect_left
from typing import NamedTuple

from vocengine.alerts.population import Population

# A key's own memory: so many days one by one, and the weeks before them each as one, up to so many days back.
DAYS, MEMORY_DAYS = 28, 84
# Customers write seldom.
CUSTOMER_MEMORY_DAYS = 365
_MOST_ENTRIES = 56
# Days of a key's own that the day-to-day variance of its kind weighs.
_KIND_DAYS = 8.0
# A day that is further off than this many standard deviations is an incident rather than a usual day.
_USUAL_SD = 4.0


class Known(NamedTuple):
    """What the days of a key tell of its next mention, season apart.

    `excess` and `weight` are of its own variance from day to day; `looked` says from where it was looked. Before the
    fall that may have begun there are `n` mentions since `first_day` with a plain mean of `raw_mean`, which tell a
    level of `mean`. The days since then have moved it to `level`, of variance `uncertainty`, and leave the part
    `since_scale` of a fall. `usual` is the standard deviation of a day's mean, `daily` and `scatter` are the
    variances from day to day and of a mention.
    """

    excess: float = 0.0
    weight: float = 0.0
    looked: float = -1.0
    n: float = 0.0
    first_day: float = 0.0
    raw_mean: float = 0.0
    mean: float = 0.0
    level: float = 0.0
    uncertainty: float = 0.0
    since_scale: float = 1.0
    usual: float = 0.0
    daily: float = 0.0
    scatter: float = 0.0

    @property
    def spread_of_mean(self) -> float:
        """Standard deviation of the mean, as the days before the fall have it."""
        return math.sqrt(self.uncertainty / self.since_scale)


_PACKED = struct.Struct(f"<{len(Known._fields)}d")
PACKED_BYTES = _PACKED.size
_NOTHING = _PACKED.pack(*Known())


class Baseline:
    """Days of one key: for each [day, mentions, sum of negativity free of the season] in one flat array.

    What is older than `DAYS` is kept by week: [first day that was heard in it, mentions, sum].

    Days from `since_day` on, the estimated beginning of a fall, are no baseline; they weigh as what they are under the
    hypothesis that nothing has changed. `place` is that of today in `days`. `packed` is what is `known`: as so many
    numbers of their own it would take three times the memory.
    """

    __slots__ = ("days", "packed", "place")

    def __init__(self, days: array[float] | None = None, packed: bytes = _NOTHING, place: int = 0) -> None:
        self.days: array[float] = array("f") if days is None else days
        self.packed, self.place = packed, place

    @property
    def known(self) -> Known:
        """What was last looked up."""
        return tuple.__new__(Known, _PACKED.unpack(self.packed))

    def look(self, day: int, since_day: int, population: Population) -> Known:
        """What is known before `day`; it is looked up once a day, unless the beginning of the fall moves."""
        # Half of what `_make` takes, once a mention.
        known = tuple.__new__(Known, _PACKED.unpack(self.packed))
        looked = (day << 24) + since_day
        if known.looked != looked:
            self._open(day, since_day, population)
            known = self._summary(day, since_day, population, looked)
            self.packed = _PACKED.pack(*known)
        return known

    def expected(self, known: Known) -> tuple[float, float]:
        """Of the next mention today, season apart: its expectation, and the part of a fall that remains in it."""
        n, total = self.days[self.place + 1], self.days[self.place + 2]
        _, _, _, _, _, _, _, level, uncertainty, since_scale, _, daily, scatter = known
        shared = uncertainty + daily
        rest = shared * n + scatter
        return level + shared * (total - n * level) / rest, since_scale * scatter / rest

    def add(self, x: float) -> None:
        """Take in a mention of today, free of the season."""
        self.days[self.place + 1] += 1.0
        self.days[self.place + 2] += x

    def keep(self, *, before: int | None = None, since: int | None = None) -> None:
        """Forget days: after a recovery those of the incident, after a new normal those before it."""
        kept = [
            value
            for i in range(0, len(self.days), 3)
            if (before is None or self.days[i] < before) and (since is None or self.days[i] >= since)
            for value in self.days[i : i + 3]
        ]
        self.days, self.packed = array("f", kept), _PACKED.pack(*self.known._replace(looked=-1.0))

    def _open(self, day: int, since_day: int, population: Population) -> None:
        """Find the place of `day`, made where it is new; the newest day closed is judged then."""
        days = self.days
        for place in range(len(days) - 3, -1, -3):
            if days[place] == day:
                self.place = place
                return
            if days[place] < day:
                at = place + 3
                break
        else:
            at = 0
        if at == len(days) and days:
            self._judge(int(days[-3]), since_day, population)
            memory = CUSTOMER_MEMORY_DAYS if population.kind == "customer" else MEMORY_DAYS
            # A fall that goes on is measured against what was before it, but not for ever.
            self._forget(max(since_day, day - memory) - memory, day - DAYS, since_day)
            at = len(self.days)
        self.days[at:at] = array("f", (day, 0.0, 0.0))
        self.place = at

    def _forget(self, oldest: int, daily_since: int, since_day: int) -> None:
        """Drop what lies before `oldest`, and fold days before `daily_since` into weeks, none across `since_day`."""
        days, kept, i = self.days, array("f"), 0
        while i < len(days) and days[i] < daily_since:
            if days[i] >= oldest:
                before = kept[-3] if kept else -7.0
                if before // 7 == days[i] // 7 and (before < since_day) == (days[i] < since_day):
                    kept[-2] += days[i + 1]
                    kept[-1] += days[i + 2]
                else:
                    kept.extend(days[i : i + 3])
            i += 3
        if len(kept) < i:
            self.days = kept + days[i:]
        if len(self.days) >= 3 * _MOST_ENTRIES:
            del self.days[: len(self.days) - 3 * (_MOST_ENTRIES - 1)]

    def _judge(self, closed: int, since_day: int, population: Population) -> None:
        """By how much the closed day lay off what was expected of it, beyond chance."""
        known = self._summary(closed, min(since_day, closed), population, -1)
        n, total = self.days[-2], self.days[-1]
        if not n or not known.n:
            return
        chance = known.scatter / n + known.uncertainty
        off = total / n - known.level
        weight = (n / (n + 200.0)) ** 2
        excess = min(off * off, _USUAL_SD**2 * (known.daily + chance)) - chance
        own_weight, own_excess = known.weight + weight, known.excess + weight * excess
        if own_weight > 60.0:
            own_weight, own_excess = 0.5 * own_weight, 0.5 * own_excess
        self.packed = _PACKED.pack(own_excess, own_weight, *known[2:])
        population.learn_day(weight, excess)

    def _summary(self, day: int, since_day: int, population: Population, looked: int) -> Known:
        mean = population.mean
        spread = population.level_variance
        excess, weight = self.known[:2]
        # Shrunk toward that of the kind.
        daily = max(0.0, (_KIND_DAYS * population.day_variance + excess) / (_KIND_DAYS + weight))
        dates, counts, sums = self.days[::3], self.days[1::3], self.days[2::3]
        before = bisect_left(dates, since_day)
        before_n, before_sum = sum(counts[:before], 0.0), sum(sums[:before], 0.0)
        rough = (mean * 4.0 + before_sum) / (4.0 + before_n)
        rough = min(0.97, max(0.03, rough))
        scatter = population.dispersion * rough * (1.0 - rough)
        precision, weighted = 1.0 / spread, mean / spread
        for n, total in zip(counts[:before], sums[:before], strict=True):
            if n:
                one = n / (daily * n + scatter)
                precision += one
                weighted += one * total / n
        later_n = later_sum = later_days = 0.0
        for i in range(before, len(dates)):
            if counts[i] and dates[i] != day:
                later_n, later_sum, later_days = later_n + counts[i], later_sum + sums[i], later_days + 1
        own_mean, uncertainty = weighted / precision, 1.0 / precision
        # The days since the fall that may have begun: under the hypothesis of no change they are days like all others.
        level, moved = own_mean, 0.0
        if later_n:
            moved = uncertainty / (uncertainty + daily / later_days + scatter / later_n)
            level = own_mean + moved * (later_sum / later_n - own_mean)
        return Known(
            excess=excess,
            weight=weight,
            looked=looked,
            n=before_n,
            first_day=dates[0] if before else day,
            raw_mean=before_sum / before_n if before_n else mean,
            mean=own_mean,
            level=level,
            uncertainty=uncertainty * (1.0 - moved),
            since_scale=1.0 - moved,
            usual=math.sqrt(daily + uncertainty),
            daily=daily,
            scatter=scatter,
        )
