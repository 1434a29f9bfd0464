"""Anger and the intent to cancel: what mentions show beside their sentiment, watched by the same machinery."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from tests.alerts.streams import NOW, ONCE_A_YEAR, POLICY, START, mention
from vocengine.alerts import Found, KeyState, Meter, SameForAll, watch, watched_as
from vocengine.contracts import SIGNALS, Mention


def stream(anger: float, cancel: float, *, days: int, first: int = 0, seed: int = 1) -> list[Mention]:
    """Forty mentions a day, three in ten of them complaints; some of these are angry, or want to leave."""
    draw = random.Random(seed)
    found = []
    for i in range(40 * days):
        sour = draw.random() < 0.3
        shown = [s for s, share in zip(SIGNALS, (anger, cancel), strict=True) if sour and draw.random() < share / 0.3]
        one = mention(first * 40 + i, -0.8 if sour else 0.7, at=START + timedelta(days=first, hours=i * 0.6))
        found.append(replace(one, signals=tuple(shown)))
    return found


def watched(mentions: list[Mention], signals: Sequence[str]) -> Found:
    states = {key: KeyState(kind) for one in mentions for key, kind in watched_as(one, signals)}
    rules = SameForAll(POLICY)
    return watch(mentions, states, Meter(), rules=rules, budget=ONCE_A_YEAR, partitions=1, now=NOW, signals=signals)


def test_a_spike_of_anger_is_reported_where_the_mean_sentiment_has_not_moved() -> None:
    stirred = stream(0.02, 0.01, days=20) + stream(0.2, 0.01, days=5, first=20, seed=2)
    [alert] = watched(stirred, SIGNALS).alerts
    assert (alert.kind, alert.key) == ("anger_spike", "product:kettle")
    assert timedelta(days=19) < alert.window_start - START < timedelta(days=23)
    assert alert.baseline_mean < 0.04 and alert.observed_mean > 0.1
    assert alert.verbatims, "those that show it"


def test_a_rise_of_the_intent_to_cancel_is_a_kind_of_its_own() -> None:
    leaving = stream(0.02, 0.01, days=20) + stream(0.02, 0.15, days=5, first=20, seed=2)
    assert [alert.kind for alert in watched(leaving, SIGNALS).alerts] == ["cancel_intent_rise"]
    assert watched(leaving, ["anger"]).alerts == []


def test_nothing_rises_where_nothing_changes_and_nothing_is_watched_unasked() -> None:
    assert watched(stream(0.05, 0.03, days=40), SIGNALS).alerts == []
    assert watched(stream(0.02, 0.01, days=20) + stream(0.25, 0.2, days=5, first=20), []).alerts == []
    assert watched_as(mention(1, 0.5, kind="customer", key="customer:C"), SIGNALS) == [("customer:C", "customer")]
