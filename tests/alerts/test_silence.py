"""Data silence: who is silent, who merely sleeps, and what it says when everything stops."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from vocengine.alerts.silence import EVERYTHING, Silent, silence, silent_streams, to_alert

WEEK = 168
# A Monday, 0:00.
FIRST = 20_454 * 24
NOW = FIRST + 5 * WEEK
A_DAY = 0.05 / 7


def hours(
    until: int = NOW, *, often: float = 1.0, only: range = range(24), weekend: bool = True, seed: int = 0
) -> set[int]:
    """Hours with arrivals: in so many of those of the day in `only`."""
    draw = random.Random(seed)
    return {
        hour for hour in range(FIRST, until)
        if hour % 24 in only and (weekend or (hour - FIRST) // 24 % 7 < 5) and draw.random() < often
    }  # fmt: skip


def counted(found: set[int], n: int = 40) -> dict[int, int]:
    return dict.fromkeys(found, n)


def judged(**sources: set[int]) -> list[Silent]:
    counts = {(source, "review"): counted(found) for source, found in sources.items()}
    return silent_streams(counts, now=NOW, watched_since=FIRST, false_alarms_a_day=A_DAY)


def test_a_source_that_always_sends_is_missed_after_two_hours() -> None:
    assert judged(shop=hours(), app=hours(NOW - 2)) == []
    [found] = judged(shop=hours(), app=hours(NOW - 4))
    assert (found.key, found.silence.hours, found.share) == ("source:app", 3, pytest.approx(0.5, abs=0.01))
    assert found.silence.value >= found.threshold


def test_a_source_that_sleeps_at_night_and_at_weekends_is_not_missed_then() -> None:
    office = hours(NOW - 55, only=range(8, 17), weekend=False)
    assert judged(shop=hours(), office=office) == [], "Friday 17:00 to Monday 0:00"
    [found] = [
        one
        for one in silent_streams(
            {("shop", "review"): counted(hours(NOW + 12)), ("office", "review"): counted(office)},
            now=NOW + 12, watched_since=FIRST, false_alarms_a_day=A_DAY,
        )
    ]  # fmt: skip
    assert found.key == "source:office", "Monday noon"


def test_one_batch_a_night_is_missed_after_some_nights_only() -> None:
    nightly = hours(NOW - 24, only=range(2, 3))
    assert judged(shop=hours(), nightly=nightly) == []
    gone = {hour for hour in nightly if hour < NOW - 4 * 24}
    assert [found.key for found in judged(shop=hours(), nightly=gone)] == ["source:nightly"]


def test_false_alarms_of_senders_with_an_even_chance_stay_within_the_promise() -> None:
    """Four senders over fifty days, asked every hour: one false alarm in 200 hours of one stream is allowed."""
    first, last = FIRST + 2 * WEEK, FIRST + 50 * 24
    alarms = set()
    for seed in range(4):
        came = hours(last, often=0.4, seed=seed)
        for until in range(first, last):
            found = silence({h for h in came if h < until}, range(FIRST, until), until=until)
            if found is not None and found.value >= 200:
                alarms.add((seed, found.last))
    assert len(alarms) <= 4 * (last - first) / 200


def test_when_nothing_comes_at_all_it_is_said_once() -> None:
    stopped = {"shop": hours(NOW - 6), "app": hours(NOW - 6), "social": hours(NOW - 6, often=0.5)}
    [found] = judged(**stopped)
    assert found.key == EVERYTHING
    assert to_alert(found, budget="b", raised_at=datetime.now(UTC)).severity == "critical"


def test_while_nobody_looked_nothing_is_known_of_silence() -> None:
    counts = {(source, "review"): counted(hours(NOW - 30)) for source in ("shop", "app")}
    assert silent_streams(counts, now=NOW, watched_since=NOW + 1, false_alarms_a_day=A_DAY) == []
    # Then one source is back at once, and the other has some hours.
    counts["shop", "review"] |= {NOW: 10}
    assert silent_streams(counts, now=NOW + 1, watched_since=NOW + 1, false_alarms_a_day=A_DAY) == []


def test_a_channel_is_told_where_it_is_not_the_same_stream_as_its_sources() -> None:
    desk = {("desk", "chat"): counted(hours(NOW - 5)), ("desk", "email"): counted(hours())}
    shop = {("shop", "review"): counted(hours())}
    assert [s.key for s in silent_streams(desk | shop, now=NOW, watched_since=FIRST, false_alarms_a_day=A_DAY)] == [
        "channel:chat"
    ]
    both = {("desk", "chat"): counted(hours(NOW - 5)), ("bot", "chat"): counted(hours(NOW - 5)), **shop}
    assert {s.key for s in silent_streams(both, now=NOW, watched_since=FIRST, false_alarms_a_day=A_DAY)} == {
        "source:desk",
        "source:bot",
    }


def test_little_history_is_no_history() -> None:
    new = {hour for hour in hours(NOW - 20) if hour > NOW - 100}
    assert judged(shop=hours(), new=new) == []
    assert silent_streams({}, now=NOW, watched_since=FIRST, false_alarms_a_day=A_DAY) == []


def test_an_event_that_claims_to_come_in_the_future_silences_nobody() -> None:
    counts = {("shop", "review"): counted(hours() | {NOW + 9_000}), ("app", "review"): counted(hours())}
    assert silent_streams(counts, now=NOW, watched_since=FIRST, false_alarms_a_day=A_DAY) == []


def test_the_alert_of_a_silence_has_one_id_as_long_as_it_lasts() -> None:
    [early], [late] = judged(shop=hours(), app=hours(NOW - 5)), judged(shop=hours(NOW), app=hours(NOW - 5))
    first, second = (
        to_alert(one, budget="b", raised_at=datetime(2026, 1, d, tzinfo=UTC)) for one, d in ((early, 1), (late, 2))
    )
    assert first.alert_id == second.alert_id and first.kind == "data_silence"
    assert (first.observed_mean, first.baseline_mean, first.change) == (0.0, 40.0, -40.0)
    assert int(first.window_start.timestamp()) // 3600 == NOW - 5
