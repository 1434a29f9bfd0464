"""A sequential detector of falls for one monitored key: an e-detector after Shiryaev and Roberts, paid from a purse.

Each mention has a negativity x in [0, 1]. While the key is unchanged, x is expected to be m (see `baseline`), so 1 +
(λ/m)(x − m) with 0 < λ < 1 is expected to be 1: a bet on a bounded mean (Waudby-Smith, Ramdas 2023). With a stake γ
put on each mention, E ← (E + γ)·(1 + (λ/m)(x − m)), added up over several λ, is an e-detector (Shin, Ramdas, Rinaldo
2022); it raises an alarm at 1, so that there are no more false alarms, in expectation, than stakes were paid. A fall
that is real but smaller than the smallest worth an alert is watched on, not reported.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from vocengine.alerts.baseline import Baseline
from vocengine.alerts.clock import DAY_S
from vocengine.alerts.course import Amendment, Ended, alert_id_of
from vocengine.alerts.customers import probability_of_fall
from vocengine.alerts.meter import Meter
from vocengine.alerts.population import FURIOUS, Population
from vocengine.alerts.voices import hear, marks
from vocengine.contracts import SIGNALS, Mention

# Falls that the bets suit best, in negativity, and the part of a stake that each gets: for what lies between two of
# them both do well, and most falls are of the size of the second.
BETS = (0.05, 0.1, 0.2, 0.4)
_SHARES = (0.22, 0.38, 0.25, 0.15)
# A customer who falls falls far.
_CUSTOMER_SHARES = (0.05, 0.15, 0.3, 0.5)
_BOLDEST = 0.9
FURIOUS_BETS = (0.5, 0.95)
_NOTHING = (0.0,) * len(FURIOUS_BETS)
# Mentions that the share of furious ones among all customers weighs for a customer with few of their own.
_FURIOUS_PRIOR = 4.0
_RECENT = 16
# Bets of the CUSUM that dates the beginning of a fall.
_STEP, _SIGNAL_STEP = 0.35, 0.15
# How many negative mentions are kept as evidence of a running fall.
_KEPT_EVIDENCE = 8
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
class Said:
    """One negative mention kept as evidence."""

    event_id: str
    occurred_at: datetime
    channel: str
    product: str | None
    score: float
    excerpt: str


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

    Times are seconds since 1970.
    """

    kind: str
    baseline: Baseline = field(default_factory=Baseline)
    heard: array[int] = field(default_factory=lambda: array("I"))
    grown: list[float] = field(default_factory=lambda: [0.0] * len(BETS))
    newest: float = -math.inf
    # Since the evidence last began to grow: the running estimate of when the fall began.
    cusum: float = 0.0
    since: float | None = None
    since_n: int = 0
    since_sum: float = 0.0
    since_square_sum: float = 0.0
    negatives: tuple[Said, ...] = ()
    # A reported fall lasts until a cool-down passes in which the key stood near its old level again.
    fallen_at: float | None = None
    quiet_until: float = 0.0
    quiet_level: float = 0.0
    quiet_n: int = 0
    quiet_sum: float = 0.0
    # Of customers: how many messages, their sum and how many were furious; the newest ones, oldest first.
    n: int = 0
    total: float = 0.0
    furious_n: int = 0
    furious_grown: tuple[float, ...] = ()
    recent: array[float] | None = None

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
        day, hour = divmod(int(at // 3600.0), 24)
        customer = kind == "customer"
        # A customer's own key hears every event of theirs once; everywhere else a customer has one voice a day.
        who = mention.event_id if customer else (mention.customer_id or mention.event_id)
        if not hear(self.heard, marks(who, mention.excerpt, day)):
            return ()
        amendment = self._run_on(key or mention.key, at, policy) if self.fallen_at is not None else None
        running = self.fallen_at is not None
        population, baseline = meter.population(kind), self.baseline
        baseline.look(day, day if self.since is None else min(day, int(self.since // DAY_S)), population)
        rhythm = population.rhythm(day, hour)
        season = rhythm[0] + rhythm[1]
        fall = None
        if running:
            self._go_on(x)
        else:
            needed = policy.customer_min_history if customer else policy.min_history
            behind = meter.clock.at_s is not None and at < meter.clock.at_s - lateness
            if baseline.n >= needed and not behind:
                stake = meter.purse.draw(kind, importance, a_day)
                fall = self._test(mention, at, x, season, stake, policy, population)
            population.learn(day, hour, x, rhythm, baseline.level, baseline.uncertainty, baseline.n, baseline.raw_mean)
        baseline.add(x - season)
        if customer:
            self._remember(x)
        if fall is None and amendment is None:
            return ()
        return tuple(one for one in (amendment, fall) if one is not None)

    def _remember(self, x: float) -> None:
        self.n += 1
        self.total += x
        self.furious_n += x >= FURIOUS
        if self.recent is None:
            self.recent = array("f")
        self.recent.append(x)
        if len(self.recent) > _RECENT:
            del self.recent[0]

    def _run_on(self, key: str, at: float, policy: DetectorPolicy) -> Amendment | None:
        """Look whether a reported fall still lasts, once in a cool-down: it is one incident, and no baseline.

        When it is over the baseline is the one from before it; a level that has lasted long enough is the new normal,
        and the baseline is what was heard since.
        """
        assert self.fallen_at is not None and self.since is not None
        if at < self.quiet_until:
            return None
        since_day = int(self.since // DAY_S)
        still_fallen = self.quiet_n > 0 and self.quiet_sum / self.quiet_n > self.quiet_level
        if still_fallen and at - self.fallen_at < policy.new_normal_after.total_seconds():
            found = self._amendment(key, at, None)
            self.quiet_until, self.quiet_n, self.quiet_sum = at + policy.cool_down.total_seconds(), 0, 0.0
            return found
        found = self._amendment(key, at, "new_normal" if still_fallen else "recovered")
        if still_fallen:
            self.baseline.keep(since=since_day)
        else:
            self.baseline.keep(before=since_day)
        self.fallen_at = None
        self._begin_again()
        return found

    def _go_on(self, x: float) -> None:
        self.quiet_n += 1
        self.quiet_sum += x
        self.since_n += 1
        self.since_sum += x
        self.since_square_sum += x * x

    def _amendment(self, key: str, at: float, ended: Ended | None) -> Amendment:
        assert self.fallen_at is not None
        return Amendment(
            alert_id=alert_id_of(key, datetime.fromtimestamp(self.fallen_at, UTC)),
            at=datetime.fromtimestamp(at, UTC),
            observed_mean=self.since_sum / self.since_n,
            observed_n=self.since_n,
            observed_square_sum=self.since_square_sum,
            recent_mean=self.quiet_sum / self.quiet_n if self.quiet_n else self.quiet_level,
            recent_n=self.quiet_n,
            baseline_sd=self.baseline.spread_of_mean(),
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
    ) -> Fall | None:
        baseline = self.baseline
        expected, scale = baseline.expected()
        m = _inside(expected + season)
        off = scale * (x - m)
        customer = self.kind == "customer"
        if customer:
            stake *= 0.5
            self._bet_on_fury(x, stake, population)
        value, grown, shares = 0.0, self.grown, _CUSTOMER_SHARES if customer else _SHARES
        # The best bet on a fall of a given size, against scores that scatter so much; never one that could lose all.
        by_size, most = off / baseline.scatter, off * (_BOLDEST / m)
        fallen = off > 0.0
        for i, bet in enumerate(BETS):
            gain = bet * by_size
            if gain > most if fallen else gain < most:
                gain = most
            grown[i] = one = (grown[i] + stake * shares[i]) * (1.0 + gain)
            value += one
        if value > _LARGEST:
            self.grown = [e * _LARGEST / value for e in grown]
        if customer:
            value += sum(self.furious_grown)
        # A fall worth an alert lies this much higher; what is between is where nothing has begun yet.
        worth = _inside(baseline.mean + baseline.usual + season) + policy.min_effect
        # A share is small, so that a step that suits a mean would lose all of a rise between two that show it.
        step = _SIGNAL_STEP / (1.0 - worth) if self.kind in SIGNALS else _STEP
        self._follow(mention, at, x, step * (x - worth) / worth)
        if value < 1.0 or self.since is None or self.since_n < (1 if customer else policy.min_observed):
            return None
        if self.since_sum / self.since_n - baseline.mean < policy.min_effect:
            return None
        return self._fall(mention, at, x, value, policy, population)

    def _bet_on_fury(self, x: float, stake: float, population: Population) -> None:
        """One furious message of somebody who never was furious is rarer than its distance from the mean tells."""
        p = (_FURIOUS_PRIOR * population.furious_share + self.furious_n) / (_FURIOUS_PRIOR + self.n)
        gain = ((x >= FURIOUS) - p) / p
        each = stake / len(FURIOUS_BETS)
        self.furious_grown = tuple(
            min(_LARGEST, (e + each) * (1.0 + bet * gain))
            for e, bet in zip(self.furious_grown or _NOTHING, FURIOUS_BETS, strict=True)
        )

    def _fall(
        self, mention: Mention, at: float, x: float, value: float, policy: DetectorPolicy, population: Population
    ) -> Fall:
        baseline = self.baseline
        assert self.since is not None
        probability = None
        if self.kind == "customer":
            known = self.recent or array("f")
            probability = probability_of_fall(
                [*known, x], self.n - len(known), self.total - sum(known), population, policy.min_effect
            )
        fall = Fall(
            at=mention.occurred_at,
            since=datetime.fromtimestamp(self.since, UTC),
            baseline_mean=baseline.mean,
            baseline_sd=baseline.spread_of_mean(),
            baseline_n=int(baseline.n),
            baseline_from=datetime.fromtimestamp(baseline.first_day * DAY_S, UTC),
            observed_mean=self.since_sum / self.since_n,
            observed_n=self.since_n,
            observed_square_sum=self.since_square_sum,
            value=value,
            negatives=self.negatives,
            probability=probability,
        )
        self.grown, self.furious_grown = [0.0] * len(BETS), ()
        self.negatives = ()
        self.fallen_at, self.quiet_until = at, at + policy.cool_down.total_seconds()
        # Half way back counts as recovered.
        self.quiet_level, self.quiet_n, self.quiet_sum = (fall.baseline_mean + fall.observed_mean) / 2, 0, 0.0
        return fall

    def _follow(self, mention: Mention, at: float, x: float, gain: float) -> None:
        """A CUSUM beside the test: where it last stood at zero is when the fall began (Page 1954)."""
        if gain <= 0.0 and self.since is None:
            return
        self.cusum += math.log1p(gain)
        if self.cusum <= 0.0:
            if self.since is not None:
                self._begin_again()
            self.cusum = 0.0
            return
        if self.since is None:
            self.since = at
        self.since_n += 1
        self.since_sum += x
        self.since_square_sum += x * x
        if mention.negative and x >= 0.5:
            said = Said(
                mention.event_id, mention.occurred_at, mention.channel, mention.product, mention.score, mention.excerpt
            )
            self.negatives = (*self.negatives, said)[-_KEPT_EVIDENCE:]

    def _begin_again(self) -> None:
        self.cusum, self.since, self.since_n, self.since_sum, self.since_square_sum = 0.0, None, 0, 0.0, 0.0
        self.negatives = ()


def _inside(level: float) -> float:
    """A level that can be bet against: nobody is praised or blamed without exception."""
    return 0.02 if level < 0.02 else 0.97 if level > 0.97 else level
