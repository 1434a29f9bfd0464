"""Sentiment against a user's own labels: a CSV file with a text and a label in each row."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix, f1_score, recall_score

from vocengine.encoder.interface import SENTIMENT_LABELS, Integers
from vocengine.errors import SourceError
from vocengine.evaluation.metrics import calibration_error
from vocengine.evaluation.readers import Reader

_SYNONYMS = {
    "negative": 0, "neg": 0, "-1": 0,
    "neutral": 1, "neu": 1, "0": 1,
    "positive": 2, "pos": 2, "1": 2,
}  # fmt: skip


def read_labelled(path: Path, *, text: str, label: str) -> tuple[list[str], Integers]:
    """Texts and label numbers of a CSV file, by its column names.

    Raises SourceError for a file, column or label that cannot be used, with what would be right.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            columns = list(rows.fieldnames or ())
            if not columns:
                raise SourceError(f"{path} is empty: a header and rows with a text and a label are needed")
            for wanted in (text, label):
                if wanted not in columns:
                    known = ", ".join(columns)
                    raise SourceError(f"{path} has no column {wanted!r}; it has {known}: name --text and --label")
            pairs = [(row[text] or "", (row[label] or "").strip()) for row in rows]
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8 at byte {error.start}: save it as UTF-8") from None
    if not pairs:
        raise SourceError(f"{path} has a header and no rows: there is nothing to measure")
    unknown = Counter(said for _, said in pairs if said.lower() not in _SYNONYMS)
    if unknown:
        value, count = unknown.most_common(1)[0]
        raise SourceError(
            f"{path} has {unknown.total()} rows with other labels than negative, neutral, positive (or -1, 0, 1), "
            f"most often {value!r} ({count}): map or remove them"
        )
    return [said for said, _ in pairs], np.array([_SYNONYMS[label.lower()] for _, label in pairs], dtype=np.int64)


def measure(reader: Reader, texts: Sequence[str], labels: Integers) -> dict[str, object]:
    """Accuracy, macro F1, macro recall, calibration, and the confusion of true (rows) and read labels."""
    probabilities = reader.sentiment(texts)
    guessed = probabilities.argmax(1)
    present = sorted(set(labels.tolist()))
    return {
        "rows": len(texts),
        "accuracy": round(100 * float((guessed == labels).mean()), 2),
        "macro_f1": round(100 * float(f1_score(labels, guessed, labels=present, average="macro", zero_division=0)), 2),
        "macro_recall": round(
            100 * float(recall_score(labels, guessed, labels=present, average="macro", zero_division=0)), 2
        ),
        "calibration_error": round(calibration_error(probabilities, labels), 4),
        "labels": list(SENTIMENT_LABELS),
        "confusion": confusion_matrix(labels, guessed, labels=[0, 1, 2]).tolist(),
    }
