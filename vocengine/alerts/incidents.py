"""Alerts that tell of one thing → one incident with a probable root: the key that explains most of the others.

A topic that falls takes its product and its channel along, and each raises an alert of its own. Two alerts belong
together where they are of about the same time and the mentions behind the one are, more than they used to be, mentions
of the other's key; or where they are mostly the same mentions; or where one is on a pair and the other on a part of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vocengine.alerts.mix import Parts
from vocengine.contracts import Alert
from vocengine.pairs import parts_of

# A fall goes on after it was reported: an alert that begins within a day of another's end may belong to it.
SLACK = timedelta(hours=24)
_LEAST_SHARE, _LEAST_EXCESS = 0.3, 0.1
# Without knowing what was before, more is asked for; so it is for being the same mentions.
_LEAST_UNKNOWN, _LEAST_COMMON, _LEAST_COMMON_N = 0.5, 0.5, 3
# Explanations so close are called equal.
_EQUAL = 0.02
# Of two equal roots the one that says more of what went wrong; a pair says more than any.
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
    of_one = a.key in _own(b.key) or b.key in _own(a.key)
    return of_one or _leads_to(a, b.key) or _leads_to(b, a.key) or _same_mentions(a, b)


def fits(new: Member, members: Sequence[Member]) -> bool:
    """Whether an alert joins the incident of `members`: by its root, or for its key, or a part of it, being there."""
    return linked(new, root_of(members)) or not {one.key for one in members}.isdisjoint(_own(new.key))


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
    return sum(_explains(root, one) for one in others) / len(others) if others else 0.0


def share_on(member: Member, key: str) -> tuple[float, float | None]:
    """The share of the mentions behind an alert that are on a key, and the share before; None where it is not known.

    What touches a pair and is on one part of it is on the other one too, so a member keeps no shares of its own pairs.
    """
    own = _own(member.key)
    if key in own:
        return 1.0, 1.0
    if key not in member.parts:
        rest = [part for part in parts_of(key) if part not in own]
        key = rest[0] if len(rest) == 1 else key
    return member.parts.get(key, (0.0, None))


def _own(key: str) -> tuple[str, ...]:
    """A key, and of a pair its parts."""
    return (key, *parts_of(key))


def _leads_to(member: Member, key: str) -> bool:
    share, expected = share_on(member, key)
    if expected is None:
        return share >= _LEAST_UNKNOWN
    return share >= _LEAST_SHARE and share - expected >= _LEAST_EXCESS


def _same_mentions(a: Member, b: Member) -> bool:
    common = len(a.voices & b.voices)
    # Of the larger set: a topic's mentions are always part of its channel's.
    return common >= _LEAST_COMMON_N and common >= _LEAST_COMMON * max(len(a.voices), len(b.voices))


def _explains(root: Member, other: Member) -> float:
    if root.key in parts_of(other.key):
        # All of a pair always is on its parts. It is the part's fall as far as the part fell elsewhere too.
        return 1.0 - _excess(root, other.key)
    return _excess(other, root.key)


def _excess(member: Member, key: str) -> float:
    share, expected = share_on(member, key)
    before = expected or 0.0
    return max(0.0, (share - before) / (1.0 - before)) if before < 1.0 else 0.0


def _outside(member: Member, members: Sequence[Member]) -> float:
    keys = {one.key for one in members} - {member.key}
    return 1.0 - max((share_on(member, key)[0] for key in keys), default=0.0)


def _place(key: str) -> int:
    if parts_of(key):
        return -1
    kind = key.partition(":")[0]
    return _TELLING.index(kind) if kind in _TELLING else len(_TELLING)
