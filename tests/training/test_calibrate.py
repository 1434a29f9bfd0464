"""Thresholds and temperature fit what they are meant to fit."""

from __future__ import annotations

import numpy as np
import pytest

from vocengine.evaluation.metrics import calibration_error
from vocengine.training.calibrate import temperature, thresholds


def test_the_temperature_of_overconfident_logits_is_found() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 3))
    odds = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([rng.choice(3, p=row) for row in odds])
    assert temperature((2.5 * logits).astype(np.float32), labels) == pytest.approx(2.5, rel=0.05)


def test_the_temperature_of_logits_that_are_always_right_is_small_and_not_zero() -> None:
    labels = np.array([0, 1, 2, 1])
    assert temperature(np.eye(3, dtype=np.float32)[labels], labels) == pytest.approx(0.05, rel=0.01)


def test_a_common_label_has_its_own_threshold_and_a_rare_one_is_drawn_to_the_common() -> None:
    rng = np.random.default_rng(0)
    truth = np.zeros((4_000, 2), dtype=bool)
    truth[:2_000, 0] = True
    truth[0, 1] = True
    # The common label separates at 0.3; the rare one has a single example, at 0.9.
    probabilities = np.zeros((4_000, 2), dtype=np.float32)
    probabilities[:, 0] = np.where(truth[:, 0], rng.uniform(0.32, 0.6, 4_000), rng.uniform(0.0, 0.29, 4_000))
    probabilities[:, 1] = np.where(truth[:, 1], 0.9, rng.uniform(0.0, 0.2, 4_000))
    common, rare = thresholds(probabilities, truth)
    assert 0.28 <= common <= 0.33
    assert 0.2 <= rare <= 0.4


@pytest.mark.parametrize(("confidence", "right", "error"), [(0.8, 0.8, 0.0), (0.9, 0.6, 0.3)])
def test_calibration_error_is_the_gap_of_confidence_and_hits(confidence: float, right: float, error: float) -> None:
    probabilities = np.tile([confidence, 1 - confidence], (1_000, 1)).astype(np.float32)
    labels = np.where(np.arange(1_000) < 1_000 * right, 0, 1)
    assert calibration_error(probabilities, labels) == pytest.approx(error, abs=1e-6)
