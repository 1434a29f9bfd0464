"""What an alert does: it opens a case, amends the one at work on its key, or reopens the one that ended lately."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from vocengine.cases.life import LIVE, Step, Subject
from vocengine.contracts import Alert, Case
from vocengine.contracts.alert import Severity
from vocengine.contracts.case import MACHINE


@dataclass(frozen=True, slots=True)
class Policy:
    """Time to resolve a case by severity, the share (0..1) of it after which it is escalated first, how long after its
    end a case is reopened, whose a new one is (None: whoever takes it), and why all that."""

    deadlines: Mapping[Severity, timedelta]
    warn_at_share: float = 0.75
    reopen_within: timedelta = timedelta(days=14)
    owner: str | None = None
    why: str = ""

    def times(self, severity: Severity, at: datetime) -> tuple[datetime, datetime]:
        """When a case asked for at `at` is escalated first, and when it is due."""
        deadline = self.deadlines[severity]
        return at + self.warn_at_share * deadline, at + deadline


def case_id_of(alert_id: str) -> str:
    """The id of the case that an alert opens; a replay repeats it."""
    return "c-" + alert_id.removeprefix("a-")


def step_for(alert: Alert, latest: Case | None, policy: Policy, *, now: datetime) -> Step:
    """What a new alert does; `latest` is the case at work on its key, else the one that ended last.

    A step `open` is for a case of its own. One that turned out no problem or a duplicate is not reopened: the new alert
    may be a real one, and is judged by itself.
    """
    subject = Subject(alert.alert_id, alert.key, alert.kind, alert.label)
    warn_at, due_at = policy.times(alert.severity, now)
    if latest is not None and latest.state in LIVE:
        # A graver alert may bring the deadline nearer, never put it off.
        sooner = due_at < latest.due_at
        return Step(
            "amend",
            MACHINE,
            now,
            subject=subject,
            severity=alert.severity,
            warn_at=min(warn_at, latest.warn_at) if sooner else None,
            due_at=due_at if sooner else None,
        )
    lately = latest is not None and latest.ended_at is not None and now - latest.ended_at <= policy.reopen_within
    again = lately and latest is not None and latest.verdict not in ("no", "duplicate")
    return Step(
        "reopen" if again else "open",
        MACHINE,
        now,
        note=policy.why,
        owner=None if again else policy.owner,
        subject=subject,
        severity=alert.severity,
        warn_at=warn_at,
        due_at=due_at,
    )
