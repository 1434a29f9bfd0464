"""History replayed through the detectors: what would have fired, had these policies been in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from vocengine.alerts.budget import Budget
from vocengine.alerts.course import Amendment
from vocengine.alerts.detector import KeyState
from vocengine.alerts.meter import Meter
from vocengine.alerts.policies import Policies
from vocengine.alerts.rules import Rules
from vocengine.alerts.traffic import SPIKES, Traffic, follow, with_drivers
from vocengine.alerts.watch import watch
from vocengine.contracts import SIGNALS, Alert, Mention

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Backtest:
    """What would have fired, in order, of so many mentions in the range, after so many that came before it.

    `ended` tells of each alert whose fall was over within the range, by id, what became of it. `keys` counts the keys
    that were spoken of in the range, by kind; `muted` those of them that policies mute.
    """

    alerts: tuple[Alert, ...]
    ended: dict[str, Amendment]
    trained: int
    replayed: int
    keys: dict[str, int]
    muted: int


def backtest(
    mentions: Iterable[Mention],
    *,
    policies: Policies,
    rules: Rules,
    budget: Budget,
    start: datetime,
    signals: Sequence[str] = (),
) -> Backtest:
    """Watch `mentions`, in order of time, as the role detect would in one partition; those before `start` train only.

    `signals` are what is watched beside sentiment.

    Each counts as if it had come in when it happened, so that history is judged as news. An incident that had begun
    before `start` goes on, and is not reported again. Nothing is written and nothing is told.
    """
    states, traffic, meter = _States(), _Traffic(), Meter()
    spoken: dict[str, str] = {}
    raised: list[Alert] = []
    ended: dict[str, Amendment] = {}
    trained = replayed = 0
    for batch in _batches(mentions, start):
        now = batch[-1].occurred_at
        found = watch(batch, states, meter, rules=rules, budget=budget, partitions=1, now=now, signals=signals)
        followed = follow(
            batch,
            traffic,
            found.alerts,
            rules=rules,
            draw=lambda: meter.purse.draw(SPIKES, 1.0, budget.a_day),
            budget=str(budget),
            now=now,
        )
        if batch[-1].occurred_at < start:
            trained += len(batch)
            continue
        replayed += len(batch)
        spoken |= {mention.key: mention.kind for mention in batch}
        fired = [with_drivers(fall, followed.parts.get(fall.alert_id)) for fall in found.alerts] + followed.spikes
        raised += [replace(alert, raised_at=alert.opened_at) for alert in sorted(fired, key=lambda one: one.opened_at)]
        ended |= {one.alert_id: one for one in found.amendments if one.ended is not None}
    alerts = tuple(policies.applied(raised))
    return Backtest(
        alerts=alerts,
        ended={alert.alert_id: ended[alert.alert_id] for alert in alerts if alert.alert_id in ended},
        trained=trained,
        replayed=replayed,
        keys=dict(Counter(spoken.values())),
        muted=sum(rules.rule_of(key, kind) is None for key, kind in spoken.items()),
    )


class _States(dict[str, KeyState]):
    """States by key, made when they are first asked for."""

    def __missing__(self, key: str) -> KeyState:
        signal = key.partition("|")[0]
        made = self[key] = KeyState(signal if signal in SIGNALS else key.partition(":")[0])
        return made


class _Traffic(dict[str, Traffic]):
    """Who speaks of a key, made when it is first asked for."""

    def __missing__(self, key: str) -> Traffic:
        made = self[key] = Traffic()
        return made


def _batches(mentions: Iterable[Mention], start: datetime) -> Iterator[list[Mention]]:
    """A few at a time, no batch with mentions of both before and after `start`."""
    coming = (replace(mention, received_at=mention.occurred_at) for mention in mentions)
    while batch := list(islice(coming, _BATCH)):
        cut = next((i for i, mention in enumerate(batch) if mention.occurred_at >= start), len(batch))
        yield from (part for part in (batch[:cut], batch[cut:]) if part)
