"""Case: the work behind an alert, as it stands after each change, on `voc.cases`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from vocengine.contracts.alert import AlertKind, Severity

CaseState = Literal["open", "acknowledged", "in_progress", "resolved", "closed"]
CaseAction = Literal[
    "open",
    "amend",
    "take",
    "start",
    "note",
    "resolve",
    "recover",
    "close",
    "reopen",
    "judge",
    "link",
    "warn",
    "escalate",
]
Verdict = Literal["yes", "no", "duplicate"]
Escalated = Literal["due_soon", "overdue"]
# `by` of what no person did: the engine itself, by alerts and by time.
MACHINE = "vocengine"


@dataclass(frozen=True, slots=True)
class Case:
    """A case after its change number `version`. All times are of the wall clock, in UTC.

    `alerts` are the ids of its alerts, the first one first. Work on it was asked for at `asked_at` (when it was opened
    or last reopened) and is due at `due_at`; at `warn_at` somebody is reminded. `escalated` is how far that has come.
    `verdict` answers whether it was a real problem; a duplicate may name the case that it repeats.
    `action`, `by` and `note` are those of the last change, at `updated_at`; `by` is `vocengine` where nobody made it.
    """

    case_id: str
    key: str
    kind: AlertKind
    label: str
    severity: Severity
    alerts: tuple[str, ...]
    state: CaseState
    owner: str | None
    opened_at: datetime
    asked_at: datetime
    warn_at: datetime
    due_at: datetime
    escalated: Escalated | None
    ended_at: datetime | None
    reopened: int
    verdict: Verdict | None
    duplicate_of: str | None
    initiative_id: int | None
    version: int
    action: CaseAction
    by: str
    note: str
    updated_at: datetime
    schema_version: int = 1
