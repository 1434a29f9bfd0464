"""What is told of a case, and what is not because an alert told it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from tests.notify.alerts import NOON, alert, case
from vocengine.contracts import CaseAction, decode_case
from vocengine.notify import (
    case_message,
    change_of_alert,
    change_of_case,
    digest_message,
    event_of_alert,
    event_of_case,
)

HOUR = timedelta(hours=1)
ENDED: dict[str, Any] = {"state": "resolved", "ended_at": NOON - 19 * HOUR, "action": "resolve", "by": "ana"}


@pytest.mark.parametrize("action", get_args(CaseAction))
def test_what_an_alert_told_is_not_told_again_and_what_nobody_waits_for_never(action: CaseAction) -> None:
    by_people = {"take": "case.taken", "resolve": "case.resolved", "reopen": "case.reopened", "close": "case.closed"}
    by_time = {"warn": "case.due_soon", "escalate": "case.overdue"}
    assert event_of_case(case(action=action, by="ana")) == by_people.get(action)
    # A case that an alert opens, amends or reopens, or in which its recovery is noted, is told by that alert.
    assert event_of_case(case(action=action)) == by_time.get(action)


def test_each_change_has_an_id_of_its_own() -> None:
    assert change_of_case(case(version=4)) != change_of_case(case(version=5)) != change_of_case(case(2, version=5))
    assert change_of_alert(alert()) == change_of_alert(alert(observed_mean=0.9))
    assert change_of_alert(alert()) != change_of_alert(alert(status="resolved"))
    assert event_of_alert(alert(status="acknowledged")) is None


@pytest.mark.parametrize(
    ("more", "title", "says"),
    [
        ({}, "Overdue", ("was due at 10 Mar 2026, 12:00 UTC and is still open.", "Nobody has taken it.")),
        (
            {"action": "warn", "state": "in_progress", "owner": "ben", "due_at": NOON + 6 * HOUR},
            "Due soon",
            ("is due at 10 Mar 2026, 18:00 UTC and is in progress.", "Its owner is ben."),
        ),
        (ENDED | {"note": "The belt was worn", "verdict": "yes"}, "Resolved",
         ("ana resolved case c-00000000000000000001 after 5 h.", "It was a real problem.", "- “The belt was worn”")),
        ({"action": "reopen", "by": "ana", "due_at": NOON + 24 * HOUR}, "Reopened",
         ("ana reopened case c-00000000000000000001; it is due at 11 Mar 2026, 12:00 UTC.", "Nobody has taken it.")),
        ({"action": "take", "by": "ana", "owner": "ben"}, "Taken", ("is ben's, given by ana; it is due",)),
        ({"action": "take", "by": "ana", "owner": "ana"}, "Taken", ("is ana's; it is due",)),
        (ENDED | {"action": "close", "state": "closed", "verdict": "no"}, "Closed",
         ("is closed, by ana.", "It was no problem.")),
    ],
)  # fmt: skip
def test_a_message_says_what_is_to_be_done_by_whom(more: dict[str, Any], title: str, says: tuple[str, ...]) -> None:
    message = case_message(case(**more), at=NOON, public_url="https://voc.example.org/")
    assert message.title == f"{title}: the case on product Kettle 1 (high)"
    for said in (*says, "https://voc.example.org/cases/c-00000000000000000001"):
        assert said in message.text
    assert message.calm is (title not in ("Overdue", "Due soon", "Reopened"))
    found = json.loads(message.payload)
    assert found["type"] == event_of_case(case(**more)) and found["timestamp"] == "2026-03-10T12:00:00Z"
    assert decode_case(json.dumps(found["data"]["case"]).encode()) == case(**more)


def test_what_people_wrote_neither_marks_up_nor_calls_together() -> None:
    message = case_message(case(**ENDED, note="<b>done</b>\n@everyone", label="<!channel>"), at=NOON)
    assert "<b>" not in message.html and "&lt;b&gt;done" in message.html
    assert "@everyone" not in message.text and "<" not in message.text and "\n" not in message.title


def test_a_digest_of_both_counts_both_and_begins_with_the_worst() -> None:
    several = [alert(1, severity="low"), case(2, severity="critical"), replace(case(3), **ENDED)]
    message = digest_message(several, at=NOON)
    assert message.title == "1 alert and 2 changes of cases: 1 critical, 1 high, 1 low"
    assert message.text.startswith("Overdue: the case on product Kettle 2 (critical)") and not message.calm
    found = json.loads(message.payload)["data"]
    assert (len(found["alerts"]), len(found["cases"])) == (1, 2)
    calm = digest_message([replace(case(n), **ENDED) for n in (1, 2)], at=NOON)
    assert calm.calm and calm.title == "2 changes of cases: 2 high"
