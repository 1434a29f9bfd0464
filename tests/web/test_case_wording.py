"""Deadlines in words: what is left, what is over, and how much of the time is used."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.notify.alerts import NOON, case
from vocengine.web.case_wording import length_words, time_left, time_used, urgency

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=20), "0 min"),
        (timedelta(minutes=12), "12 min"),
        (timedelta(minutes=61), "1 h 1 min"),
        (timedelta(hours=5), "5 h"),
        (timedelta(hours=14, minutes=20), "14 h"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=1, hours=4), "1 day 4 h"),
        (timedelta(days=2, hours=4), "2 days 4 h"),
        (timedelta(days=3, hours=4), "3 days"),
        (-timedelta(hours=3), "3 h"),
    ],
)
def test_a_length_has_the_parts_that_matter(length: timedelta, words: str) -> None:
    assert length_words(length) == words


@pytest.mark.parametrize(
    ("hours", "words", "how", "used"),
    [
        (-24, "1 day left", "fine", 0.0),
        (-12, "12 h left", "fine", 0.5),
        (-6, "6 h left", "soon", 0.75),
        (0, "overdue by 0 min", "overdue", 1.0),
        (30, "overdue by 1 day 6 h", "overdue", 1.0),
    ],
)
def test_a_deadline_draws_near_and_passes(hours: float, words: str, how: str, used: float) -> None:
    open_case, now = case(), NOON + hours * HOUR
    assert (time_left(open_case, now), urgency(open_case, now), time_used(open_case, now)) == (words, how, used)


def test_a_case_that_ended_tells_how_long_it_took_and_is_never_late() -> None:
    ended = case(state="resolved", ended_at=NOON - 6 * HOUR)
    for now in (NOON, NOON + 99 * HOUR):
        assert (time_left(ended, now), urgency(ended, now), time_used(ended, now)) == ("took 18 h", "ended", 0.75)
