"""What the engine reports on real streams: tweets to airlines with four known days, reviews of an app with none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import numpy as np

from benchmarks.alert_engine import Engine
from benchmarks.alert_texts import Scored
from vocengine.contracts import Alert, Mention

_PACIFIC = timezone(timedelta(hours=-8))
# Days on which the share of complaints stands out against each airline's own days before, by people's labels. What
# the set calls Delta is JetBlue.
KNOWN = (
    ("Southwest", datetime(2015, 2, 21, tzinfo=_PACIFIC)),
    ("Delta", datetime(2015, 2, 22, tzinfo=_PACIFIC)),
    ("US Airways", datetime(2015, 2, 22, tzinfo=_PACIFIC)),
    ("United", datetime(2015, 2, 22, tzinfo=_PACIFIC)),
)


def mentions_of(texts: Sequence[Scored], channel: str) -> list[Mention]:
    """Each text as mentions of its group (as a product), its channel and its author."""
    found = []
    for i, text in enumerate(texts):
        assert text.at is not None
        names = [("product", text.group), ("channel", channel)]
        names += [("customer", text.author)] if text.author else []
        found += [
            Mention(
                kind=kind,
                key=f"{kind}:{name}",
                occurred_at=text.at,
                event_id=f"t{i}",
                customer_id=text.author,
                score=text.score,
                weight=1.0,
                negative=text.score < -0.25,
                channel=channel,
                product=text.group,
                label=name,
                excerpt=text.text[:280],
                received_at=text.at,
            )
            for kind, name in names
        ]
    return found


def run(texts: Sequence[Scored], channel: str) -> list[Alert]:
    """All alerts of a stream at the budget of the benchmark."""
    mentions = mentions_of(texts, channel)
    alerts = Engine().feed(mentions)
    return list({alert.alert_id: alert for alert in reversed(alerts)}.values())[::-1]


def airline(texts: Sequence[Scored]) -> dict[str, object]:
    """Which of the known days are found, how late, and what else fired."""
    alerts = run(texts, "social")
    days, expected = [], set()
    for name, begin in KNOWN:
        of = [a for a in alerts if a.key == f"product:{name}" and begin <= a.opened_at < begin + timedelta(days=1)]
        changed = _changed(texts, name, begin)
        days.append(
            {
                "airline": "JetBlue (“Delta”)" if name == "Delta" else name,
                "day": begin.date().isoformat(),
                "found": bool(of),
                "hours_after_midnight": _hours(begin, of),
                # From where the labels of that day and the one before are parted best.
                "hours_after_change_in_labels": _hours(changed, of),
                "change_in_labels": changed.astimezone(_PACIFIC).isoformat(timespec="minutes"),
                "from": of[0].baseline_mean if of else None,
                "to": of[0].observed_mean if of else None,
            }
        )
        expected |= {a.alert_id for a in of}
    return {
        "known_days_found": sum(bool(day["found"]) for day in days),
        "known_days": days,
        "else": [_said(a) for a in alerts if a.alert_id not in expected],
    }


def without_incident(texts: Sequence[Scored]) -> dict[str, object]:
    """What fired on a stream in which nothing is known to have happened."""
    alerts = run(texts, "review")
    days = len({text.at.date() for text in texts if text.at})
    return {
        "days": days,
        "reviews": len(texts),
        "alerts": [_said(alert) for alert in alerts],
        "by_kind": dict(Counter(alert.kind for alert in alerts)),
    }


def _changed(texts: Sequence[Scored], name: str, day: datetime) -> datetime:
    """The time that best parts the labels of two days, the known one last, into a lower and a higher share."""
    window = [
        t for t in texts if t.group == name and t.at and day - timedelta(days=1) <= t.at < day + timedelta(days=1)
    ]
    sour = np.array([t.sour for t in window], dtype=float)
    n = len(sour)
    after = np.cumsum(sour[::-1])[::-1]
    before = np.cumsum(sour) - sour
    k = np.arange(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        likelihood = _entropy(before, k) + _entropy(after, n - k)
        likelihood[(after / (n - k)) < np.where(k > 0, before / np.maximum(k, 1), 0)] = -np.inf
    likelihood[:20] = likelihood[-20:] = -np.inf
    at = window[int(likelihood.argmax())].at
    assert at is not None
    return at


def _entropy(sour: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Log likelihood of so many sour ones among n under their own share."""
    p = np.clip(sour / np.maximum(n, 1), 1e-9, 1 - 1e-9)
    return np.asarray(sour * np.log(p) + (n - sour) * np.log(1 - p))


def _hours(since: datetime, alerts: Sequence[Alert]) -> float | None:
    return round((alerts[0].opened_at - since).total_seconds() / 3_600, 1) if alerts else None


def _said(alert: Alert) -> dict[str, object]:
    # Customers are real people: only that there was one is told.
    key = "customer" if alert.key.startswith("customer:") else alert.key
    return {
        "kind": alert.kind,
        "key": key,
        "at": alert.opened_at.astimezone(UTC).isoformat(timespec="minutes"),
        "from": alert.baseline_mean,
        "to": alert.observed_mean,
        "n": alert.observed_n,
    }
