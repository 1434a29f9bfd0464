"""What is fitted on the val splits after training: emotion thresholds and softmax temperatures."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar
from sklearn.metrics import f1_score

from vocengine.encoder.interface import Booleans, Floats, Integers

_THRESHOLDS = np.arange(0.10, 0.91, 0.02)
# Few examples do not fix a threshold: this many count as much as the common one.
_PRIOR_EXAMPLES = 30
_TEMPERATURES = (0.05, 20.0)


def thresholds(probabilities: Floats, truth: Booleans) -> list[float]:
    """Threshold of each label, (n, e) → e numbers between 0.1 and 0.9, by F1 on these examples.

    A rare label's best threshold is chance, so each is drawn to the one best for all labels together, the more
    the fewer examples it has.
    """
    common = _best(probabilities.ravel(), truth.ravel())
    found = []
    for column in range(truth.shape[1]):
        examples = int(truth[:, column].sum())
        own = _best(probabilities[:, column], truth[:, column])
        found.append((examples * own + _PRIOR_EXAMPLES * common) / (examples + _PRIOR_EXAMPLES))
    return [round(float(value), 3) for value in found]


def temperature(logits: Floats, labels: Integers) -> float:
    """The divisor of (n, c) logits, 0.05 to 20, that makes their softmax most likely (Guo et al. 2017).

    Where every example is right the likelihood only grows toward a divisor of 0; the bounds keep the answer a number
    to divide by.
    """
    given, wanted = torch.from_numpy(logits).double(), torch.from_numpy(labels)

    def loss(log_t: float) -> float:
        return float(F.cross_entropy(given / np.exp(log_t), wanted))

    found = minimize_scalar(loss, bounds=np.log(_TEMPERATURES), method="bounded")
    return round(float(np.exp(found.x)), 4)


def _best(probabilities: Floats, truth: Booleans) -> float:
    scores = [f1_score(truth, probabilities >= t, zero_division=0) for t in _THRESHOLDS]
    return float(_THRESHOLDS[int(np.argmax(scores))])
