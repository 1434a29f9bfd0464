"""Patterns of monitored keys, in which `*` stands for anything: `product:*`, `topic:12`, `segment:region=*`."""

from __future__ import annotations

import re
from functools import lru_cache

from vocengine import pairs

# What stands before the colon of a key. A candidate is an emerging topic's; a source can only fall silent.
KEY_KINDS = ("topic", "customer", "product", "channel", "journey_stage", "segment", "candidate", "source")
KINDS_IN_WORDS = f"{', '.join(KEY_KINDS)}, and pairs such as topic~product"


@lru_cache(maxsize=4_096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def matches(pattern: str, key: str) -> bool:
    """Whether a key fits a pattern."""
    return _compiled(pattern).fullmatch(key) is not None


def covers(general: str, special: str) -> bool:
    """Whether every key that fits `special` fits `general` too: only a `*` can stand for a `*`."""
    return matches(general, special)


def meet(one: str, other: str) -> bool:
    """Whether some key fits both patterns."""
    # reached[j]: whether the part of `one` read so far and other[:j] have a text in common.
    reached = [all(sign == "*" for sign in other[:j]) for j in range(len(other) + 1)]
    for sign in one:
        following = [reached[0] and sign == "*"]
        for j, its in enumerate(other, 1):
            if sign == "*" or its == "*":
                following.append(reached[j] or following[j - 1])
            else:
                following.append(reached[j - 1] and sign == its)
        reached = following
    return reached[-1]


def specificity(pattern: str) -> tuple[bool, int]:
    """The greater, the more a pattern says: a whole key before any pattern, then by the signs that are not `*`."""
    return "*" not in pattern, len(pattern) - pattern.count("*")


def is_kind(kind: str) -> bool:
    """Whether keys of such a kind can be, those of pairs among them."""
    return kind in KEY_KINDS or kind in pairs.KINDS


def kind_in(pattern: str) -> str | None:
    """The kind of keys that a pattern is about: `topic` of `topic:*`; None where it may be about several."""
    kind, colon, _ = pattern.partition(":")
    return kind if colon and "*" not in kind else None
