"""A refit against the registry: what of the topics in force is kept, and what is born, split off, merged or retired.

Topics of two fits never agree span for span, so a refit does not replace the registry: it is evidence about it. A topic
in force stays where its centroid is, moved a little toward the group that matches it best (one to one, by shared
spans, centroids and words; Hungarian method, Kuhn 1955). A group that matches none becomes a topic only where its spans
were in none before, or where it is clearly a part of its own. So ids keep their meaning, and most spans their id.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from vocengine.topics.assign import Topic, TopicIndex
from vocengine.topics.discover import Discovered, Discovery

Kind = Literal["kept", "born", "split", "merged", "retired"]

# What speaks for two groups being one topic: the spans that they share, how near they lie, the words they share.
_SHARED, _NEAR, _WORDS = 0.5, 0.35, 0.15
_MATCHES_FROM = 0.3
# A matched topic moves this far toward its group; ids would change their meaning where it jumped.
_STEP = 0.05
# A new group is born where this share of its spans was in no topic.
_BORN_FROM = 0.5
# It is split off a topic where most of its spans were in that one, it is a good part of it, and it lies apart.
_SPLIT_SHARE, _SPLIT_PART, _SPLIT_APART = 0.6, 0.25, 0.8
# A topic is merged into another where most of its spans are in the other's group, and they lie nearer than two groups
# of one fit may: an end takes more evidence than a beginning, or topics would come and go at every refit.
_MERGE_SHARE, _MERGE_TOGETHER = 0.6, 0.92


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one topic, and why.

    `topic_id` is null for one that has none yet; `other` is the topic that it is split off or merged into; `evidence`
    are shares 0..1, cosines and counts of spans.
    """

    kind: Kind
    topic_id: int | None
    label: str
    other: int | None = None
    evidence: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """The registry as it would be: its topics (id 0: to be given one) and the change that each of them is, in step.

    `categories` are those of the taxonomy where another encoder sees them; empty while it is the same.
    """

    topics: tuple[Topic, ...]
    changes: tuple[Change, ...]
    ended: tuple[Change, ...] = ()
    categories: tuple[Topic, ...] = ()

    def counts(self) -> dict[Kind, int]:
        """How many topics each kind of change befalls."""
        kinds = [change.kind for change in (*self.changes, *self.ended)]
        return {kind: kinds.count(kind) for kind in get_args(Kind)}


def plan(current: TopicIndex | None, found: Discovery, *, min_topic_spans: int, pinned: Collection[int] = ()) -> Plan:
    """Match a discovery to the topics in force. Topics in `pinned` are kept whatever the sample holds, where they are.

    Costs a matrix product over the sample and an assignment of topics to groups.
    """
    if current is None or not current.topics:
        first = tuple(_topic(0, group) for group in found.topics)
        return Plan(first, tuple(_born(group, found.spans) for group in found.topics))
    known = current.topics
    old_of = current.nearest(found.embeddings)
    shared = np.zeros((len(known), len(found.topics)), dtype=np.int64)
    both = (old_of >= 0) & (found.assigned >= 0)
    np.add.at(shared, (old_of[both], found.assigned[both]), 1)
    had = np.bincount(old_of[old_of >= 0], minlength=len(known))
    has = np.bincount(found.assigned[found.assigned >= 0], minlength=len(found.topics))
    cosine = _cosines(known, found.topics)
    match = _matched(known, found.topics, shared, had, has, cosine)

    topics: list[Topic] = []
    changes: list[Change] = []
    ended: list[Change] = []
    group_of = {row: column for row, column, _ in match}
    score_of = {row: score for row, _, score in match}
    for row, topic in enumerate(known):
        spans = int(had[row])
        if row in group_of:
            group, near = found.topics[group_of[row]], float(cosine[row, group_of[row]])
            kept = topic if topic.topic_id in pinned else _moved(topic, group)
            topics.append(kept)
            evidence = {"match": score_of[row], "shared": float(shared[row, group_of[row]]), "cosine": near}
            changes.append(Change("kept", topic.topic_id, topic.label, evidence=_rounded(evidence)))
            continue
        into = _merges_into(row, match, shared, had, known)
        if into is not None and topic.topic_id not in pinned:
            evidence = {"spans": float(spans), "cosine": float(topic.centroid @ into.centroid)}
            ended.append(Change("merged", topic.topic_id, topic.label, into.topic_id, _rounded(evidence)))
        elif spans < max(2, min_topic_spans // 3) and topic.topic_id not in pinned:
            ended.append(Change("retired", topic.topic_id, topic.label, evidence={"spans": float(spans)}))
        else:
            topics.append(topic)
            changes.append(Change("kept", topic.topic_id, topic.label, evidence={"spans": float(spans)}))

    taken = {column for _, column, _ in match}
    for column, group in enumerate(found.topics):
        if column in taken:
            continue
        free = 1 - float(shared[:, column].sum()) / max(1, int(has[column]))
        parent = int(shared[:, column].argmax())
        part = float(shared[parent, column]) / max(1, int(has[column]))
        evidence = {"spans": float(has[column]), "in_none_before": free, "cosine": float(cosine[parent, column])}
        if free >= _BORN_FROM:
            topics.append(_topic(0, group))
            changes.append(Change("born", None, group.label, evidence=_rounded(evidence)))
        elif (
            part >= _SPLIT_SHARE
            and shared[parent, column] >= max(2 * min_topic_spans, _SPLIT_PART * had[parent])
            and cosine[parent, column] < _SPLIT_APART
        ):
            evidence |= {"of_parent": float(shared[parent, column] / had[parent])}
            topics.append(_topic(0, group))
            changes.append(Change("split", None, group.label, known[parent].topic_id, _rounded(evidence)))
    return Plan(tuple(topics), tuple(changes), tuple(ended))


def _matched(
    known: Sequence[Topic],
    found: Sequence[Discovered],
    shared: npt.NDArray[np.int64],
    had: npt.NDArray[np.int64],
    has: npt.NDArray[np.int64],
    cosine: npt.NDArray[np.float32],
) -> list[tuple[int, int, float]]:
    """Pairs (topic, group, score), one to one, of those that score enough."""
    if not found:
        return []
    union = had[:, None] + has[None, :] - shared
    overlap = shared / np.maximum(union, 1)
    words = np.array([[_common(topic.keywords, group.keywords) for group in found] for topic in known])
    score = _SHARED * overlap + _NEAR * np.clip((cosine - 0.5) / 0.5, 0, 1) + _WORDS * words
    # 40 MB that only a refit needs; every member of the stream imports this module.
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(-score)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column, float(score[row, column])) for row, column in pairs if score[row, column] >= _MATCHES_FROM]


def _merges_into(
    row: int,
    match: Sequence[tuple[int, int, float]],
    shared: npt.NDArray[np.int64],
    had: npt.NDArray[np.int64],
    known: Sequence[Topic],
) -> Topic | None:
    for other, column, _ in match:
        together = float(known[row].centroid @ known[other].centroid)
        if had[row] and shared[row, column] >= _MERGE_SHARE * had[row] and together >= _MERGE_TOGETHER:
            return known[other]
    return None


def _moved(topic: Topic, group: Discovered) -> Topic:
    """The topic after a refit: nearer to its group, with the group's words; its label stays."""
    centroid = (1 - _STEP) * topic.centroid + _STEP * group.centroid
    return replace(
        topic,
        centroid=(centroid / np.linalg.norm(centroid)).astype(np.float32),
        threshold=round((1 - _STEP) * topic.threshold + _STEP * group.threshold, 4),
        keywords=group.keywords or topic.keywords,
        size=group.size,
        examples=group.examples,
    )


def _topic(topic_id: int, group: Discovered) -> Topic:
    return Topic(topic_id, group.label, group.keywords, group.centroid, group.threshold, group.size, group.examples)


def _born(group: Discovered, spans: int) -> Change:
    return Change(
        "born", None, group.label, evidence=_rounded({"spans": float(group.size), "share": group.size / spans})
    )


def _cosines(known: Sequence[Topic], found: Sequence[Discovered]) -> npt.NDArray[np.float32]:
    if not found:
        return np.zeros((len(known), 0), dtype=np.float32)
    cosines: npt.NDArray[np.float32] = np.stack([t.centroid for t in known]) @ np.stack([g.centroid for g in found]).T
    return cosines


def _common(left: Sequence[str], right: Sequence[str]) -> float:
    fewest = min(len(left), len(right))
    return len(set(left) & set(right)) / fewest if fewest else 0.0


def _rounded(evidence: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in evidence.items()}
