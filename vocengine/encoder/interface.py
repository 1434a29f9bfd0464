"""What an encoder promises: texts and spans in, arrays out, in order and one for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

SENTIMENT_LABELS = ("negative", "neutral", "positive")


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """Which model it is, and what the columns of its arrays mean."""

    name: str
    version: str
    digest: str
    languages: tuple[str, ...]
    sentiment_labels: tuple[str, ...]
    emotion_labels: tuple[str, ...]
    emotion_thresholds: tuple[float, ...]
    dimensions: int
    backend: str
    # Empty for a model that reads no intents.
    intent_labels: tuple[str, ...] = ()
    intent_thresholds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Encodings:
    """What was read from n texts with m spans in all; the spans of text i are rows
    `span_index[i]:span_index[i + 1]` of the span arrays.

    `sentiment` (n, 3) and `span_sentiment` (m, 3) are calibrated probabilities of negative, neutral, positive;
    `emotions` (n, e) and `span_emotions` (m, e) are probabilities, several may hold at once; `embedding` (n, d)
    and `span_embedding` (m, d) have unit length. `span_read` (m,) is false where a span holds no token that was
    read (blanks, or a skipped part of a very long text): such a row repeats its text's. `windows_skipped` (n,)
    counts the windows of a very long text that were left unread. `intents` (n, i) are probabilities, several may hold
    at once; `effort` (n,) is −2 (hard) to 2 (easy), NaN where nothing is said of it. A model without these heads
    gives no columns and NaN.
    """

    sentiment: Floats
    emotions: Floats
    embedding: Floats
    span_index: Integers
    span_sentiment: Floats
    span_emotions: Floats
    span_embedding: Floats
    span_read: Booleans
    windows_skipped: Integers
    intents: Floats
    effort: Floats

    def __len__(self) -> int:
        return len(self.sentiment)


@runtime_checkable
class Encoder(Protocol):
    """Reads masked texts; anything with these two methods plugs in."""

    @property
    def info(self) -> EncoderInfo: ...

    def encode(self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> Encodings:
        """Read each of `texts` once, and each of its half-open character spans from the same pass."""
        ...

    def emotions_over_threshold(self, probabilities: Floats) -> tuple[tuple[str, float], ...]:
        """Name and probability of the emotions of one row that pass their thresholds, the surest first."""
        ...

    def intents_over_threshold(self, probabilities: Floats) -> tuple[tuple[str, float], ...]:
        """Name and probability of the intents of one row that pass their thresholds, the surest first."""
        ...


def emotions_over_threshold(probabilities: Floats, info: EncoderInfo) -> tuple[tuple[str, float], ...]:
    """Name and probability of each emotion of one row (e,) that passes its own threshold, the surest first."""
    return _over_threshold(probabilities, info.emotion_labels, info.emotion_thresholds)


def intents_over_threshold(probabilities: Floats, info: EncoderInfo) -> tuple[tuple[str, float], ...]:
    """Name and probability of each intent of one row (i,) that passes its own threshold, the surest first."""
    return _over_threshold(probabilities, info.intent_labels, info.intent_thresholds)


def emotion_names_over_threshold(probabilities: Floats, info: EncoderInfo) -> tuple[str, ...]:
    """Only the names of `emotions_over_threshold`."""
    return tuple(name for name, _ in emotions_over_threshold(probabilities, info))


def _over_threshold(
    probabilities: Floats, labels: Sequence[str], thresholds: Sequence[float]
) -> tuple[tuple[str, float], ...]:
    passed = np.flatnonzero(probabilities >= np.asarray(thresholds, dtype=np.float32))
    return tuple(sorted(((labels[i], float(probabilities[i])) for i in passed.tolist()), key=lambda row: -row[1]))
