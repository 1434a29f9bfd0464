"""Pairs of monitored keys: what is said of two things together, such as one topic with one product.

A pair is set as `topic~product` or `topic~segment:region`; its keys are `topic~product:12~kettle` and
`topic~segment:12~region=north`. `~` stands between the two because it needs no escape in an address, in YAML or in a
shell, where a `+` in an address is a blank. Names may hold anything, so a `~` in one is written `%7E` and a `%` `%25`:
there is one `~` in what follows the colon, and a key is read in one way only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

SIGN = "~"
# In this order they stand in a pair, so that it has one spelling. No customer: few have messages enough for one key.
DIMENSIONS = ("topic", "product", "channel", "journey_stage", "segment")
# Two segments make a pair as well, of two different fields.
KINDS = (*(SIGN.join(two) for two in combinations(DIMENSIONS, 2)), "segment~segment")
# A longer key is not followed: PostgreSQL indexes no more.
LONGEST = 600

_SEGMENT = "segment"
_BARE_PERCENT = re.compile(r"%(?!7E|25)")


def fault_of(pair: str) -> str | None:
    """What is wrong with a pair as it is set (`topic~segment:region`), in a sentence; None where nothing is."""
    parts = dimensions_of(pair)
    if len(parts) != 2:
        return f"a pair is two dimensions with a {SIGN} between them, such as topic~product"
    for part in parts:
        kind, _, field = part.partition(":")
        if kind == "customer":
            return "customers are in no pair, for few have messages enough for one key; pair " + _choices()
        if kind not in DIMENSIONS or (":" in part and kind != _SEGMENT):
            return f"{part!r} is no dimension of a pair; there are {_choices()}"
        if kind == _SEGMENT and not field:
            return "a segment is named by its field, such as segment:region"
    if parts[0] == parts[1]:
        return f"{parts[0]} is paired with itself; a pair has two different dimensions"
    right = SIGN.join(_escaped(part) for part in sorted(parts, key=_place))
    if right != pair:
        return f"it is written {right}, so that a key has one spelling"
    return None


def kind_fault(kind: str) -> str | None:
    """What is wrong with the kind of a pair's keys (`topic~segment`), in a sentence; None where nothing is."""
    if kind in KINDS:
        return None
    parts = kind.split(SIGN)
    turned = SIGN.join(reversed(parts))
    if turned in KINDS:
        return f"{kind!r} is written {turned}"
    if len(parts) == 2 and parts[0] == parts[1]:
        return f"{kind!r} pairs {parts[0]} with itself; there are {', '.join(KINDS)}"
    return f"{kind!r} is no kind of pair; there are {', '.join(KINDS)}"


def name_fault(name: str) -> str | None:
    """What is wrong with what follows the colon in a pattern of pairs (`12~ket*`), in a sentence, or None."""
    if _BARE_PERCENT.search(name):
        return f"a % in a name of a pair is written %25, and a {SIGN} %7E"
    if name.count(SIGN) > 1 or (SIGN not in name and "*" not in name):
        return f"a key of a pair has two names with one {SIGN} between them, such as topic~product:12~kettle"
    return None


@lru_cache(maxsize=1_024)
def dimensions_of(pair: str) -> tuple[str, ...]:
    """The dimensions of a pair as it is set: `topic~segment:region` → `topic`, `segment:region`."""
    return tuple(_plain(part) for part in pair.split(SIGN))


def kind_of(pair: str) -> str:
    """The kind of a pair's keys: `topic~segment:region` → `topic~segment`."""
    return SIGN.join(part.partition(":")[0] for part in dimensions_of(pair))


def key_of(one: str, other: str) -> str:
    """The key of a pair of keys: `topic:12` and `product:kettle` → `topic~product:12~kettle`."""
    (kind, _, name), (other_kind, _, other_name) = one.partition(":"), other.partition(":")
    return f"{kind}{SIGN}{other_kind}:{_escaped(name)}{SIGN}{_escaped(other_name)}"


@lru_cache(maxsize=65_536)
def parts_of(key: str) -> tuple[str, ...]:
    """The two keys that a pair's key is of; none for a key that is no pair's."""
    kind, _, name = key.partition(":")
    kinds, names = kind.split(SIGN), name.split(SIGN)
    if kind not in KINDS or len(names) != 2:
        return ()
    return tuple(f"{kind}:{_plain(name)}" for kind, name in zip(kinds, names, strict=True))


def pairs_among(keys: Sequence[str], pairs: Sequence[str]) -> list[tuple[str, int, int]]:
    """The keys of `pairs` that `keys`, those of one event, make, each with the places of its two parts in `keys`."""
    found = []
    for pair in pairs:
        first, second = (_beginning(part) for part in dimensions_of(pair))
        for i, one in enumerate(keys):
            if one.startswith(first):
                found += [(key_of(one, other), i, j) for j, other in enumerate(keys) if other.startswith(second)]
    return [one for one in found if len(one[0]) <= LONGEST]


def label_of(one: str, other: str) -> str:
    """What a pair is called: `Delivery × Kettle`."""
    return f"{one} × {other}"


def kind_words(kind: str) -> str:
    """A kind of key in words: `journey_stage` → `journey stage`, `topic~product` → `topic × product`."""
    return kind.replace("_", " ").replace(SIGN, " × ")


def _beginning(dimension: str) -> str:
    return f"{dimension}=" if dimension.startswith(f"{_SEGMENT}:") else f"{dimension}:"


def _place(dimension: str) -> tuple[int, str]:
    return DIMENSIONS.index(dimension.partition(":")[0]), dimension


def _choices() -> str:
    return ", ".join((*DIMENSIONS[:-1], "segment:FIELD"))


def _escaped(name: str) -> str:
    return name.replace("%", "%25").replace(SIGN, "%7E")


def _plain(name: str) -> str:
    return name.replace("%7E", SIGN).replace("%25", "%")
