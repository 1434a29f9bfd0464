"""Mentions → alerts, over many keys: states in, states and alerts out. Knows neither Kafka nor the database."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from vocengine.alerts.budget import Budget
from vocengine.alerts.course import Amendment
from vocengine.alerts.detector import Fall, KeyState
from vocengine.alerts.meter import Meter
from vocengine.alerts.report import to_alert
from vocengine.alerts.rules import Rules
from vocengine.contracts import Alert, Mention


@dataclass(frozen=True, slots=True)
class Found:
    """What mentions gave rise to; `refused` are those passed over for a date that cannot be right.

    `amendments` are of alerts raised now or earlier, in order.
    """

    alerts: list[Alert]
    amendments: list[Amendment]
    refused: list[Mention]


def watch(
    mentions: Iterable[Mention],
    states: MutableMapping[str, KeyState],
    meter: Meter,
    *,
    rules: Rules,
    budget: Budget,
    partitions: int,
    now: datetime,
    signals: Sequence[str] = (),
) -> Found:
    """Update `states` and `meter` by the mentions of one partition, in order; returns the alerts that they raise.

    `partitions` is how many there are: the budget is divided by it, and within the partition shared among the kinds of
    keys that are tested. Every key of `mentions` must be in `states`; what `rules` do not watch is passed over, and so
    is what lies after `now`, or so far ahead of all before it that the date must be wrong.
    Cost is constant a mention.

    Each of `signals` is watched on every key but customers' beside its sentiment, as a kind of its own; the states are
    those of `watched_as`.
    """
    found = Found([], [], [])
    now_s, a_day = now.timestamp(), budget.a_day / partitions
    clock, purse = meter.clock, meter.purse
    for mention in mentions:
        rule = rules.rule_of(mention.key, mention.kind)
        at = mention.occurred_at.timestamp()
        if not clock.take(at, mention.event_id, now_s=now_s):
            found.refused.append(mention)
            continue
        if rule is None:
            continue
        if clock.at_s is not None and clock.at_s != purse.at_s:
            purse.earn(clock.at_s, a_day)
        for key, kind in watched_as(mention, signals) if signals else ((mention.key, mention.kind),):
            news = states[key].update(mention, at, rule.policy, meter, importance=rule.importance, a_day=a_day, key=key)
            for one in news:
                if isinstance(one, Fall):
                    raised = to_alert(
                        one, mention, budget=str(budget), raised_at=now, importance=rule.importance, watched=(key, kind)
                    )
                    found.alerts.append(raised)
                else:
                    found.amendments.append(one)
    return found


def watched_as(mention: Mention, signals: Sequence[str] = ()) -> list[tuple[str, str]]:
    """The states that a mention moves, by name and kind: that of its key, and one for each signal on that key."""
    if not signals or mention.kind == "customer":
        return [(mention.key, mention.kind)]
    return [(mention.key, mention.kind), *((f"{signal}|{mention.key}", signal) for signal in signals)]
