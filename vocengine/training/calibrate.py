"""What is fitted after training: thresholds and temperatures on the val splits, and a shift to other frequencies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar

from vocengine.encoder.interface import Booleans, Floats, Integers

_TEMPERATURES = (0.05, 20.0)
# Few examples do not fix a threshold: what the probabilities themselves expect counts as much as this many.
_PRIOR_EXAMPLES = 100


def thresholds(probabilities: Floats, truth: Booleans) -> list[float]:
    """Threshold of each label, (n, e) → e numbers, for the greatest F1.

    The one best on these examples is mostly chance where a label is rare. So each is drawn, the more the fewer examples
    it has, to the one that is best if the probabilities are right (Lipton et al. 2014), which all texts together fix.
    """
    found = []
    for column in range(truth.shape[1]):
        given, held = probabilities[:, column].astype(np.float64), truth[:, column]
        examples = int(held.sum())
        own, expected = _best(given, held.astype(np.float64)), _best(given, given)
        found.append((examples * own + _PRIOR_EXAMPLES * expected) / (examples + _PRIOR_EXAMPLES))
    return [round(float(value), 3) for value in found]


def temperature(logits: Floats, labels: Integers, *, weights: Floats | None = None) -> float:
    """The divisor of (n, c) logits, 0.05 to 20, that makes their softmax most likely (Guo et al. 2017).

    `weights` (c,) say how much an example of each class counts, for other frequencies than those of the examples.
    Where every example is right the likelihood only grows toward a divisor of 0; the bounds keep the answer a number
    to divide by.
    """
    given, wanted = torch.from_numpy(logits).double(), torch.from_numpy(labels)
    weight = None if weights is None else torch.from_numpy(weights).double()

    def loss(log_t: float) -> float:
        return float(F.cross_entropy(given / np.exp(log_t), wanted, weight=weight))

    found = minimize_scalar(loss, bounds=np.log(_TEMPERATURES), method="bounded")
    return round(float(np.exp(found.x)), 4)


def prior_bias(labels: Integers, evenness: float) -> tuple[float, ...]:
    """What to add to logits trained on `labels` for customers among whom classes are spread more evenly.

    0 leaves the classes as frequent as in training, 1 makes them equally frequent (logit adjustment, Menon et al.
    2021); between the two, frequencies are those of training to the power 1 − `evenness`.
    """
    shares = np.bincount(labels) / len(labels)
    bias = -evenness * np.log(shares)
    return tuple(round(float(value), 4) for value in bias - bias.mean())


def _best(probabilities: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]) -> float:
    """The probability from which on labels are given for the greatest F1; `wanted` is 0 or 1, or how sure one is."""
    order = np.argsort(-probabilities)
    hits = np.cumsum(wanted[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + wanted.sum())
    at = int(np.argmax(f1))
    # Half way to the next, so that a text like the last one passes whatever a processor rounds.
    below = probabilities[order[at + 1]] if at + 1 < len(order) else 0.0
    return float(min(0.99, max(0.01, (probabilities[order[at]] + below) / 2)))
