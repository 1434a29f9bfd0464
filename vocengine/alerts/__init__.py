"""Sequential detection of falls with a budget of false alarms, and what an alert says."""

from vocengine.alerts.budget import Meter
from vocengine.alerts.detector import DetectorPolicy, KeyState
from vocengine.alerts.rules import Rule, Rules, SameForAll
from vocengine.alerts.traffic import Traffic, follow, has_traffic, with_drivers
from vocengine.alerts.watch import Budget, watch

__all__ = [
    "Budget",
    "DetectorPolicy",
    "KeyState",
    "Meter",
    "Rule",
    "Rules",
    "SameForAll",
    "Traffic",
    "follow",
    "has_traffic",
    "watch",
    "with_drivers",
]
