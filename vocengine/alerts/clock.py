"""The event time of one partition: it never runs back, and no single odd date moves it far ahead."""

from __future__ import annotations

from dataclasses import dataclass

DAY_S = 86_400.0
# Clocks of machines differ, and a source may give dates without a zone.
FUTURE_TOLERANCE_S = DAY_S
# A step further than this needs so many mentions of different events before it is believed.
LONG_STEP_S = 30 * DAY_S
_WITNESSES = 3


@dataclass(slots=True)
class Clock:
    """`at_s` is the newest believed event time, in seconds since 1970; None before the first."""

    at_s: float | None = None
    ahead_n: int = 0
    ahead_event: str = ""
    refused: int = 0

    def take(self, event_s: float, event_id: str, *, now_s: float) -> bool:
        """Whether a mention of that time may be looked at; moves the clock where its time is believed.

        Refused are times after the wall clock `now_s` (an event from next year) and, until enough events say so, times
        further ahead of the clock than any usual silence: one mistyped date would make all that follows look late.
        """
        if event_s > now_s + FUTURE_TOLERANCE_S:
            self.refused += 1
            return False
        if self.at_s is None or event_s <= self.at_s:
            self.at_s = event_s if self.at_s is None else self.at_s
            return True
        if event_s > self.at_s + LONG_STEP_S:
            if event_id != self.ahead_event:
                self.ahead_n += 1
                self.ahead_event = event_id
            if self.ahead_n < _WITNESSES:
                self.refused += 1
                return False
        self.at_s, self.ahead_n, self.ahead_event = event_s, 0, ""
        return True
