"""A budget of false alarms in the words that people use: `1 false alert per week`."""

from __future__ import annotations

import re

from vocengine.alerts.budget import Budget

EXAMPLE = "1 false alert per week"
# A month and a year on average, leap years among them.
_DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "quarter": 365.25 / 4, "year": 365.25}
_WORDS = re.compile(
    r"(?P<n>\d+(?:\.\d+)?) (?:false )?(?:alerts?|alarms?) (?:per|an?|each|every|in)(?: (?P<of>\d+(?:\.\d+)?))? "
    r"(?P<unit>day|week|month|quarter|year)s?"
)


def budget_of(words: str) -> Budget:
    """The budget that the words say. Raises ValueError with what would be right, where it is none or impossible."""
    found = _WORDS.fullmatch(" ".join(words.lower().split()))
    if found is None:
        raise ValueError(f"write it such as {EXAMPLE}, with day, week, month, quarter or year")
    at_most, days = float(found["n"]), float(found["of"] or 1) * _DAYS[found["unit"]]
    if at_most == 0:
        raise ValueError(f"a test that is never wrong never reports anything; write more than 0, such as {EXAMPLE}")
    if days == 0:
        raise ValueError(f"a time of 0 is none; write such as {EXAMPLE}")
    return Budget(at_most, days)
