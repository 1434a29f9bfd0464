"""Mentions → alerts, over many keys: states in, states and alerts out. Knows neither Kafka nor the database."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from datetime import datetime

from vocengine.alerts.budget import Meter
from vocengine.alerts.detector import KeyState
from vocengine.alerts.report import to_alert
from vocengine.alerts.rules import Rules
from vocengine.contracts import Alert, Mention


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `at_most` false alarms in `per_days` days, over all keys."""

    at_most: float = 1.0
    per_days: float = 7.0

    def __str__(self) -> str:
        return f"at most {self.at_most:g} false alarm{'s' if self.at_most != 1 else ''} in {self.per_days:g} days"


def watch(
    mentions: Iterable[Mention],
    states: MutableMapping[str, KeyState],
    meter: Meter,
    *,
    rules: Rules,
    budget: Budget,
    kinds: int,
    partitions: int,
    now: datetime,
) -> list[Alert]:
    """Update `states` and `meter` by the mentions of one partition, in order; returns the alerts raised.

    `kinds` is how many kinds of keys are monitored and `partitions` how many there are: the budget is shared among
    them. Every key of `mentions` must be in `states`; what `rules` do not watch is passed over. Cost is constant a
    mention.
    """
    alerts = []
    for mention in mentions:
        rule = rules.rule_of(mention.key, mention.kind)
        if rule is None:
            continue
        threshold = meter.threshold(
            mention.kind, kinds=kinds, partitions=partitions, at_most=budget.at_most, per_days=budget.per_days
        )
        tested, fall = states[mention.key].update(
            mention, rule.policy, threshold=threshold, population_mean=meter.population_mean
        )
        customer_x = (1.0 - mention.score) / 2.0 if mention.kind == "customer" else None
        meter.count(mention.kind, mention.occurred_at.date().toordinal(), tested=tested, customer_x=customer_x)
        if fall is not None:
            alerts.append(to_alert(fall, mention, threshold=threshold, budget=str(budget), raised_at=now))
    return alerts
