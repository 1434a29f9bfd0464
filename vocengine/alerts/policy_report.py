"""What policies amount to on the keys that are watched now: which keys each holds for, and its part of the budget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vocengine.alerts.kinds import fall_of, possible
from vocengine.alerts.policies import Policies, Policy
from vocengine.alerts.policy_conflicts import KINDS
from vocengine.alerts.rules import Rules


@dataclass(frozen=True, slots=True)
class WatchedKey:
    """A key that has a detector, what it is called, and how many mentions a day it has lately."""

    key: str
    kind: str
    label: str
    a_day: float


@dataclass(frozen=True, slots=True)
class Holding:
    """A policy, or None for the settings, with the keys that it holds for and their part (0..1) of the budget."""

    policy: Policy | None
    keys: tuple[WatchedKey, ...]
    a_day: float
    share: float


def budget_shares(watched: Sequence[WatchedKey], rules: Rules, signals: Sequence[str] = ()) -> dict[str, float]:
    """The part (0..1) of the budget of each key, as the detectors share it.

    Equally among the kinds of keys that have any traffic and the `signals` that are watched beside sentiment (on every
    key but customers'), and within each by mentions times importance. A key that is not watched has none.
    """
    weights: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for one in watched:
        rule = rules.rule_of(one.key, one.kind)
        if rule is not None and one.a_day > 0:
            for account in (one.kind, *(signals if one.kind != "customer" else ())):
                weights[account][one.key] = rule.importance * one.a_day
    shares: defaultdict[str, float] = defaultdict(float)
    for of_account in weights.values():
        total = sum(of_account.values())
        for key, weight in of_account.items():
            shares[key] += weight / total / len(weights)
    return dict(shares)


def holdings(policies: Policies, watched: Sequence[WatchedKey], shares: Mapping[str, float]) -> list[Holding]:
    """What each policy holds for, in the order of the files, and at the end the keys that none speaks of."""
    found: defaultdict[str | None, dict[str, WatchedKey]] = defaultdict(dict)
    kinds_of = {kind: [k for k in KINDS if possible(k, f"{kind}:*")] for kind in {one.kind for one in watched}}
    for one in watched:
        for kind in kinds_of[one.kind]:
            policy = policies.of(one.key, kind)
            found[policy.name if policy else None][one.key] = one
    return [
        Holding(
            policy,
            tuple(keys := found[policy.name if policy else None].values()),
            sum(one.a_day for one in keys),
            # A policy for other alerts than falls takes nothing of this budget.
            sum(shares.get(one.key, 0.0) for one in keys if policies.of(one.key, fall_of(one.kind)) is policy),
        )
        for policy in (*policies.all, None)
    ]
