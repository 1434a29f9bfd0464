"""Which changes of alerts and cases can be told, under one name in routes and webhooks."""

from __future__ import annotations

from typing import Literal, get_args

from vocengine.contracts import Alert, Case, CaseAction
from vocengine.contracts.case import MACHINE

Event = Literal[
    "alert.opened",
    "alert.resolved",
    "case.due_soon",
    "case.overdue",
    "case.taken",
    "case.resolved",
    "case.reopened",
    "case.closed",
]
EVENTS: tuple[Event, ...] = get_args(Event)
# What somebody has to know or do. Who took a case and who closed the file on it is on the pages.
USUAL: tuple[Event, ...] = tuple(event for event in EVENTS if event not in ("case.taken", "case.closed"))
CALM: frozenset[Event] = frozenset({"alert.resolved", "case.taken", "case.resolved", "case.closed"})

_OF_TIME: dict[CaseAction, Event] = {"warn": "case.due_soon", "escalate": "case.overdue"}
_OF_PEOPLE: dict[CaseAction, Event] = {
    "take": "case.taken",
    "resolve": "case.resolved",
    "reopen": "case.reopened",
    "close": "case.closed",
}


def event_of_alert(alert: Alert) -> Event | None:
    """What a record of `voc.alerts` tells; None for an acknowledgement, which its case tells."""
    return {"open": "alert.opened", "resolved": "alert.resolved"}.get(alert.status)  # type: ignore[return-value]


def event_of_case(case: Case) -> Event | None:
    """What a record of `voc.cases` tells; None for what nobody waits for, and for what an alert tells already.

    An alert that opens, amends or reopens a case is told itself, and so is the recovery that is noted in one: of what
    the engine does to cases only the reminders are news.
    """
    return _OF_TIME.get(case.action) if case.by == MACHINE else _OF_PEOPLE.get(case.action)


def change_of_alert(alert: Alert) -> str:
    """The id of a change of an alert. One that is amended keeps its id and status: people have heard of it."""
    return f"{alert.alert_id}:{alert.status}"


def change_of_case(case: Case) -> str:
    """The id of a change of a case."""
    return f"{case.case_id}:{case.version}"
