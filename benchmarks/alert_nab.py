"""The Numenta Anomaly Benchmark with its standard profile, for the record: series of numbers are not what this is for.

Each number becomes its rank among those of the two days before, and its distance from the middle rank: bounded scores
whose mean rises when the series moves. Single spikes, half of what the benchmark looks for, cannot show in a mean.
Scoring follows Lavin and Ahmad, "Evaluating Real-Time Anomaly Detection Algorithms" (2015), and its code: a
detection in a window counts the more the earlier, one outside costs 0.11 at the most, a missed window 1; the threshold
(here the budget) is the one best for the whole corpus, as is its rule.
"""

from __future__ import annotations

import csv
import json
import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.alert_engine import Engine
from vocengine.alerts import Budget
from vocengine.contracts import Mention
from vocengine.corpora import data_folder

BUDGETS_A_WEEK = (0.2, 1.0, 5.0)
_REMEMBERED_S = 2 * 86_400.0
_PROBATION, _PROBATION_MOST = 0.15, 750
_FALSE_COST = 0.11


@dataclass(frozen=True, slots=True)
class Numbers:
    """One series with the windows (first and last place) in which a detection counts."""

    name: str
    at: list[datetime]
    values: list[float]
    windows: list[tuple[int, int]]


def load(folder: Path | None = None) -> list[Numbers]:
    """All series of the corpus."""
    folder = folder or data_folder() / "nab"
    windows = json.loads((folder / "labels" / "combined_windows.json").read_bytes())
    found = []
    for name, limits in sorted(windows.items()):
        with (folder / "data" / name).open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        at = [datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC) for row in rows]
        place = {time: i for i, time in enumerate(at)}
        edges = [tuple(place[datetime.fromisoformat(t).replace(tzinfo=UTC)] for t in window) for window in limits]
        found.append(Numbers(name, at, [float(row["value"]) for row in rows], edges))  # type: ignore[arg-type]
    return found


def detections(numbers: Numbers, *, a_week: float) -> list[int]:
    """Places at which the engine raises an alert."""
    mentions = _mentions(numbers)
    engine = Engine(budget=Budget(at_most=a_week, per_days=7.0))
    place = {time: i for i, time in enumerate(numbers.at)}
    return sorted({place[alert.opened_at] for alert in engine.feed(mentions)})


def score(numbers: Numbers, detected: Sequence[int]) -> float:
    """The raw score of a series under the standard profile."""
    probation = min(int(_PROBATION * len(numbers.values)), _PROBATION_MOST)
    detected = [i for i in detected if i >= probation]
    total = 0.0
    for first, last in numbers.windows:
        inside = [i for i in detected if first <= i <= last]
        total += _sigmoid(-(last - inside[0] + 1) / (last - first + 1)) / _sigmoid(-1.0) if inside else -1.0
    for i in detected:
        if any(first <= i <= last for first, last in numbers.windows):
            continue
        before = [window for window in numbers.windows if window[1] < i]
        if not before:
            total -= _FALSE_COST
        else:
            first, last = before[-1]
            total += _FALSE_COST * _sigmoid((i - last) / max(1, last - first))
    return total


def measure() -> dict[str, object]:
    """The normalised score (0: nothing reported, 100: all at once) by budget, and the best."""
    corpus = load()
    windows = sum(len(numbers.windows) for numbers in corpus)
    by_budget = {}
    for a_week in BUDGETS_A_WEEK:
        raw = sum(score(numbers, detections(numbers, a_week=a_week)) for numbers in corpus)
        by_budget[f"{a_week:g}"] = round(100 * (raw + windows) / (2 * windows), 2)
    return {"series": len(corpus), "windows": windows, "by_budget_a_week": by_budget, "best": max(by_budget.values())}


def _mentions(numbers: Numbers) -> list[Mention]:
    recent: deque[tuple[float, float]] = deque()
    ordered: list[float] = []
    found = []
    for i, (at, value) in enumerate(zip(numbers.at, numbers.values, strict=True)):
        now_s = at.timestamp()
        while recent and recent[0][0] < now_s - _REMEMBERED_S:
            del ordered[bisect_left(ordered, recent.popleft()[1])]
        rank = (bisect_left(ordered, value) + bisect_right(ordered, value) + 1) / (2 * len(ordered) + 2)
        recent.append((now_s, value))
        insort(ordered, value)
        for name, x in (("up", rank), ("off", abs(2 * rank - 1))):
            found.append(_mention(name, at, f"{i}", 1 - 2 * x))
    return found


def _mention(name: str, at: datetime, event_id: str, score: float) -> Mention:
    return Mention(
        kind="product",
        key=f"product:{name}",
        occurred_at=at,
        event_id=event_id,
        customer_id=None,
        score=score,
        weight=1.0,
        negative=score < -0.25,
        channel="number",
        product=name,
        label=name,
        excerpt=event_id,
        received_at=at,
    )


def _sigmoid(place: float) -> float:
    return -1.0 if place > 3.0 else 2.0 / (1.0 + math.exp(5.0 * place)) - 1.0
