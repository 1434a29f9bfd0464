"""What the mentions of one key are made of: their topics, channels, products, before and since something changed.

A channel that always makes up most of a key says nothing of why the key fell. So the share of each part among the
negative mentions of a fall is held against the share that it had among those before: what stands out is a driver.
"""

from __future__ import annotations

import math
import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vocengine.contracts import Driver, Mention

# The newest mentions are kept one by one, so that those of a fall can be told from those before it.
_RECENT = 128
# Parts counted of all that came before; where there are more, the smallest is forgotten.
_PARTS = 48
# What was before is forgotten slowly: half of it in about three weeks.
_KEPT_A_DAY = 0.967
# As many mentions of before the share among all mentions weighs, where few negative ones are known.
_PRIOR = 10.0
_LEAST_BEFORE = 30.0
_DRIVERS = 5
_LEAST_EXCESS, _LEAST_Z, _LEAST_N = 0.1, 2.0, 3


@dataclass(frozen=True, slots=True)
class Part:
    """A key that mentions of another one touch as well: in `n` of the mentions looked at, `share` (0..1) of them.

    `expected` is the share that it had before; null where less than thirty mentions are known of before.
    """

    key: str
    label: str
    n: int
    share: float
    expected: float | None


@dataclass(frozen=True, slots=True)
class Parts:
    """What the mentions of a key since some time are made of; `voices` are short hashes of their event ids."""

    n: int
    parts: tuple[Part, ...]
    voices: frozenset[int]


@dataclass(slots=True)
class Mix:
    """What the mentions of one key touch as well; bounded, whatever the traffic."""

    # key → [label, mentions, negative mentions], of before the recent ones
    before: dict[str, tuple[str, float, float]] = field(default_factory=dict)
    before_n: float = 0.0
    before_negative: float = 0.0
    before_day: int = 0
    # (seconds since 1970, hash of the event, negative, keys)
    recent: deque[tuple[int, int, bool, tuple[str, ...]]] = field(default_factory=deque)
    labels: dict[str, str] = field(default_factory=dict)  # of the keys in `recent`

    def add(self, mention: Mention) -> None:
        """Take note of a mention."""
        also = mention.also or _plain(mention)
        self.labels.update(also)
        self.recent.append(
            (int(mention.occurred_at.timestamp()), voice_of(mention.event_id), mention.negative, (*also,))
        )
        if len(self.recent) > _RECENT:
            self._fold(*self.recent.popleft())

    def since(self, at: datetime, *, negative_only: bool) -> Parts:
        """The mentions kept since `at`, or only the negative ones, in parts against those before; the largest first."""
        second = int(at.timestamp())
        now = [one for one in self.recent if one[0] >= second and (one[2] or not negative_only)]
        earlier = [one for one in self.recent if one[0] < second]
        n = len(now)
        counts: dict[str, int] = {}
        for _, _, _, keys in now:
            for key in keys:
                counts[key] = counts.get(key, 0) + 1
        total = self.before_n + len(earlier)
        negative = self.before_negative + sum(one[2] for one in earlier)
        found = []
        for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            _, mentions, negatives = self.before.get(key, ("", 0.0, 0.0))
            mentions += sum(key in one[3] for one in earlier)
            negatives += sum(key in one[3] for one in earlier if one[2])
            expected = None
            if total >= _LEAST_BEFORE:
                among_all = mentions / total
                expected = (negatives + _PRIOR * among_all) / (negative + _PRIOR) if negative_only else among_all
            found.append(Part(key, self.labels[key], count, count / n, expected))
        return Parts(n, tuple(found), frozenset(one[1] for one in now))

    def _fold(self, second: int, _voice: int, negative: bool, keys: tuple[str, ...]) -> None:
        day = second // 86_400
        if day > self.before_day:
            kept = _KEPT_A_DAY ** (day - self.before_day) if self.before_day else 1.0
            self.before = {k: (label, n * kept, bad * kept) for k, (label, n, bad) in self.before.items()}
            self.before_n, self.before_negative, self.before_day = (
                self.before_n * kept,
                self.before_negative * kept,
                day,
            )
            used = {key for one in self.recent for key in one[3]}
            self.labels = {key: label for key, label in self.labels.items() if key in used or key in keys}
        self.before_n += 1
        self.before_negative += negative
        for key in keys:
            _, n, bad = self.before.get(key, ("", 0.0, 0.0))
            self.before[key] = (self.labels[key], n + 1, bad + negative)
        while len(self.before) > _PARTS:
            del self.before[min(self.before, key=lambda key: self.before[key][1])]

    def as_json(self) -> dict[str, Any]:
        """The mix as JSON values."""
        names = list(self.labels)
        place = {key: i for i, key in enumerate(names)}
        return {
            "before": [(key, *values) for key, values in self.before.items()],
            "n": [self.before_n, self.before_negative, self.before_day],
            "labels": list(self.labels.items()),
            "recent": [(at, voice, int(bad), [place[key] for key in keys]) for at, voice, bad, keys in self.recent],
        }

    @classmethod
    def from_json(cls, d: Mapping[str, Any]) -> Mix:
        """The mix that `as_json` wrote."""
        labels = dict(d["labels"])
        names = list(labels)
        n, negative, day = d["n"]
        return cls(
            before={key: (label, count, bad) for key, label, count, bad in d["before"]},
            before_n=n,
            before_negative=negative,
            before_day=day,
            recent=deque((at, v, bool(bad), tuple(names[i] for i in keys)) for at, v, bad, keys in d["recent"]),
            labels=labels,
        )


def drivers(parts: Parts, *, most: int = _DRIVERS) -> tuple[Driver, ...]:
    """The parts that stand out: larger than before by a tenth, and by two standard errors; the largest excess first.

    Where nothing is known of before, the largest ones. None where the mentions are made up as they always are.
    """
    if not parts.n:
        return ()
    if any(part.expected is None for part in parts.parts):
        return tuple(_driver(part) for part in parts.parts[:most])
    found = []
    for part in parts.parts:
        expected = part.expected or 0.0
        error = math.sqrt(max(expected * (1 - expected), 1 / parts.n) / parts.n)
        excess = part.share - expected
        if part.n >= _LEAST_N and excess >= max(_LEAST_EXCESS, _LEAST_Z * error):
            found.append((excess, part))
    found.sort(key=lambda item: -item[0])
    return tuple(_driver(part) for _, part in found[:most])


def voice_of(event_id: str) -> int:
    """A short hash of an event id, to see how many events two sets of mentions share."""
    return zlib.crc32(event_id.encode("utf-8", "replace"))


def _driver(part: Part) -> Driver:
    kind, _, _ = part.key.partition(":")
    expected = None if part.expected is None else round(part.expected, 3)
    return Driver(kind, part.label, round(part.share, 3), part.n, expected, part.key)


def _plain(mention: Mention) -> dict[str, str]:
    """What a mention written before there was `also` says of it."""
    also = {f"channel:{mention.channel}": mention.channel}
    if mention.product:
        also[f"product:{mention.product}"] = mention.product
    return {key: label for key, label in also.items() if key != mention.key}
