"""Which keys are watched, by which policy, and how much of the budget they deserve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vocengine.alerts.detector import DetectorPolicy


@dataclass(frozen=True, slots=True)
class Rule:
    """How one key is watched. A key of `importance` 2 gets twice the share of the budget that one of 1 gets."""

    policy: DetectorPolicy
    importance: float = 1.0


class Rules(Protocol):
    """Says of every key how it is watched."""

    def rule_of(self, key: str, kind: str) -> Rule | None:
        """The rule of a key such as `topic:12`, of the kind `topic`; None: it is not watched."""
        ...


class SameForAll:
    """Every key is watched by one policy."""

    def __init__(self, policy: DetectorPolicy) -> None:
        self._rule = Rule(policy)

    def rule_of(self, key: str, kind: str) -> Rule | None:
        """The one rule."""
        return self._rule
