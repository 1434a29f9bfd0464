"""Topics found by BERTopic on a sample, and spans assigned to them."""

from __future__ import annotations

import numpy as np
import pytest

from vocengine.errors import RegistryError
from vocengine.topics.assign import Topic, TopicIndex
from vocengine.topics.discover import discover


def index(*thresholds: float) -> TopicIndex:
    """One topic along each axis."""
    axes = np.eye(4, dtype=np.float32)
    return TopicIndex(
        3, tuple(Topic(i + 1, f"t{i + 1}", (), axes[i], threshold, 10) for i, threshold in enumerate(thresholds))
    )


def unit(*values: float) -> np.ndarray:  # type: ignore[type-arg]
    vector = np.array([values], dtype=np.float32)
    return vector / np.linalg.norm(vector)


def test_a_span_gets_the_nearest_topic_over_its_threshold() -> None:
    [topics] = index(0.5, 0.5).assign(unit(0.9, 0.1, 0, 0))
    assert [(t.topic_id, t.label) for t in topics] == [(1, "t1")]


def test_two_topics_that_are_close_are_both_given_nearest_first() -> None:
    [topics] = index(0.5, 0.5).assign(unit(0.70, 0.72, 0, 0))
    assert [t.topic_id for t in topics] == [2, 1]


def test_each_topic_has_its_own_threshold_and_what_fits_none_gets_none() -> None:
    assert index(0.99, 0.5).assign(unit(0.9, 0.3, 0, 0)) == [()]
    assert index(0.5).assign(unit(0, 0, 1, 0)) == [()]


def test_no_spans_and_no_topics_are_fine() -> None:
    assert index(0.5).assign(np.zeros((0, 4), dtype=np.float32)) == []
    assert TopicIndex(1, ()).assign(unit(1, 0, 0, 0)) == [()]


def test_too_few_spans_are_refused_with_how_many_are_needed() -> None:
    with pytest.raises(RegistryError, match="at least 60 are needed"):
        discover(["the kettle leaks badly"] * 10, np.ones((10, 4), dtype=np.float32))


def test_copies_of_few_texts_are_refused_with_how_many_different_ones_are_needed() -> None:
    with pytest.raises(RegistryError, match=r"200 spans are copies of 2 different texts.* at least 30 different ones"):
        discover(["the kettle leaks badly", "the courier came late"] * 100, np.ones((200, 4), dtype=np.float32))


def test_a_crowd_of_copies_is_a_part_of_one_topic_and_hides_no_other() -> None:
    draw = np.random.default_rng(0)
    words = ["kettle", "courier", "checkout"]
    texts = [f"the {words[i % 3]} again and again number {i}" for i in range(180)] + ["buy followers now at"] * 2_000
    rows = np.concatenate([np.eye(16)[np.arange(180) % 3] + draw.normal(0, 0.1, (180, 16)), [np.eye(16)[5]] * 2_000])
    embeddings = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    found = discover(texts, embeddings, min_topic_spans=15, seed=1)
    assert len(found.assigned) == len(texts) == found.spans
    for place in range(3):
        of_group = found.assigned[:180][np.arange(180) % 3 == place]
        assert (of_group == np.bincount(of_group).argmax()).mean() > 0.9
    assert len({int(found.assigned[i]) for i in range(3)}) == 3
    assert len(set(found.assigned[180:].tolist())) == 1


def test_groups_are_found_described_and_the_same_again() -> None:
    draw = np.random.default_rng(0)
    words = [["kettle", "leaks", "water"], ["courier", "late", "parcel"], ["checkout", "card", "declined"]]
    texts, rows = [], []
    for group, names in enumerate(words):
        centre = np.eye(16)[group]
        for i in range(60):
            texts.append(f"the {names[i % 3]} {names[(i + 1) % 3]} thing again {names[(i + 2) % 3]} number {i}")
            rows.append(centre + draw.normal(0, 0.1, 16))
    embeddings = np.array(rows, dtype=np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    first = discover(texts, embeddings, min_topic_spans=15, seed=1)
    again = discover(texts, embeddings, min_topic_spans=15, seed=1)
    assert len(first.topics) == 3 and first.outlier_share < 0.2
    assert {word for t in first.topics for word in t.keywords} >= {"kettle", "courier", "checkout"}
    assert [t.label for t in first.topics] == [t.label for t in again.topics]
    assert all(abs(np.linalg.norm(t.centroid) - 1) < 1e-5 for t in first.topics)
    assert all(t.examples for t in first.topics)
