"""Alerts that tell of one thing → one incident with a probable root: the key that explains most of the others.

A topic that falls takes its product and its channel along, and each raises an alert of its own. Two alerts belong
together where they are of about the same time and the mentions behind the one are, more than they used to be, mentions
of the other's key; or where they are mostly the same mentions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vocengine.alerts.mix import Parts
from vocengine.contracts import Alert

# A fall goes on after it was reported: an alert that begins within a day of another's end may belong to it.
SLACK = timedelta(hours=24)
_LEAST_SHARE, _LEAST_EXCESS = 0.3, 0.1
# Without knowing what was before, more is asked for; so it is for being the same mentions.
_LEAST_UNKNOWN, _LEAST_COMMON, _LEAST_COMMON_N = 0.5, 0.5, 3
# Explanations so close are called equal.
_EQUAL = 0.02
# Of two equal roots the one that says more of what went wrong.
_TELLING = ("topic", "product", "journey_stage", "segment", "channel")


@dataclass(frozen=True, slots=True)
class Member:
    """An alert as part of an incident. `parts`: key → its share of the mentions behind the alert, and the share that
    it had before (None: not known); `voices` are short hashes of those mentions' events."""

    alert_id: str
    key: str
    window_start: datetime
    window_end: datetime
    parts: Mapping[str, tuple[float, float | None]]
    voices: frozenset[int]


def member_of(alert: Alert, parts: Parts | None) -> Member | None:
    """The alert as a member; None for one that stands by itself, for it is not known what it is made of.

    These are customers, each of whom is somebody's to call, and what is no monitored key.
    """
    if parts is None or not parts.n:
        return None
    shares = {part.key: (round(part.share, 4), part.expected and round(part.expected, 4)) for part in parts.parts}
    return Member(alert.alert_id, alert.key, alert.window_start, alert.window_end, shares, parts.voices)


def linked(a: Member, b: Member) -> bool:
    """Whether two alerts tell of the same thing; symmetric."""
    if a.window_start > b.window_end + SLACK or b.window_start > a.window_end + SLACK:
        return False
    return a.key == b.key or _leads_to(a, b.key) or _leads_to(b, a.key) or _same_mentions(a, b)


def root_of(members: Sequence[Member]) -> Member:
    """The probable root: the member whose key explains most of the others.

    What a key explains of another alert is its excess share (s − e) / (1 − e) of the mentions behind it: how much of
    what was not its own before is now. Among equals, the one whose own mentions lie least outside of the others' keys;
    then topics before products before the rest; then the earliest.
    """
    best = max(explained(one, members) for one in members)
    equal = [one for one in members if explained(one, members) >= best - _EQUAL]
    return min(
        equal, key=lambda one: (round(_outside(one, members), 2), _place(one.key), one.window_start, one.alert_id)
    )


def explained(root: Member, members: Sequence[Member]) -> float:
    """What the root's key explains of the other keys' alerts, 0..1 on average; 0 where there are none."""
    others = [one for one in members if one.key != root.key]
    return sum(_excess(one, root.key) for one in others) / len(others) if others else 0.0


def _leads_to(member: Member, key: str) -> bool:
    share, expected = member.parts.get(key, (0.0, None))
    if expected is None:
        return share >= _LEAST_UNKNOWN
    return share >= _LEAST_SHARE and share - expected >= _LEAST_EXCESS


def _same_mentions(a: Member, b: Member) -> bool:
    common = len(a.voices & b.voices)
    # Of the larger set: a topic's mentions are always part of its channel's.
    return common >= _LEAST_COMMON_N and common >= _LEAST_COMMON * max(len(a.voices), len(b.voices))


def _excess(member: Member, key: str) -> float:
    share, expected = member.parts.get(key, (0.0, None))
    before = expected or 0.0
    return max(0.0, (share - before) / (1.0 - before)) if before < 1.0 else 0.0


def _outside(member: Member, members: Sequence[Member]) -> float:
    keys = {one.key for one in members} - {member.key}
    return 1.0 - max((member.parts.get(key, (0.0, None))[0] for key in keys), default=0.0)


def _place(key: str) -> int:
    kind = key.partition(":")[0]
    return _TELLING.index(kind) if kind in _TELLING else len(_TELLING)
