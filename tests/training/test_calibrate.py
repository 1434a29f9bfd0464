"""Thresholds and temperature fit what they are meant to fit."""

from __future__ import annotations

import numpy as np
import pytest

from vocengine.evaluation.metrics import calibration_error
from vocengine.training.calibrate import prior_bias, temperature, thresholds


def test_the_temperature_of_overconfident_logits_is_found() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 3))
    odds = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([rng.choice(3, p=row) for row in odds])
    assert temperature((2.5 * logits).astype(np.float32), labels) == pytest.approx(2.5, rel=0.05)


def test_the_temperature_of_logits_that_are_always_right_is_small_and_not_zero() -> None:
    labels = np.array([0, 1, 2, 1])
    assert temperature(np.eye(3, dtype=np.float32)[labels], labels) == pytest.approx(0.05, rel=0.01)


def test_a_common_label_has_the_threshold_that_its_examples_show() -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(4_000)[:, None] < 2_000
    apart = np.where(truth, rng.uniform(0.32, 0.6, (4_000, 1)), rng.uniform(0.0, 0.29, (4_000, 1)))
    (found,) = thresholds(apart.astype(np.float32), truth)
    assert 0.28 <= found <= 0.33


def test_a_rare_label_has_the_threshold_that_its_probabilities_expect_whatever_its_few_examples_say() -> None:
    rng = np.random.default_rng(0)
    honest = rng.beta(0.05, 5.0, size=20_000).astype(np.float32)
    held = rng.random(20_000) < honest
    (many,) = thresholds(np.repeat(honest, 20)[:, None], np.repeat(held, 20)[:, None])
    few = np.zeros(20_000, dtype=bool)
    few[np.flatnonzero(held)[:2]] = True
    (rare,) = thresholds(honest[:, None], few[:, None])
    assert rare == pytest.approx(many, abs=0.06)


def test_classes_are_taken_as_frequent_as_in_training_equally_or_between() -> None:
    labels = np.array([0] * 10 + [1] * 40 + [2] * 50)
    odds = np.log([0.1, 0.4, 0.5])
    assert prior_bias(labels, 0.0) == pytest.approx((0.0, 0.0, 0.0))
    even = odds + prior_bias(labels, 1.0)
    assert even == pytest.approx([even[0]] * 3, abs=1e-3)
    assert np.diff(odds + prior_bias(labels, 0.5)) == pytest.approx(np.diff(odds) / 2, abs=1e-3)


def test_examples_of_a_class_can_count_as_often_as_customers_have_it() -> None:
    logits = np.array([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]] * 50, dtype=np.float32)
    labels = np.array([0, 2] * 50)  # the first class is always right, the second never
    sure = temperature(logits, labels, weights=np.array([10.0, 1.0, 1.0], dtype=np.float32))
    assert sure < temperature(logits, labels)


@pytest.mark.parametrize(("confidence", "right", "error"), [(0.8, 0.8, 0.0), (0.9, 0.6, 0.3)])
def test_calibration_error_is_the_gap_of_confidence_and_hits(confidence: float, right: float, error: float) -> None:
    probabilities = np.tile([confidence, 1 - confidence], (1_000, 1)).astype(np.float32)
    labels = np.where(np.arange(1_000) < 1_000 * right, 0, 1)
    assert calibration_error(probabilities, labels) == pytest.approx(error, abs=1e-6)
