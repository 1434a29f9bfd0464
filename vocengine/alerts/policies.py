"""Policies: what is worth an alert on which keys, how bad it is, whose it is, by when, and who is told when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

from vocengine.alerts.budget import Budget
from vocengine.alerts.detector import DetectorPolicy
from vocengine.alerts.kinds import fall_of
from vocengine.alerts.rules import Rule
from vocengine.contracts import Alert
from vocengine.contracts.alert import Severity
from vocengine.key_patterns import matches, specificity
from vocengine.quiet_hours import QuietHours, end_of_quiet

_UTC = ZoneInfo("UTC")
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
# Rules of so many keys are remembered; beyond it the memory is emptied.
_REMEMBERED = 200_000

Rank = tuple[bool, int, bool]


@dataclass(frozen=True, slots=True)
class Policy:
    """What one policy says; what it leaves out (None) is as the settings say.

    `keys` are patterns, less those of `excluded`; without `kinds` it is for alerts of all kinds. `min_effect` is a rise
    of negativity 0..1, the histories count mentions. Severities are pulled into `mildest` … `gravest`. With `routes` an
    alert goes by these alone, without by every route that takes it.
    """

    name: str
    file: str
    keys: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    kinds: frozenset[str] | None = None
    min_effect: float | None = None
    min_history: int | None = None
    min_observed: int | None = None
    cool_down: timedelta | None = None
    importance: float = 1.0
    mildest: Severity = "low"
    gravest: Severity = "critical"
    owner: str | None = None
    routes: tuple[str, ...] | None = None
    zone: ZoneInfo = _UTC
    quiet: QuietHours | None = None
    critical_passes: bool = True
    deadlines: Mapping[Severity, timedelta] = field(default_factory=dict)
    muted: bool = False

    def rank(self, key: str, kind: str) -> Rank | None:
        """How exactly the policy speaks of a key and a kind of alert, the greater the more; None where it does not."""
        if self.kinds is not None and kind not in self.kinds:
            return None
        pattern = self.pattern(key)
        return None if pattern is None else (*specificity(pattern), self.kinds is not None)

    def pattern(self, key: str) -> str | None:
        """The most specific of its patterns that the key fits; None where it fits none, or is left out."""
        if any(matches(pattern, key) for pattern in self.excluded):
            return None
        return max((pattern for pattern in self.keys if matches(pattern, key)), key=specificity, default=None)

    def detector(self, base: DetectorPolicy) -> DetectorPolicy:
        """What counts as a fall: `base`, with what the policy says in its place."""
        given = {
            "min_effect": self.min_effect,
            "min_history": self.min_history,
            "customer_min_history": self.min_history,
            "min_observed": self.min_observed,
            "cool_down": self.cool_down,
        }
        return replace(base, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]

    def severity(self, found: Severity) -> Severity:
        """A severity within the bounds."""
        place = SEVERITIES.index(found)
        return SEVERITIES[min(max(place, SEVERITIES.index(self.mildest)), SEVERITIES.index(self.gravest))]

    def tells(self, route: str) -> bool:
        """Whether its alerts go by a route of that name."""
        return self.routes is None or route in self.routes

    def due(self, severity: Severity, at: datetime) -> datetime:
        """When an alert that could be told at `at` may be: then, or after the quiet hours."""
        if self.critical_passes and severity == "critical":
            return at
        return end_of_quiet(self.quiet, self.zone, at) or at


class Policies:
    """All policies of an installation. Of those that speak of a key the most specific one holds, and it alone."""

    def __init__(
        self, policies: Iterable[Policy] = (), *, owners: Sequence[str] = (), budget: Budget | None = None
    ) -> None:
        self.all = tuple(policies)
        self.owners = tuple(owners)
        # None: as the settings say.
        self.budget = budget

    def of(self, key: str, kind: str) -> Policy | None:
        """The policy for alerts of a kind (`topic_sentiment_fall`) on a key (`topic:12`); None where there is none."""
        found = self.speaking(key, kind)
        return found[0] if found else None

    def speaking(self, key: str, kind: str) -> list[Policy]:
        """Every policy that speaks of a key and a kind of alert, the one that holds first."""
        ranked = [(rank, policy) for policy in self.all if (rank := policy.rank(key, kind)) is not None]
        # No two of one rank: that is refused when they are read.
        return [policy for _, policy in sorted(ranked, key=lambda found: found[0], reverse=True)]

    def applied(self, raised: Iterable[Alert]) -> list[Alert]:
        """The alerts as policies want them: severities within their bounds, muted ones left out."""
        kept = []
        for alert in raised:
            policy = self.of(alert.key, alert.kind)
            if policy is None:
                kept.append(alert)
            elif not policy.muted:
                kept.append(replace(alert, severity=policy.severity(alert.severity)))
        return kept


class PolicyRules:
    """The rules of detectors that follow from policies; `importance_of` tells what else makes a key weigh."""

    def __init__(
        self, policies: Policies, base: DetectorPolicy, importance_of: Callable[[str], float] = lambda key: 1.0
    ) -> None:
        self._policies, self._base, self._importance_of = policies, base, importance_of
        self._known: dict[str, Rule | None] = {}

    def rule_of(self, key: str, kind: str) -> Rule | None:
        """The rule of a key such as `topic:12`, of the kind `topic`; None where its policy is muted."""
        if key in self._known:
            return self._known[key]
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        policy = self._policies.of(key, fall_of(kind))
        if policy is None:
            rule: Rule | None = Rule(self._base, self._importance_of(key))
        elif policy.muted:
            rule = None
        else:
            rule = Rule(policy.detector(self._base), policy.importance * self._importance_of(key))
        self._known[key] = rule
        return rule

    def forget(self) -> None:
        """Ask again from now on, as when importances have changed."""
        self._known.clear()
