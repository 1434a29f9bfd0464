"""Spans → topics: the nearest centroids over each topic's own threshold, one matrix product a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from vocengine.contracts import Origin, SpanTopic

# A second topic counts where it is nearly as near as the first.
CLOSE = 0.05
MOST_TOPICS = 3


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of the registry. `centroid` (d,) is of unit length; a span belongs where its cosine ≥ `threshold`."""

    topic_id: int
    label: str
    keywords: tuple[str, ...]
    centroid: npt.NDArray[np.float32]
    threshold: float
    size: int
    examples: tuple[str, ...] = ()
    origin: Origin = "discovered"


class TopicIndex:
    """The topics of one registry version, ready to assign spans to."""

    def __init__(self, version: int, topics: tuple[Topic, ...]) -> None:
        self.version = version
        self.topics = topics
        self._centroids = np.stack([t.centroid for t in topics]) if topics else np.zeros((0, 0), dtype=np.float32)
        self._thresholds = np.array([t.threshold for t in topics], dtype=np.float32)
        # Each kind has a nearest of its own, so that a company's categories push no discovered topic out.
        places = {kind: [i for i, t in enumerate(topics) if t.origin == kind] for kind in get_args(Origin)}
        self._kinds = [np.array(columns) for columns in places.values() if columns]

    def nearest(self, embeddings: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """(n,) places in `topics` of the topic nearest to each row of (n, d), -1 where none is near enough."""
        if not self.topics or not len(embeddings):
            return np.full(len(embeddings), -1, dtype=np.int64)
        similarity = embeddings @ self._centroids.T
        eligible = np.where(similarity >= self._thresholds, similarity, -np.inf)
        best = eligible.argmax(axis=1)
        found: npt.NDArray[np.int64] = np.where(np.isfinite(eligible[np.arange(len(best)), best]), best, -1)
        return found

    def assign(self, embeddings: npt.NDArray[np.float32]) -> list[tuple[SpanTopic, ...]]:
        """Topics of each row of `embeddings` (n, d), those discovered before the taxonomy's, each nearest first.

        Empty where none is near enough.
        """
        if not self.topics or not len(embeddings):
            return [()] * len(embeddings)
        similarity = embeddings @ self._centroids.T
        eligible = np.where(similarity >= self._thresholds, similarity, -np.inf)
        chosen = np.isfinite(eligible)
        for columns in self._kinds:
            best = eligible[:, columns].max(axis=1, keepdims=True)
            chosen[:, columns] &= eligible[:, columns] >= best - CLOSE
        found: list[tuple[SpanTopic, ...]] = []
        for row, near in zip(chosen, similarity, strict=True):
            named = [self._named(own, near) for columns in self._kinds if (own := columns[row[columns]]).size]
            found.append(tuple(topic for kind in named for topic in kind))
        return found

    def _named(self, columns: npt.NDArray[Any], similarity: npt.NDArray[np.float32]) -> tuple[SpanTopic, ...]:
        ordered = sorted(columns.tolist(), key=lambda c: -similarity[c])
        # Topics that people merged are several places of one topic: its nearest one counts.
        first = {self.topics[c].topic_id: c for c in reversed(ordered)}
        return tuple(
            SpanTopic(topic_id, self.topics[c].label, round(float(similarity[c]), 3), self.topics[c].origin)
            for topic_id, c in sorted(first.items(), key=lambda item: -similarity[item[1]])[:MOST_TOPICS]
        )
