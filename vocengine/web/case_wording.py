"""Cases in words: how long is left, and what each line of the audit trail says."""

from __future__ import annotations

from datetime import datetime, timedelta

from vocengine.contracts import Case
from vocengine.store.reads import CaseEntry


def state_words(state: str) -> str:
    """`in_progress` → `in progress`."""
    return state.replace("_", " ")


def length_words(length: timedelta) -> str:
    """`3 days`, `1 day 4 h`, `5 h 20 min`, `12 min`: the two largest parts that matter."""
    minutes = int(abs(length).total_seconds() // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days >= 3 or (days and not hours):
        return f"{days} day" if days == 1 else f"{days} days"
    if days:
        return f"{days} day{'s' if days > 1 else ''} {hours} h"
    if hours:
        return f"{hours} h {minutes} min" if minutes and hours < 12 else f"{hours} h"
    return f"{minutes} min"


def time_left(case: Case, now: datetime) -> str:
    """`5 h 20 min left`, `overdue by 3 h`; of a case that ended, how long it took."""
    if case.ended_at is not None:
        return f"took {length_words(case.ended_at - case.asked_at)}"
    left = case.due_at - now
    return f"{length_words(left)} left" if left > timedelta(0) else f"overdue by {length_words(left)}"


def time_used(case: Case, now: datetime) -> float:
    """The share (0..1) of the time for a case that has gone by."""
    whole = (case.due_at - case.asked_at).total_seconds()
    used = ((case.ended_at or now) - case.asked_at).total_seconds()
    return max(0.0, min(1.0, used / whole)) if whole > 0 else 1.0


def urgency(case: Case, now: datetime) -> str:
    """The class of a deadline: overdue, soon, fine; ended where nothing is due."""
    if case.ended_at is not None:
        return "ended"
    return "overdue" if now >= case.due_at else "soon" if now >= case.warn_at else "fine"


def entry_words(entry: CaseEntry) -> str:
    """What was done, as it follows the name of who did it."""
    match entry.action:
        case "open":
            return "opened the case"
        case "amend":
            return "added another alert"
        case "take" if entry.owner and entry.owner != entry.by:
            return f"gave it to {entry.owner}"
        case "take":
            return "acknowledged it"
        case "start":
            return "began work"
        case "note":
            return "wrote a note"
        case "resolve":
            return "resolved it"
        case "recover":
            return "saw that it is over"
        case "close":
            return "closed it"
        case "reopen":
            return "reopened it"
        case "judge":
            of = f" of {entry.duplicate_of}" if entry.duplicate_of else ""
            return {"yes": "judged it a real problem", "no": "judged it no problem"}.get(
                entry.verdict or "", f"judged it a duplicate{of}"
            )
        case "link":
            return f"put it under initiative {entry.initiative_id}"
        case "warn":
            return "reminded: it is due soon"
        case "escalate":
            return "escalated it: it is overdue"
