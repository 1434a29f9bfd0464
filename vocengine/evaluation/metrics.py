"""Measures of classification that scikit-learn has not."""

from __future__ import annotations

import numpy as np

from vocengine.encoder.interface import Floats, Integers


def calibration_error(probabilities: Floats, labels: Integers, *, bins: int = 15) -> float:
    """Expected calibration error of (n, c) probabilities in equal bins of confidence (Guo et al. 2017)."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[number == b].mean() - right[number == b].mean()) * (number == b).mean()
        for b in range(bins)
        if (number == b).any()
    ]
    return float(sum(gaps))
