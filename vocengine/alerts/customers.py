"""What is known of one customer, and how probable it is that their level fell: few messages, read with what all
customers have in common.

A customer's level is a draw from a Beta distribution that is learned from all customers; at any message it may change
once, with a small prior probability, to a fresh draw. The posterior over when it changed, if at all, and over the
levels before and after, is computed when an alert is raised. Scores are read as fractions of a complaint (a
quasi-likelihood, weighed by how much less they scatter than complaints counted as 0 or 1 would).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from vocengine.alerts.population import FURIOUS, Population

# That a customer changes at a given message.
HAZARD = 0.02
_GRID = 80
FURIOUS_BETS = (0.5, 0.95)
_NOTHING = (0.0,) * len(FURIOUS_BETS)
# Mentions that the share of furious ones among all customers weighs for a customer with few of their own.
_FURIOUS_PRIOR = 4.0
_RECENT = 16
_LARGEST = 1e4


@dataclass(slots=True)
class Person:
    """A customer's messages: how many, the sum of their negativity, how many were furious; the newest, oldest first.

    `furious_grown` is what the stakes on furious messages have grown to.
    """

    n: int = 0
    total: float = 0.0
    furious_n: int = 0
    furious_grown: tuple[float, ...] = _NOTHING
    recent: array[float] = field(default_factory=lambda: array("f"))

    def remember(self, x: float) -> None:
        """Take in a message of negativity `x`."""
        self.n += 1
        self.total += x
        self.furious_n += x >= FURIOUS
        self.recent.append(x)
        if len(self.recent) > _RECENT:
            del self.recent[0]

    def bet_on_fury(self, x: float, stake: float, population: Population) -> float:
        """What the stakes have grown to with a message of negativity `x`, before it is remembered.

        One furious message of somebody who never was furious is rarer than its distance from the mean tells.
        """
        p = (_FURIOUS_PRIOR * population.furious_share + self.furious_n) / (_FURIOUS_PRIOR + self.n)
        gain = ((x >= FURIOUS) - p) / p
        each = stake / len(FURIOUS_BETS)
        self.furious_grown = tuple(
            min(_LARGEST, (e + each) * (1.0 + bet * gain))
            for e, bet in zip(self.furious_grown, FURIOUS_BETS, strict=True)
        )
        return sum(self.furious_grown)

    def begin_again(self) -> None:
        """Nothing is staked any more."""
        self.furious_grown = _NOTHING

    def probability_of_fall(self, x: float, population: Population, min_effect: float) -> float:
        """That with a message of negativity `x`, not remembered yet, the level is `min_effect` or more worse."""
        earlier_n, earlier_sum = self.n - len(self.recent), self.total - sum(self.recent)
        return probability_of_fall([*self.recent, x], earlier_n, earlier_sum, population, min_effect)


def probability_of_fall(
    recent: Sequence[float], earlier_n: float, earlier_sum: float, population: Population, min_effect: float
) -> float:
    """Posterior probability that the level rose by `min_effect` or more in negativity at one of the `recent` messages.

    `recent` are the newest negativities, oldest first; before them came `earlier_n` that add up to `earlier_sum`.
    """
    mean = min(0.95, max(0.05, population.mean))
    worth = 1.0 / max(0.2, population.dispersion)
    size = max(0.5, mean * (1.0 - mean) / population.level_variance - 1.0)
    a, b = size * mean, size * (1.0 - mean)
    n = len(recent)
    logs, chances = [], []
    for changed in range(n + 1):
        before, after = recent[: n - changed], recent[n - changed :]
        a0, b0 = _posterior(a, b, worth * (earlier_sum + sum(before)), worth * (earlier_n + len(before)))
        a1, b1 = _posterior(a, b, worth * sum(after), worth * len(after))
        prior = n * math.log1p(-HAZARD) + (math.log(HAZARD / (1.0 - HAZARD)) if changed else 0.0)
        logs.append(prior + _log_beta(a0, b0) + (_log_beta(a1, b1) - _log_beta(a, b) if changed else 0.0))
        chances.append(_higher_by(min_effect, (a0, b0), (a1, b1)) if changed else 0.0)
    most = max(logs)
    weights = [math.exp(log - most) for log in logs]
    return sum(w * chance for w, chance in zip(weights, chances, strict=True)) / sum(weights)


def _posterior(a: float, b: float, complaints: float, n: float) -> tuple[float, float]:
    return a + complaints, b + n - complaints


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _higher_by(effect: float, before: tuple[float, float], after: tuple[float, float]) -> float:
    """Probability that a draw of Beta `after` exceeds one of Beta `before` by `effect` or more, on a grid."""
    levels = [(i + 0.5) / _GRID for i in range(_GRID)]
    old, new = _masses(levels, *before), _masses(levels, *after)
    total, above, i = 0.0, 1.0, 0
    for level, mass in zip(levels, old, strict=True):
        while i < _GRID and levels[i] < level + effect:
            above -= new[i]
            i += 1
        total += mass * max(0.0, above)
    return total


def _masses(levels: Sequence[float], a: float, b: float) -> list[float]:
    logs = [(a - 1.0) * math.log(level) + (b - 1.0) * math.log1p(-level) for level in levels]
    most = max(logs)
    masses = [math.exp(log - most) for log in logs]
    whole = sum(masses)
    return [mass / whole for mass in masses]
