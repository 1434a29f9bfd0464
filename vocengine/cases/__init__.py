"""The inner loop behind alerts: what may be done with a case, by when, and what becomes of it. Knows no database."""

from vocengine.cases.escalation import escalation
from vocengine.cases.importance import importance
from vocengine.cases.life import LIVE, TRANSITIONS, Step, Subject, change, opened, replay
from vocengine.cases.opening import Policy, case_id_of, step_for

__all__ = [
    "LIVE",
    "TRANSITIONS",
    "Policy",
    "Step",
    "Subject",
    "case_id_of",
    "change",
    "escalation",
    "importance",
    "opened",
    "replay",
    "step_for",
]
