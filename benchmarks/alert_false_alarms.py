"""How many falls the engine reports in installations in which nothing falls, against what its budget promises."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from scipy.stats import chi2

from benchmarks.alert_engine import BUDGET, Engine, days_of
from benchmarks.alert_peers import Series
from benchmarks.alert_streams import DAY_S, KEYS, KINDS, Installation, Pool, Scenario

WARM_UP_DAYS = 28
_YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Year:
    """An installation without a fall, over a year after its warm-up: falls reported by kind of key."""

    scenario: str
    falls: Counter[str]
    mentions: int
    took_s: float


def year(pool: Pool, scenario: Scenario, seed: int, *, days: int = _YEAR_DAYS) -> Year:
    """Run the engine over one."""
    stream = Installation(pool, seed).stream(scenario, days=WARM_UP_DAYS + days, seed=seed)
    engine, falls = Engine(), Counter[str]()
    began = time.process_time()
    for begin, end in days_of(stream):
        for fall in engine.falls(stream, begin, end):
            if fall.at_s >= WARM_UP_DAYS * DAY_S:
                falls[fall.key.partition(":")[0]] += 1
    return Year(scenario.name, falls, stream.keys.size, time.process_time() - began)


def null_series(
    pool: Pool, scenario: Scenario, seed: int, size: float, *, channel: int | None = None, days: int = _YEAR_DAYS
) -> list[Series]:
    """The same as peers see it, key by key; the oracle looks for falls of `size`, where asked in one channel only."""
    stream = Installation(pool, seed).stream(scenario, days=WARM_UP_DAYS + days, seed=seed)
    evidence, x, found = stream.evidence(size), stream.x, []
    if channel is not None:
        evidence = evidence * (stream.keys == channel).any(axis=1)
    for key in range(KEYS):
        of = (stream.keys == key).any(axis=1)
        # Pairs of topic and channel are watched where a fall is in one channel.
        told = evidence[of] if channel is None or KINDS[key] == "topic" else evidence[of] * 0
        found.append(Series(stream.at_s[of], x[of], told))
    return found


def years_of(key_years: int) -> int:
    """How many installations make up so many years of keys."""
    return -(-key_years // KEYS)


def summary(years: Iterable[Year], *, days: int = _YEAR_DAYS) -> dict[str, object]:
    """Promised and measured false alarms a week, with a 95 % interval for the latter."""
    years = list(years)
    weeks = len(years) * days / 7
    found = sum(sum(one.falls.values()) for one in years)
    low, high = poisson_interval(found)
    by_kind: Counter[str] = sum((one.falls for one in years), Counter())
    return {
        "key_years": round(len(years) * KEYS * days / _YEAR_DAYS, 1),
        "alarms": found,
        "promised_alarms": round(weeks * BUDGET.at_most * 7 / BUDGET.per_days, 1),
        "promised_a_week": BUDGET.at_most * 7 / BUDGET.per_days,
        "a_week": round(found / weeks, 4),
        "a_week_low": round(low / weeks, 4),
        "a_week_high": round(high / weeks, 4),
        "by_kind": dict(by_kind),
    }


def poisson_interval(count: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval for the mean of a Poisson count (Garwood 1936)."""
    tail = (1 - level) / 2
    low = float(chi2.ppf(tail, 2 * count)) / 2 if count else 0.0
    return low, float(chi2.ppf(1 - tail, 2 * count + 2)) / 2
