"""Sequential detection of falls with a budget of false alarms, and what an alert says."""

from vocengine.alerts.budget import Budget
from vocengine.alerts.course import Amendment, amended, note_of
from vocengine.alerts.detector import DetectorPolicy, KeyState
from vocengine.alerts.meter import Meter
from vocengine.alerts.rules import Rule, Rules, SameForAll
from vocengine.alerts.traffic import Traffic, follow, has_traffic, with_drivers
from vocengine.alerts.watch import Found, watch, watched_as

__all__ = [
    "Amendment",
    "Budget",
    "DetectorPolicy",
    "Found",
    "KeyState",
    "Meter",
    "Rule",
    "Rules",
    "SameForAll",
    "Traffic",
    "amended",
    "follow",
    "has_traffic",
    "note_of",
    "watch",
    "watched_as",
    "with_drivers",
]
