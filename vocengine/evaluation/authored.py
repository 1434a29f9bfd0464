"""Intents and effort on the project's own examples (`models/intents`), and suggestions on a set of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.metrics import f1_score, precision_score, recall_score

from vocengine import corpora
from vocengine.corpora import INTENT_LABELS
from vocengine.encoder.interface import Encoder
from vocengine.evaluation.public import many


def measure(encoder: Encoder, split: str = "test") -> dict[str, float]:
    """F1 of each intent and of them all, and how near the effort comes, in percent and in steps of the scale."""
    examples = corpora.intents(split)
    read = encoder.encode([example.text for example in examples], [()] * len(examples))
    truth = many(examples, len(INTENT_LABELS))
    passed = read.intents >= np.asarray(encoder.info.intent_thresholds)
    figures = {
        f"intent_{name}_f1": 100 * f1_score(truth[:, i], passed[:, i], zero_division=0)
        for i, name in enumerate(INTENT_LABELS)
    }
    figures["intents_macro_f1"] = 100 * f1_score(truth, passed, average="macro", zero_division=0)

    wanted = np.array([example.labels[0] for example in corpora.effort(split)])
    speaks, heard = wanted > 0, ~np.isnan(read.effort)
    figures["effort_mentioned_f1"] = 100 * f1_score(speaks, heard, zero_division=0)
    both = speaks & heard
    off = np.abs(read.effort[both] - (wanted[both] - 3))
    figures["effort_mean_error"] = float(off.mean()) if both.any() else float("nan")
    figures["effort_within_1"] = 100 * float((off <= 1).mean()) if both.any() else float("nan")
    return {name: round(float(value), 2) for name, value in figures.items()}


def suggestions(encoder: Encoder, folder: Path) -> dict[str, float]:
    """Suggestions in a forum of developers, of which no text was trained on (SemEval-2019 task 9 A, Negi et al.).

    Published F1: the organisers' rules 26.8, the winner, an ensemble trained on 8,500 posts of the same forum, 78.1.
    """
    examples = corpora.suggestions(folder)
    read = encoder.encode([example.text for example in examples], [()] * len(examples))
    place = INTENT_LABELS.index("suggestion")
    passed = read.intents[:, place] >= encoder.info.intent_thresholds[place]
    truth = np.array([example.labels[0] for example in examples]) == 1
    return {
        "suggestions_zero_shot_f1": round(100 * float(f1_score(truth, passed)), 2),
        "suggestions_zero_shot_precision": round(100 * float(precision_score(truth, passed, zero_division=0)), 2),
        "suggestions_zero_shot_recall": round(100 * float(recall_score(truth, passed)), 2),
    }
