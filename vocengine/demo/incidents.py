"""Which alert reported which planted incident, and after how long."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from vocengine.contracts import Alert

# A report may come a while after the end: the last customers write when it is over.
_GRACE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Incident:
    """A planted incident, as the ground truth has it."""

    incident_id: str
    title: str
    started_at: datetime
    ended_at: datetime
    kinds: frozenset[str]
    keys: frozenset[str]
    label_words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """An incident and the first alert that reported it; `None` where it was missed."""

    incident: Incident
    alert: Alert | None

    @property
    def delay(self) -> timedelta | None:
        """Event time from the start of the incident to the mention that completed the evidence."""
        return self.alert.opened_at - self.incident.started_at if self.alert else None


def load_incidents(path: Path) -> list[Incident]:
    """The planted incidents of a ground-truth file."""
    entries: Sequence[Mapping[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["incidents"]
    return [
        Incident(
            incident_id=entry["id"],
            title=entry["title"],
            started_at=datetime.fromisoformat(entry["started_at"]),
            ended_at=datetime.fromisoformat(entry["ended_at"]),
            kinds=frozenset(entry["match"]["kinds"]),
            keys=frozenset(entry["match"]["keys"]),
            label_words=frozenset(entry["match"]["label_words"]),
        )
        for entry in entries
    ]


def judge(incidents: Sequence[Incident], alerts: Sequence[Alert]) -> list[Outcome]:
    """For each incident the first alert that reported it while it lasted."""
    return [
        Outcome(incident, min((a for a in alerts if reports(a, incident)), key=lambda a: a.opened_at, default=None))
        for incident in incidents
    ]


def reports(alert: Alert, incident: Incident) -> bool:
    """Whether an alert speaks of the incident: right time, right kind, and its key or its words."""
    if not incident.started_at <= alert.opened_at <= incident.ended_at + _GRACE:
        return False
    kind = alert.key.partition(":")[0]
    if kind not in incident.kinds:
        return False
    if alert.key in incident.keys:
        return True
    return kind == "topic" and bool(_words(alert.label) & incident.label_words)


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))
