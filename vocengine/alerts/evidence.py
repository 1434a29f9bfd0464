"""What is kept of a fall that may have begun: the newest negative mentions, and what to count since when.

A key that is spoken of often is always on the way to a fall that does not come, so its evidence is kept as the text it
will be stored as, and read only when a fall is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from vocengine.contracts import Mention

# How many negative mentions are kept.
_KEPT = 8


@dataclass(frozen=True, slots=True)
class Said:
    """One negative mention kept as evidence."""

    event_id: str
    occurred_at: datetime
    channel: str
    product: str | None
    score: float
    excerpt: str


def kept_with(kept: bytes, mention: Mention, at: float) -> bytes:
    """The mentions `kept`, a line each, and one more of the time `at`; the oldest goes where there are too many."""
    if kept.count(b"\n") >= _KEPT:
        kept = kept[kept.index(b"\n") + 1 :]
    said = (mention.event_id, at, mention.channel, mention.product, mention.score, mention.excerpt)
    return kept + orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)


def told(kept: bytes) -> tuple[Said, ...]:
    """The mentions in `kept`, oldest first."""
    found = []
    for line in kept.splitlines():
        event_id, at, channel, product, score, excerpt = orjson.loads(line)
        found.append(Said(event_id, datetime.fromtimestamp(at, UTC), channel, product, score, excerpt))
    return tuple(found)


@dataclass(slots=True)
class Stretch:
    """What was heard since the evidence last began to grow, at `since`: the fall, where there is one.

    `cusum` dates the beginning; `squares` is the sum of squares of the negativities that add up to `total`.
    """

    since: float
    cusum: float = 0.0
    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    negatives: bytes = b""

    def add(self, x: float) -> None:
        """Count a mention of that negativity."""
        self.n += 1
        self.total += x
        self.squares += x * x

    @property
    def mean(self) -> float:
        """Mean negativity."""
        return self.total / self.n
