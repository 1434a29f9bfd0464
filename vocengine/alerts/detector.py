"""A sequential detector of falls for one monitored key: an e-detector after Shiryaev and Roberts.

Method: Shin, Ramdas, Rinaldo, "E-detectors: a nonparametric framework for sequential change detection" (2022),
with bets on a bounded mean (Waudby-Smith, Ramdas 2023). Each mention has a negativity x in [0, 1]. While the key is
unchanged its mean is at most the baseline m, so 1 + (λ/m)(x − m) with 0 < λ < 1 is an e-value, and
R ← (1 + R)·(1 + (λ/m)(x − m)), averaged over several λ, exceeds a threshold A once in A mentions on average or
less often, however the scores are distributed. `m` is a bound on what the days before say (see `_bound`). A fall that
is real but smaller than the smallest worth an alert is watched on, not reported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import Any

import orjson

from vocengine.contracts import Mention

BETS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
BASELINE_DAYS = 28
# Mentions a prior of the whole population weighs as, for customers with little history of their own.
PRIOR_MENTIONS = 4.0
# How many negative mentions are kept as evidence of a running fall.
_KEPT_EVIDENCE = 24
_LARGEST = 1e250


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
    """What the detector saw when the evidence reached the threshold."""

    at: datetime
    since: datetime
    baseline_mean: float
    baseline_n: int
    baseline_from: datetime
    observed_mean: float
    observed_n: int
    observed_square_sum: float
    value: float
    negatives: tuple[Said, ...]


@dataclass(slots=True)
class KeyState:
    """All that is remembered of one key. `update` takes the next mention; `to_bytes` and `from_bytes` keep it."""

    kind: str
    days: dict[int, list[float]] = field(default_factory=dict)  # ordinal day → [n, sum]
    voices: dict[int, set[int]] = field(default_factory=dict)  # ordinal day → who has spoken
    r: list[float] = field(default_factory=lambda: [0.0] * len(BETS))
    newest: datetime | None = None
    # A reported fall lasts until a cool-down passes in which the key stood near its old level again.
    fallen_at: datetime | None = None
    quiet_until: datetime | None = None
    quiet_level: float = 0.0
    quiet_n: int = 0
    quiet_sum: float = 0.0
    # Since the evidence last began to grow: the running estimate of when the fall began.
    cusum: float = 0.0
    since: datetime | None = None
    since_n: int = 0
    since_sum: float = 0.0
    since_square_sum: float = 0.0
    negatives: list[Said] = field(default_factory=list)

    def update(
        self, mention: Mention, policy: DetectorPolicy, *, threshold: float, population_mean: float = 0.5
    ) -> tuple[bool, Fall | None]:
        """Take one mention in; returns whether it was tested against a baseline, and the fall if it completed one.

        A mention older than the allowed lateness trains nothing and alerts nothing; a voice counts once a day.
        """
        at, x = mention.occurred_at, (1.0 - mention.score) / 2.0
        if self.newest is not None and at < self.newest - policy.allowed_lateness:
            return False, None
        self.newest = at if self.newest is None else max(self.newest, at)
        day = at.astimezone(UTC).date().toordinal()
        if not self._first_voice(mention, day):
            return False, None
        quiet = self._quiet(at, x, policy)
        n, total, first_day = self._history(day)
        needed = policy.customer_min_history if self.kind == "customer" else policy.min_history
        tested, fall = n >= needed and not quiet, None
        if tested:
            bound = self._bound(n, total, population_mean)
            fall = self._test(mention, x, bound, total / n, n, first_day, policy, threshold)
        if not quiet and fall is None:
            sums = self.days.setdefault(day, [0, 0.0])
            sums[0] += 1
            sums[1] += x
        return tested, fall

    def _quiet(self, at: datetime, x: float, policy: DetectorPolicy) -> bool:
        """Whether a reported fall still lasts: it is one incident, and no baseline to learn from.

        A level that has lasted long enough is the new normal: the baseline is learned afresh.
        """
        if self.quiet_until is None or self.fallen_at is None:
            return False
        if at >= self.quiet_until:
            still_fallen = self.quiet_n > 0 and self.quiet_sum / self.quiet_n > self.quiet_level
            if still_fallen and at - self.fallen_at < policy.new_normal_after:
                self.quiet_until, self.quiet_n, self.quiet_sum = at + policy.cool_down, 0, 0.0
            else:
                if still_fallen:
                    self.days = {}
                self.quiet_until = self.fallen_at = None
                return False
        self.quiet_n += 1
        self.quiet_sum += x
        return True

    def _first_voice(self, mention: Mention, day: int) -> bool:
        # A customer's own key hears every event of theirs once; everywhere else a customer has one voice a day.
        who = mention.event_id if self.kind == "customer" else (mention.customer_id or mention.event_id)
        voice = int.from_bytes(blake2b(who.encode(), digest_size=8).digest(), "little")
        if day not in self.voices:
            self.voices = {d: v for d, v in self.voices.items() if d >= day - 2}
            self.voices[day] = set()
        if voice in self.voices[day]:
            return False
        self.voices[day].add(voice)
        return True

    def _history(self, day: int) -> tuple[int, float, int]:
        for old in [d for d in self.days if d < day - BASELINE_DAYS]:
            del self.days[old]
        # Days since the fall that may be under way are no baseline for it.
        until = day if self.since is None else min(day, self.since.astimezone(UTC).date().toordinal())
        before = {d: sums for d, sums in self.days.items() if d < until}
        return int(sum(s[0] for s in before.values())), sum(s[1] for s in before.values()), min(before, default=day)

    def _bound(self, n: int, total: float, population_mean: float) -> float:
        """The expected negativity while nothing changes, on the safe side.

        A customer with few messages is shrunk toward all customers, but never below their own mean: who always
        grumbles raises no alarm by grumbling. The others get one standard error for not knowing the mean exactly.
        """
        mean = total / n
        if self.kind == "customer":
            return max(mean, (total + PRIOR_MENTIONS * population_mean) / (n + PRIOR_MENTIONS))
        return mean + math.sqrt(max(mean * (1 - mean), 0.01) / n)

    def _test(
        self,
        mention: Mention,
        x: float,
        bound: float,
        mean: float,
        n: int,
        first_day: int,
        policy: DetectorPolicy,
        threshold: float,
    ) -> Fall | None:
        m = min(0.97, max(0.02, bound))
        gain = (x - m) / m
        self.r = [min(_LARGEST, (1.0 + r) * (1.0 + bet * gain)) for r, bet in zip(self.r, BETS, strict=True)]
        # A fall worth an alert lies this much higher; what is between is where nothing has begun yet.
        self._follow(mention, x, (x - m - policy.min_effect) / (m + policy.min_effect))
        value = sum(self.r) / len(BETS)
        if value < threshold or self.since_n < self._enough(policy) or self.since is None:
            return None
        if self.since_sum / self.since_n - mean < policy.min_effect:
            return None
        fall = Fall(
            at=mention.occurred_at,
            since=self.since,
            baseline_mean=mean,
            baseline_n=n,
            baseline_from=datetime.combine(date.fromordinal(first_day), datetime.min.time(), UTC),
            observed_mean=self.since_sum / self.since_n,
            observed_n=self.since_n,
            observed_square_sum=self.since_square_sum,
            value=value,
            negatives=tuple(self.negatives),
        )
        self.r = [0.0] * len(BETS)
        self._begin_again()
        self.fallen_at, self.quiet_until = mention.occurred_at, mention.occurred_at + policy.cool_down
        # Half way back counts as recovered.
        self.quiet_level, self.quiet_n, self.quiet_sum = (mean + fall.observed_mean) / 2, 0, 0.0
        return fall

    def _enough(self, policy: DetectorPolicy) -> int:
        return min(3, policy.min_observed) if self.kind == "customer" else policy.min_observed

    def _follow(self, mention: Mention, x: float, gain: float) -> None:
        """A CUSUM beside the test: where it last stood at zero is when the fall began (Page 1954)."""
        self.cusum = max(0.0, self.cusum + math.log1p(0.35 * gain))
        if self.cusum == 0.0:
            self._begin_again()
            return
        if self.since is None:
            self.since = mention.occurred_at
        self.since_n += 1
        self.since_sum += x
        self.since_square_sum += x * x
        if mention.negative:
            said = Said(
                mention.event_id, mention.occurred_at, mention.channel, mention.product, mention.score, mention.excerpt
            )
            self.negatives.append(said)
            del self.negatives[:-_KEPT_EVIDENCE]

    def _begin_again(self) -> None:
        self.cusum, self.since, self.since_n, self.since_sum, self.since_square_sum = 0.0, None, 0, 0.0, 0.0
        self.negatives = []

    def to_bytes(self) -> bytes:
        """The state as JSON."""
        return orjson.dumps(
            {
                "kind": self.kind,
                "days": list(self.days.items()),
                "voices": [(day, sorted(voices)) for day, voices in self.voices.items()],
                "r": self.r,
                "newest": self.newest,
                "fallen_at": self.fallen_at,
                "quiet_until": self.quiet_until,
                "quiet_level": self.quiet_level,
                "quiet_n": self.quiet_n,
                "quiet_sum": self.quiet_sum,
                "cusum": self.cusum,
                "since": self.since,
                "since_n": self.since_n,
                "since_sum": self.since_sum,
                "since_square_sum": self.since_square_sum,
                "negatives": self.negatives,
            }
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> KeyState:
        """The state that `to_bytes` wrote."""
        d: dict[str, Any] = orjson.loads(raw)
        return cls(
            kind=d["kind"],
            days=dict(d["days"]),
            voices={day: set(voices) for day, voices in d["voices"]},
            r=d["r"],
            newest=_time(d["newest"]),
            fallen_at=_time(d["fallen_at"]),
            quiet_until=_time(d["quiet_until"]),
            quiet_level=d["quiet_level"],
            quiet_n=d["quiet_n"],
            quiet_sum=d["quiet_sum"],
            cusum=d["cusum"],
            since=_time(d["since"]),
            since_n=d["since_n"],
            since_sum=d["since_sum"],
            since_square_sum=d["since_square_sum"],
            negatives=[Said(**{**said, "occurred_at": _time(said["occurred_at"])}) for said in d["negatives"]],
        )


def _time(value: str | None) -> Any:
    return None if value is None else datetime.fromisoformat(value)
