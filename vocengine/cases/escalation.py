"""Who is slow is reminded twice: before the deadline, and when it has passed."""

from __future__ import annotations

from datetime import datetime

from vocengine.cases.life import LIVE, Step
from vocengine.contracts import Case
from vocengine.contracts.case import MACHINE


def escalation(case: Case, now: datetime) -> Step | None:
    """The escalation that is due at `now` and was not made yet, None where there is none.

    Where nobody looked between the first and the deadline, the second alone is made.
    """
    if case.state not in LIVE or case.escalated == "overdue":
        return None
    if now >= case.due_at:
        return Step("escalate", MACHINE, now)
    if now >= case.warn_at and case.escalated is None:
        return Step("warn", MACHINE, now)
    return None
