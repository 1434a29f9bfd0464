"""Streams of mentions for the tests of the detector, by fixed seeds."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from vocengine.alerts import Amendment, Budget, DetectorPolicy, KeyState, Meter, SameForAll, watch
from vocengine.contracts import Alert, Mention

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2027, 6, 1, tzinfo=UTC)
POLICY = DetectorPolicy()
ONCE_A_YEAR = Budget(1, 365)


def mention(number: int, score: float, *, at: datetime | None = None, **more: object) -> Mention:
    made = Mention(
        kind="product",
        key="product:kettle",
        occurred_at=at or START + timedelta(hours=number),
        event_id=f"e-{number}",
        customer_id=f"C-{number}",
        score=score,
        weight=1.0,
        negative=score < -0.25,
        channel="review",
        product="kettle",
        label="kettle",
        excerpt=f"words {number}",
        received_at=START,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def scores(n: int, negative_share: float, *, seed: int = 0) -> list[float]:
    draw = random.Random(seed)
    return [-0.9 if draw.random() < negative_share else 0.8 for _ in range(n)]


@dataclass
class Watched:
    """What came of a stream, and the partition after it."""

    alerts: list[Alert]
    meter: Meter
    states: dict[str, KeyState]
    amendments: list[Amendment]


def run(
    mentions: Iterable[Mention],
    *,
    before: Watched | None = None,
    budget: Budget = ONCE_A_YEAR,
    policy: DetectorPolicy = POLICY,
    now: datetime = NOW,
) -> Watched:
    """Watch mentions in one partition, after those of `before`; on average one false alarm a year."""
    mentions = list(mentions)
    meter, states = (before.meter, before.states) if before else (Meter(), {})
    for one in mentions:
        states.setdefault(one.key, KeyState(one.kind))
    found = watch(mentions, states, meter, rules=SameForAll(policy), budget=budget, partitions=1, now=now)
    return Watched(found.alerts, meter, states, found.amendments)


@dataclass(frozen=True)
class Shape:
    """An unchanged stream, a fall or a slide in it: shares of negative mentions; days and hours are UTC."""

    a_day: int = 60
    share: float = 0.3
    day_sd: float = 0.0
    hour_swing: float = 0.0
    weekend: float = 0.0
    bursts: float = 0.0
    spread: bool = False
    falls_at: float | None = None
    by: float = 0.0
    slide_days: float = 0.0


def drawn(shape: Shape, days: int, *, seed: int, key: str = "product:kettle") -> list[Mention]:
    """The mentions of a stream of that shape."""
    draw = random.Random(f"{key} {seed}")
    found = []
    for day in range(days):
        n = shape.a_day * (10 if draw.random() < shape.bursts else 1)
        effect = draw.gauss(0, shape.day_sd)
        for j in range(n):
            t = day + (j + draw.random()) / n
            p = shape.share + effect + shape.hour_swing * math.sin(2 * math.pi * t) + shape.weekend * (day % 7 >= 5)
            if shape.falls_at is not None and t >= shape.falls_at:
                p += shape.by * (min(1.0, (t - shape.falls_at) / shape.slide_days) if shape.slide_days else 1.0)
            p = min(0.98, max(0.02, p))
            score = (
                1 - 2 * draw.betavariate(2 * p, 2 * (1 - p)) if shape.spread else (-0.9 if draw.random() < p else 0.8)
            )
            number = len(found)
            found.append(
                mention(
                    number,
                    score,
                    at=START + timedelta(days=t),
                    key=key,
                    kind=key.partition(":")[0],
                    event_id=f"{key}-{number}",
                    customer_id=f"C-{key}-{number}",
                )
            )
    return found


def in_order(streams: Sequence[list[Mention]]) -> list[Mention]:
    """Several streams as one, by time."""
    return sorted((one for stream in streams for one in stream), key=lambda one: one.occurred_at)
