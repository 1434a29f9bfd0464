"""Alerts as the detector raises them, and cases as they are published."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from vocengine.contracts import Alert, Case, Driver, Evidence, Verbatim

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def alert(number: int = 1, *, raised_at: datetime = NOON, **more: Any) -> Alert:
    """A fall of a product's sentiment."""
    said = "It leaks & <b>sparks</b>, @everyone look"
    fields: dict[str, Any] = {
        "alert_id": f"a-{number:020d}",
        "kind": "product_sentiment_fall",
        "key": f"product:kettle-{number}",
        "label": f"Kettle {number}",
        "window_start": raised_at - timedelta(hours=5),
        "window_end": raised_at,
        "baseline_mean": 0.25,
        "baseline_n": 400,
        "baseline_from": raised_at - timedelta(days=28),
        "observed_mean": 0.7,
        "observed_n": 36,
        "change": 0.45,
        "change_low": 0.31,
        "change_high": 0.59,
        "evidence": Evidence("e-detector", 812.0, 640.0, "at most 1 false alarm in 7 days"),
        "severity": "high",
        "drivers": (Driver("channel", "review", 0.8, 20),),
        "verbatims": tuple(Verbatim(f"e-{i}", raised_at, "review", -0.9, f"{said} {i}") for i in range(5)),
        "opened_at": raised_at,
        "raised_at": raised_at,
    }
    return Alert(**(fields | more))


def case(number: int = 1, *, at: datetime = NOON, **more: Any) -> Case:
    """The case of that alert, opened a day before; its time has run out, and the engine said so at `at`."""
    fields: dict[str, Any] = {
        "case_id": f"c-{number:020d}",
        "key": f"product:kettle-{number}",
        "kind": "product_sentiment_fall",
        "label": f"Kettle {number}",
        "severity": "high",
        "alerts": (f"a-{number:020d}",),
        "state": "open",
        "owner": None,
        "opened_at": at - timedelta(days=1),
        "asked_at": at - timedelta(days=1),
        "warn_at": at - timedelta(hours=6),
        "due_at": at,
        "escalated": "overdue",
        "ended_at": None,
        "reopened": 0,
        "verdict": None,
        "duplicate_of": None,
        "initiative_id": None,
        "version": 3,
        "action": "escalate",
        "by": "vocengine",
        "note": "",
        "updated_at": at,
    }
    return Case(**(fields | more))
