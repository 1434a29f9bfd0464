"""Which kinds of alerts the keys of a kind can have."""

from __future__ import annotations

from vocengine import pairs
from vocengine.contracts.alert import SHOWN, AlertKind
from vocengine.key_patterns import kind_in

_FALL = "_sentiment_fall"


def fall_of(kind: str) -> AlertKind:
    """The kind of alert that a fall on a kind of key is: `topic` → `topic_sentiment_fall`, of a pair's keys
    `pair_sentiment_fall`."""
    return f"{'pair' if pairs.SIGN in kind else kind}{_FALL}"  # type: ignore[return-value]


def possible(kind: str, pattern: str) -> bool:
    """Whether a key of the pattern, or a key itself, can have an alert of the kind."""
    of = kind_in(pattern)
    if of is None:
        return True
    if kind == "emerging_topic":
        return of == "candidate"
    if kind == "data_silence":
        return of in ("source", "channel")
    if (kind == "volume_spike" or kind in SHOWN) and of == "customer":
        return False
    return of not in ("candidate", "source") and (not kind.endswith(_FALL) or kind == fall_of(of))
