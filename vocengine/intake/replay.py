"""Replay: events at the pace at which they happened, or a multiple of it. Event times stay as they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from vocengine.contracts import Feedback
from vocengine.errors import InputError


def replay(
    events: Iterable[Feedback], *, speed: float | None, clock: Callable[[], float] = time.monotonic
) -> Iterator[tuple[float, Feedback]]:
    """Each event with the seconds to wait before it is due.

    `events` come in event-time order; one that is earlier than the one before it is due at once. `speed` is
    event seconds per second (3600: an hour a second); None is as fast as possible. `clock` tells seconds.
    Delays are reckoned from the start, so that slow receivers do not add up to drift: who is late catches up.
    Raises InputError where `speed` is not above 0.
    """
    check_speed(speed)
    return _replay(events, speed, clock)


def check_speed(speed: float | None) -> None:
    """Raise InputError unless a speed can be replayed at."""
    if speed is not None and not 0 < speed < float("inf"):
        raise InputError(f"speed is {speed!r}: it must be above 0 (event seconds per second), or left out")


def _replay(
    events: Iterable[Feedback], speed: float | None, clock: Callable[[], float]
) -> Iterator[tuple[float, Feedback]]:
    first: float | None = None
    started_s = 0.0
    for event in events:
        if speed is None:
            yield 0.0, event
            continue
        at_s = event.occurred_at.timestamp()
        if first is None:
            first, started_s = at_s, clock()
        due_s = started_s + (at_s - first) / speed
        yield max(0.0, due_s - clock()), event
