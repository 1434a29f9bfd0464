"""A sequential detector of falls for one monitored key: an e-detector after Shiryaev and Roberts, paid from a purse.

Each mention has a negativity x in [0, 1]. While the key is unchanged, x is expected to be m (see `baseline`), so 1 +
(λ/m)(x − m) with 0 < λ < 1 is expected to be 1: a bet on a bounded mean (Waudby-Smith, Ramdas 2023). With a stake γ
put on each mention, E ← (E + γ)·(1 + (λ/m)(x − m)), added up over several λ, is an e-detector (Shin, Ramdas, Rinaldo
2022); it raises an alarm at 1, so that there are no more false alarms, in expectation, than stakes were paid. A fall
that is real but smaller than the smallest worth an alert is watched on, not reported.
"""

from __future__ import annotations

import math
import struct
from array import array
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from vocengine.alerts.baseline import Baseline, Known
from vocengine.alerts.clock import DAY_S
from vocengine.alerts.course import Amendment, Ended, Reported, alert_id_of
from vocengine.alerts.customers import Person
from vocengine.alerts.evidence import Said, Stretch, kept_with, told
from vocengine.alerts.meter import Meter
from vocengine.alerts.population import Population
from vocengine.alerts.voices import hear, marks
from vocengine.contracts import SIGNALS, Mention

# Falls that the bets suit best, in negativity, and the part of a stake that each gets: for what lies between two of
# them both do well, and most falls are of the size of the second.
BETS = (0.05, 0.1, 0.2, 0.4)
_SHARES = (0.22, 0.38, 0.25, 0.15)
# A customer who falls falls far.
_CUSTOMER_SHARES = (0.05, 0.15, 0.3, 0.5)
_GROWN = struct.Struct(f"<{len(BETS)}d")
_NOTHING = bytes(_GROWN.size)
_BOLDEST = 0.9
# Bets of the CUSUM that dates the beginning of a fall.
_STEP, _SIGNAL_STEP = 0.35, 0.15
# Evidence of a change too small to be worth an alert may not grow without bound.
_LARGEST = 1e4


@dataclass(frozen=True, slots=True)
class DetectorPolicy:
    """What counts as a fall. Negativity runs from 0 (all praise) to 1 (all complaint)."""

    min_effect: float = 0.05
    min_history: int = 50
    customer_min_history: int = 4
    min_observed: int = 8
    cool_down: timedelta = timedelta(hours=24)
    new_normal_after: timedelta = timedelta(days=7)
    allowed_lateness: timedelta = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Fall:
    """What the detector saw when the evidence reached the threshold.

    `value` is the grown stake, in false alarms of the budget: 1 was needed. `baseline_sd` is the standard deviation of
    the estimated baseline. `probability` is of a customer: that their level fell by the smallest effect or more.
    """

    at: datetime
    since: datetime
    baseline_mean: float
    baseline_sd: float
    baseline_n: int
    baseline_from: datetime
    observed_mean: float
    observed_n: int
    observed_square_sum: float
    value: float
    negatives: tuple[Said, ...]
    probability: float | None = None


@dataclass(slots=True)
class KeyState:
    """All that is remembered of one key. `update` takes the next mention in; `codec` writes and reads it.

    Times are seconds since 1970. With ten weeks of history it takes 1.7 KB of memory on average, of it up to eight
    texts of 0.2 KB while a fall may have begun, or 0.4 KB where they are long.
    """

    kind: str
    baseline: Baseline = field(default_factory=Baseline)
    heard: array[int] = field(default_factory=lambda: array("I"))
    grown: bytes = _NOTHING
    newest: float = -math.inf
    stretch: Stretch | None = None
    reported: Reported | None = None
    person: Person | None = None

    def update(
        self,
        mention: Mention,
        at: float,
        policy: DetectorPolicy,
        meter: Meter,
        *,
        importance: float,
        a_day: float,
        key: str | None = None,
    ) -> tuple[Fall | Amendment, ...]:
        """Take one mention in; returns the fall if it completed one, and what became of an earlier one.

        `at` is when it occurred in seconds since 1970, `a_day` the budget of the partition, and `key` what is watched
        where it is not the mention's own. A mention older than the allowed lateness trains nothing; one that is late
        for the partition trains a key that is behind, but is not tested. A voice, and a text, count once a day.
        """
        kind = self.kind
        x = float(kind in mention.signals) if kind in SIGNALS else 0.5 - 0.5 * mention.score
        lateness = policy.allowed_lateness.total_seconds()
        if at > self.newest:
            self.newest = at
        elif at < self.newest - lateness:
            return ()
        hours = int(at // 3600.0)
        day, hour = hours // 24, hours % 24
        customer = kind == "customer"
        # A customer's own key hears every event of theirs once; everywhere else a customer has one voice a day.
        who = mention.event_id if customer else (mention.customer_id or mention.event_id)
        if not hear(self.heard, marks(who, mention.excerpt, day)):
            return ()
        amendment = None if self.reported is None else self._run_on(self.reported, key or mention.key, at, policy)
        population, baseline, stretch = meter.population(kind), self.baseline, self.stretch
        known = baseline.look(day, day if stretch is None else min(day, int(stretch.since // DAY_S)), population)
        rhythm = population.rhythm(day, hour)
        season = rhythm[0] + rhythm[1]
        if customer and self.person is None:
            self.person = Person()
        fall = None
        if self.reported is not None:
            self._go_on(self.reported, x)
        else:
            needed = policy.customer_min_history if customer else policy.min_history
            behind = meter.clock.at_s is not None and at < meter.clock.at_s - lateness
            if known.n >= needed and not behind:
                stake = meter.purse.draw(kind, importance, a_day)
                fall = self._test(mention, at, x, season, stake, policy, population, known)
            population.learn(day, hour, x, rhythm, known.level, known.uncertainty, known.n, known.raw_mean)
        baseline.add(x - season)
        if self.person is not None:
            self.person.remember(x)
        if fall is None and amendment is None:
            return ()
        return tuple(one for one in (amendment, fall) if one is not None)

    def _run_on(self, reported: Reported, key: str, at: float, policy: DetectorPolicy) -> Amendment | None:
        """Look whether a reported fall still lasts, once in a cool-down: it is one incident, and no baseline.

        When it is over the baseline is the one from before it; a level that has lasted long enough is the new normal,
        and the baseline is what was heard since.
        """
        assert self.stretch is not None
        if at < reported.quiet_until:
            return None
        since_day = int(self.stretch.since // DAY_S)
        still_fallen = reported.n > 0 and reported.total / reported.n > reported.quiet_level
        if still_fallen and at - reported.at < policy.new_normal_after.total_seconds():
            found = self._amendment(reported, self.stretch, key, at, None)
            reported.quiet_until, reported.n, reported.total = at + policy.cool_down.total_seconds(), 0, 0.0
            return found
        found = self._amendment(reported, self.stretch, key, at, "new_normal" if still_fallen else "recovered")
        if still_fallen:
            self.baseline.keep(since=since_day)
        else:
            self.baseline.keep(before=since_day)
        self.reported = self.stretch = None
        return found

    def _go_on(self, reported: Reported, x: float) -> None:
        assert self.stretch is not None
        reported.n += 1
        reported.total += x
        self.stretch.add(x)

    def _amendment(self, reported: Reported, stretch: Stretch, key: str, at: float, ended: Ended | None) -> Amendment:
        return Amendment(
            alert_id=alert_id_of(key, datetime.fromtimestamp(reported.at, UTC)),
            at=datetime.fromtimestamp(at, UTC),
            observed_mean=stretch.mean,
            observed_n=stretch.n,
            observed_square_sum=stretch.squares,
            recent_mean=reported.total / reported.n if reported.n else reported.quiet_level,
            recent_n=reported.n,
            baseline_sd=self.baseline.known.spread_of_mean,
            ended=ended,
        )

    def _test(
        self,
        mention: Mention,
        at: float,
        x: float,
        season: float,
        stake: float,
        policy: DetectorPolicy,
        population: Population,
        known: Known,
    ) -> Fall | None:
        expected, scale = self.baseline.expected(known)
        m = _inside(expected + season)
        off = scale * (x - m)
        on_fury = 0.0
        if self.person is not None:
            stake *= 0.5
            on_fury = self.person.bet_on_fury(x, stake, population)
        # The best bet on a fall of a given size, against scores that scatter so much; never one that could lose all.
        by_size, most = off / known.scatter, off * (_BOLDEST / m)
        shares = _SHARES if self.person is None else _CUSTOMER_SHARES
        fallen, grown = off > 0.0, []
        for one, bet, share in zip(_GROWN.unpack(self.grown), BETS, shares, strict=True):
            gain = bet * by_size
            if (gain > most) is fallen:
                gain = most
            grown.append((one + stake * share) * (1.0 + gain))
        value = sum(grown)
        if value > _LARGEST:
            grown = [one * _LARGEST / value for one in grown]
        self.grown = _GROWN.pack(*grown)
        value += on_fury
        # A fall worth an alert lies this much higher; what is between is where nothing has begun yet.
        worth = _inside(known.mean + known.usual + season) + policy.min_effect
        # A share is small, so that a step that suits a mean would lose all of a rise between two that show it.
        step = _SIGNAL_STEP / (1.0 - worth) if self.kind in SIGNALS else _STEP
        stretch = self._follow(mention, at, x, step * (x - worth) / worth)
        if value < 1.0 or stretch is None or stretch.n < (policy.min_observed if self.person is None else 1):
            return None
        if stretch.mean - known.mean < policy.min_effect:
            return None
        return self._fall(stretch, mention, at, x, value, policy, population, known)

    def _fall(
        self,
        stretch: Stretch,
        mention: Mention,
        at: float,
        x: float,
        value: float,
        policy: DetectorPolicy,
        population: Population,
        known: Known,
    ) -> Fall:
        person = self.person
        fall = Fall(
            at=mention.occurred_at,
            since=datetime.fromtimestamp(stretch.since, UTC),
            baseline_mean=known.mean,
            baseline_sd=known.spread_of_mean,
            baseline_n=int(known.n),
            baseline_from=datetime.fromtimestamp(known.first_day * DAY_S, UTC),
            observed_mean=stretch.mean,
            observed_n=stretch.n,
            observed_square_sum=stretch.squares,
            value=value,
            negatives=told(stretch.negatives),
            probability=None if person is None else person.probability_of_fall(x, population, policy.min_effect),
        )
        self.grown = _NOTHING
        if person is not None:
            person.begin_again()
        stretch.negatives = b""
        # Half way back counts as recovered.
        half_way = (fall.baseline_mean + fall.observed_mean) / 2
        self.reported = Reported(at, at + policy.cool_down.total_seconds(), half_way)
        return fall

    def _follow(self, mention: Mention, at: float, x: float, gain: float) -> Stretch | None:
        """A CUSUM beside the test: where it last stood at zero is when the fall began (Page 1954)."""
        stretch = self.stretch
        if stretch is None:
            if gain <= 0.0:
                return None
            stretch = self.stretch = Stretch(at)
        stretch.cusum += math.log1p(gain)
        if stretch.cusum <= 0.0:
            self.stretch = None
            return None
        stretch.add(x)
        if mention.negative and x >= 0.5:
            stretch.negatives = kept_with(stretch.negatives, mention, at)
        return stretch


def _inside(level: float) -> float:
    """A level that can be bet against: nobody is praised or blamed without exception."""
    return 0.02 if level < 0.02 else 0.97 if level > 0.97 else level
