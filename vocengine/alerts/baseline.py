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
from array import array
from bisect import bisect_left
from collections.abc import Sequence

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


class Baseline:
    """Days of one key: for each [day, mentions, sum of negativity free of the season] in one flat array.

    What is older than `DAYS` is kept by week: [first day that was heard in it, mentions, sum].

    Days from `since_day` on, the estimated beginning of a fall, are no baseline; they weigh as what they are under the
    hypothesis that nothing has changed.
    """

    __slots__ = (
        "_at",
        "_day_variance",
        "days",
        "excess",
        "first_day",
        "level",
        "mean",
        "n",
        "place",
        "raw_mean",
        "scatter",
        "since_scale",
        "uncertainty",
        "usual",
        "weight",
    )

    def __init__(self, days: array[float] | None = None, weight: float = 0.0, excess: float = 0.0) -> None:
        self.days: array[float] = array("f") if days is None else days
        # Of the day-to-day variance.
        self.weight, self.excess = weight, excess
        self._at = -1
        self.n = self.mean = self.level = self.raw_mean = 0.0
        self.since_scale = 1.0
        self.uncertainty = self.usual = self._day_variance = self.scatter = 0.0
        self.first_day, self.place = 0, 0

    def summary(self) -> tuple[float, ...]:
        """What `look` found, for `resume`: it is not looked up again within the day, not even after a restart."""
        known = (self.n, self.mean, self.level, self.raw_mean, self.since_scale, self.uncertainty, self.usual)
        return (self._at, *known, self._day_variance, self.scatter, self.first_day, self.place)

    def resume(self, summary: Sequence[float]) -> None:
        """Go on from what `summary` told."""
        self._at = int(summary[0])
        self.n, self.mean, self.level, self.raw_mean, self.since_scale, self.uncertainty, self.usual = summary[1:8]
        self._day_variance, self.scatter = summary[8:10]
        self.first_day, self.place = int(summary[10]), int(summary[11])

    def look(self, day: int, since_day: int, population: Population) -> None:
        """Bring what is known before `day` up to date; nearly always it is."""
        at = (day << 24) + since_day
        if self._at == at:
            return
        self._open(day, since_day, population)
        self._summarise(day, since_day, population)
        self._at = at

    def expected(self) -> tuple[float, float]:
        """Of the next mention today, season apart: its expectation, and the part of a fall that remains in it."""
        days, place = self.days, self.place
        n = days[place + 1]
        shared = self.uncertainty + self._day_variance
        rest = shared * n + self.scatter
        return self.level + shared * (days[place + 2] - n * self.level) / rest, self.since_scale * self.scatter / rest

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
        self.days, self._at = array("f", kept), -1

    def day_variance(self, population: Population) -> float:
        """Variance of this key's mean from day to day, shrunk toward its kind's."""
        return max(0.0, (_KIND_DAYS * population.day_variance + self.excess) / (_KIND_DAYS + self.weight))

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
        self._summarise(closed, min(since_day, closed), population)
        n, total = self.days[-2], self.days[-1]
        if not n or not self.n:
            return
        chance = self.scatter / n + self.uncertainty
        usual = self._day_variance + chance
        off = total / n - self.level
        weight = (n / (n + 200.0)) ** 2
        excess = min(off * off, _USUAL_SD**2 * usual) - chance
        self.weight += weight
        self.excess += weight * excess
        if self.weight > 60.0:
            self.weight *= 0.5
            self.excess *= 0.5
        population.learn_day(weight, excess)

    def _summarise(self, day: int, since_day: int, population: Population) -> None:
        mean = population.mean
        spread = population.level_variance
        daily = self._day_variance = self.day_variance(population)
        dates, counts, sums = self.days[::3], self.days[1::3], self.days[2::3]
        known = bisect_left(dates, since_day)
        before_n, before_sum = sum(counts[:known], 0.0), sum(sums[:known], 0.0)
        rough = (mean * 4.0 + before_sum) / (4.0 + before_n)
        rough = min(0.97, max(0.03, rough))
        scatter = self.scatter = population.dispersion * rough * (1.0 - rough)
        precision, weighted = 1.0 / spread, mean / spread
        for n, total in zip(counts[:known], sums[:known], strict=True):
            if n:
                one = n / (daily * n + scatter)
                precision += one
                weighted += one * total / n
        later_n = later_sum = later_days = 0.0
        for i in range(known, len(dates)):
            if counts[i] and dates[i] != day:
                later_n, later_sum, later_days = later_n + counts[i], later_sum + sums[i], later_days + 1
        self.n, self.first_day = before_n, int(dates[0]) if known else day
        self.mean = weighted / precision
        self.raw_mean = before_sum / before_n if before_n else mean
        uncertainty = 1.0 / precision
        # The days since the fall that may have begun: under the hypothesis of no change they are days like all others.
        moved = 0.0
        if later_n:
            moved = uncertainty / (uncertainty + daily / later_days + scatter / later_n)
        self.level = self.mean + moved * (later_sum / later_n - self.mean) if later_n else self.mean
        self.uncertainty = uncertainty * (1.0 - moved)
        self.since_scale = 1.0 - moved
        self.usual = math.sqrt(daily + uncertainty)

    def spread_of_mean(self) -> float:
        """Standard deviation of the baseline's mean, as the days before the fall have it."""
        return math.sqrt(self.uncertainty / self.since_scale)
