"""The life of a case: which steps its state allows, and what each makes of it.

A case is what its steps make it: `replay` of its history gives its present state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from vocengine.contracts import Case, CaseAction, CaseState, Verdict
from vocengine.contracts.alert import AlertKind, Severity
from vocengine.errors import CaseError, InputError

LIVE: frozenset[CaseState] = frozenset({"open", "acknowledged", "in_progress"})
_ENDED: frozenset[CaseState] = frozenset({"resolved", "closed"})
_ANY = LIVE | _ENDED

# action → state before → state after; what is not here is refused.
TRANSITIONS: Mapping[CaseAction, Mapping[CaseState, CaseState]] = {
    "amend": {state: state for state in LIVE},
    "take": {"open": "acknowledged", "acknowledged": "acknowledged", "in_progress": "in_progress"},
    "start": {"acknowledged": "in_progress"},
    "note": {state: state for state in _ANY},
    "resolve": {"acknowledged": "resolved", "in_progress": "resolved"},
    "recover": {state: "resolved" for state in LIVE},
    "close": {"open": "closed", "acknowledged": "closed", "in_progress": "closed", "resolved": "closed"},
    "reopen": {"resolved": "open", "closed": "open"},
    "judge": {state: state for state in _ANY},
    "link": {state: state for state in _ANY},
    "warn": {state: state for state in LIVE},
    "escalate": {state: state for state in LIVE},
}
_SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a case is opened on: the alert's id, key, kind and label."""

    alert_id: str
    key: str
    kind: AlertKind
    label: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done to a case, with all that its outcome depends on.

    `open`, `amend` and, where an alert causes it, `reopen` carry the alert (`subject`, `severity`); what moves the
    deadline carries `warn_at` and `due_at`. `owner` is for `open` and `take`, `verdict` and `duplicate_of` for `judge`,
    `initiative_id` for `link`.
    """

    action: CaseAction
    by: str
    at: datetime
    note: str = ""
    owner: str | None = None
    verdict: Verdict | None = None
    duplicate_of: str | None = None
    initiative_id: int | None = None
    subject: Subject | None = None
    severity: Severity | None = None
    warn_at: datetime | None = None
    due_at: datetime | None = None


def change(case: Case, step: Step) -> Case:
    """The case after the step.

    Raises CaseError where the state does not allow it, InputError where the step lacks what it needs.
    """
    state = TRANSITIONS.get(step.action, {}).get(case.state)
    if state is None:
        raise CaseError(f"case {case.case_id} is {_words(case.state)}: {_way(step.action, case.state)}")
    _check(case, step)
    after = replace(
        case,
        state=state,
        version=case.version + 1,
        action=step.action,
        by=step.by,
        note=step.note,
        updated_at=step.at,
    )
    match step.action:
        case "amend":
            return _amended(after, step)
        case "take":
            return replace(after, owner=step.owner or step.by)
        case "resolve" | "recover":
            return replace(after, ended_at=step.at)
        case "close":
            return replace(after, ended_at=case.ended_at or step.at)
        case "reopen":
            severity = step.severity or case.severity
            asked = replace(after, asked_at=step.at, severity=severity, escalated=None, ended_at=None)
            return _amended(replace(asked, reopened=case.reopened + 1), step)
        case "judge":
            return replace(after, verdict=step.verdict, duplicate_of=step.duplicate_of)
        case "link":
            return replace(after, initiative_id=step.initiative_id)
        case "warn":
            return replace(after, escalated="due_soon")
        case "escalate":
            return replace(after, escalated="overdue")
        case _:
            return after


def opened(case_id: str, step: Step) -> Case:
    """The case that a step `open` makes. Raises InputError for a step that is none or lacks something."""
    if step.action != "open" or not step.subject or not step.severity or not step.warn_at or not step.due_at:
        raise InputError(
            f"case {case_id} begins with {step.action}; it should begin with open, on an alert, with a deadline"
        )
    return Case(
        case_id=case_id,
        key=step.subject.key,
        kind=step.subject.kind,
        label=step.subject.label,
        severity=step.severity,
        alerts=(step.subject.alert_id,),
        state="open",
        owner=step.owner,
        opened_at=step.at,
        asked_at=step.at,
        warn_at=step.warn_at,
        due_at=step.due_at,
        escalated=None,
        ended_at=None,
        reopened=0,
        verdict=None,
        duplicate_of=None,
        initiative_id=None,
        version=1,
        action="open",
        by=step.by,
        note=step.note,
        updated_at=step.at,
    )


def replay(case_id: str, steps: Iterable[Step]) -> Case:
    """The case that its history, oldest first, makes. Raises as `opened` and `change` do."""
    found: Case | None = None
    for step in steps:
        found = opened(case_id, step) if found is None else change(found, step)
    if found is None:
        raise InputError(f"case {case_id} has no history; it should begin with open")
    return found


def _amended(case: Case, step: Step) -> Case:
    if step.subject is not None and step.subject.alert_id not in case.alerts:
        case = replace(case, alerts=(*case.alerts, step.subject.alert_id))
    if step.severity is not None and _SEVERITIES.index(step.severity) > _SEVERITIES.index(case.severity):
        case = replace(case, severity=step.severity)
    if step.warn_at is not None and step.due_at is not None:
        case = replace(case, warn_at=step.warn_at, due_at=step.due_at)
    return case


def _check(case: Case, step: Step) -> None:
    match step.action:
        case "note" if not step.note.strip():
            raise InputError("note is empty; it should say something")
        case "judge" if step.verdict is None:
            raise InputError("verdict is missing; it should be yes, no or duplicate")
        case "judge" if step.duplicate_of is not None and step.verdict != "duplicate":
            raise InputError(
                f"duplicate_of is {step.duplicate_of!r} and verdict {step.verdict!r}; only a duplicate has one"
            )
        case "judge" if step.duplicate_of == case.case_id:
            raise InputError(f"duplicate_of is {step.duplicate_of!r}, the case itself; it should be another case")
        case "close" if case.state in LIVE and case.verdict not in ("no", "duplicate"):
            raise CaseError(
                f"case {case.case_id} is {_words(case.state)}: resolve it or judge it no or duplicate first"
            )
        case "reopen" if step.due_at is None:
            raise InputError("due_at is missing; a reopened case should have a deadline")


def _way(action: CaseAction, state: CaseState) -> str:
    if state in _ENDED:
        return f"reopen it before you {action} it" if action != "resolve" else "reopen it before it is resolved again"
    if action == "reopen":
        return "only a case that is resolved or closed can be reopened"
    if state == "open":
        return f"take it before you {action} it"
    return f"it cannot be {'started' if action == 'start' else action} again"


def _words(state: CaseState) -> str:
    return state.replace("_", " ")
