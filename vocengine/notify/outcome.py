"""What became of an attempt to deliver, and how long to wait for the next."""

from __future__ import annotations

import random
from dataclasses import dataclass

FIRST_WAIT_S = 10.0
LONGEST_WAIT_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt; without `error` it was delivered.

    `again` says whether another attempt can help, `after_s` the shortest wait that the receiver asked for.
    """

    error: str | None = None
    again: bool = True
    after_s: float = 0.0


def backoff(attempts: int, outcome: Outcome, draw: random.Random) -> float:
    """Seconds until the next attempt after `attempts` (≥ 1) failed ones: exponential, with full jitter.

    Method: "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): uniform between 0 and the doubled wait.
    """
    most = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempts - 1, 30))
    return max(min(outcome.after_s, LONGEST_WAIT_S), draw.uniform(0.0, most))
