"""Themes: topics that lie near each other, under one name, so that fifty topics read as fourteen.

A theme keeps its id over refits as a topic does: the groups of a new clustering are matched one to one with the themes
in force by the spans of the topics that they share (Hungarian method, Kuhn 1955).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vocengine.topics.assign import Topic

# About so many themes for t topics: 2 √t, as a reader takes in some ten names at once and as many below each.
_THEMES_PER_ROOT = 2.0
_LABEL_WORDS = 3


@dataclass(frozen=True, slots=True)
class Theme:
    """A theme with the topics in it; `theme_id` is null where it is a new one."""

    theme_id: int | None
    label: str
    topic_ids: tuple[int, ...]


def themes_of(topics: Sequence[Topic], before: dict[int, int]) -> list[Theme]:
    """Group topics into themes; `before` tells the theme that a topic is in now.

    Ward's linkage over centroids: by the average, one theme would swallow most. A single topic is a theme of its own.
    """
    if not topics:
        return []
    from scipy.optimize import linear_sum_assignment

    groups = _grouped(topics)
    kept = sorted(set(before.values()))
    shared = np.zeros((len(groups), len(kept)))
    for row, group in enumerate(groups):
        for topic in group:
            if topic.topic_id in before:
                shared[row, kept.index(before[topic.topic_id])] += max(topic.size, 1)
    rows, columns = linear_sum_assignment(-shared) if kept else ([], [])
    known = {int(r): kept[c] for r, c in zip(rows, columns, strict=True) if shared[r, c] > 0}
    return [
        Theme(known.get(row), _label(group), tuple(topic.topic_id for topic in group))
        for row, group in enumerate(groups)
    ]


def _grouped(topics: Sequence[Topic]) -> list[list[Topic]]:
    from sklearn.cluster import AgglomerativeClustering

    wanted = min(len(topics), max(1, round(_THEMES_PER_ROOT * math.sqrt(len(topics)))))
    if wanted == len(topics):
        return [[topic] for topic in topics]
    centroids = np.stack([topic.centroid for topic in topics])
    numbers = AgglomerativeClustering(wanted, linkage="ward").fit_predict(centroids)
    groups = [[t for t, n in zip(topics, numbers, strict=True) if n == number] for number in range(wanted)]
    return sorted(groups, key=lambda group: -sum(topic.size for topic in group))


def _label(group: Sequence[Topic]) -> str:
    """The words that most of its topics' spans share: "bag, luggage"; of a single topic its label."""
    if len(group) == 1:
        return group[0].label
    weight: dict[str, float] = {}
    for topic in group:
        for rank, word in enumerate(topic.keywords):
            # A bigram says no more of a whole theme than its words do.
            if " " not in word:
                weight[word] = weight.get(word, 0.0) + topic.size / (rank + 1)
    chosen: list[str] = []
    for word in sorted(weight, key=lambda word: (-weight[word], word)):
        if not any(word.startswith(other[:4]) for other in chosen):
            chosen.append(word)
        if len(chosen) == _LABEL_WORDS:
            break
    return ", ".join(chosen) or max(group, key=lambda topic: topic.size).label
