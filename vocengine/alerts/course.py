"""How a reported fall goes on: amendments of its alert while it lasts, and when sentiment is back."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from vocengine.contracts import Alert, CoursePoint

Ended = Literal["recovered", "new_normal"]
# Points of a course that an alert carries; the earliest go first.
_MOST_POINTS = 30


@dataclass(frozen=True, slots=True)
class Amendment:
    """What became of a reported fall by `at`: all mentions since it began, and those `recent` since the last one."""

    alert_id: str
    at: datetime
    observed_mean: float
    observed_n: int
    observed_square_sum: float
    recent_mean: float
    recent_n: int
    baseline_sd: float
    ended: Ended | None = None


@dataclass(slots=True)
class Reported:
    """A fall reported `at` that lasts until a cool-down passes in which the key stood near its old level again.

    `n` and `total` are of the mentions in the cool-down that runs until `quiet_until`; up to a mean negativity of
    `quiet_level` the key has recovered. Times are seconds since 1970.
    """

    at: float
    quiet_until: float
    quiet_level: float
    n: int = 0
    total: float = 0.0


def alert_id_of(key: str, at: datetime) -> str:
    """The id of the alert on `key` that the mention of `at` completed: a replay repeats it."""
    basis = f"{key}\x1f{at.astimezone(UTC).isoformat()}"
    return "a-" + hashlib.sha256(basis.encode()).hexdigest()[:20]


def half_width(observed_mean: float, observed_n: int, square_sum: float, baseline_sd: float) -> float:
    """Half of the 95 % interval of the change from a baseline of that standard deviation."""
    scatter = 0.25
    if observed_n > 1:
        scatter = max(0.0, square_sum / observed_n - observed_mean**2) / (observed_n - 1)
    return 1.96 * math.sqrt(scatter + baseline_sd**2)


def amended(alert: Alert, amendment: Amendment, *, now: datetime) -> Alert:
    """The alert with the numbers so far, as its next revision; resolved where sentiment is back."""
    change = amendment.observed_mean - alert.baseline_mean
    half = half_width(
        amendment.observed_mean, amendment.observed_n, amendment.observed_square_sum, amendment.baseline_sd
    )
    point = CoursePoint(amendment.at, round(amendment.recent_mean, 4), amendment.recent_n)
    return replace(
        alert,
        window_end=amendment.at,
        observed_mean=round(amendment.observed_mean, 4),
        observed_n=amendment.observed_n,
        change=round(change, 4),
        change_low=round(change - half, 4),
        change_high=round(change + half, 4),
        status="resolved" if amendment.ended == "recovered" else alert.status,
        revision=alert.revision + 1,
        amended_at=now,
        course=(*alert.course, point)[-_MOST_POINTS:],
    )


def note_of(alert: Alert, amendment: Amendment) -> str:
    """What an ended fall says in the case of its alert."""
    figures = (
        f"{amendment.recent_mean:.2f} over the last {amendment.recent_n} mentions, "
        f"{alert.baseline_mean:.2f} before the fall"
    )
    if amendment.ended == "recovered":
        return f"Sentiment is back on {alert.label}: negativity {figures}."
    return f"The new level of {alert.label} has lasted and is the baseline from now on: negativity {figures}."
