"""A refit keeps ids: what is matched, born, split off, merged and retired, on groups whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from vocengine.topics.assign import Topic, TopicIndex
from vocengine.topics.discover import TOGETHER, Discovered, Discovery
from vocengine.topics.lineage import plan

DIMENSIONS = 12


def unit(vector: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return (vector / np.linalg.norm(vector, axis=-1, keepdims=True)).astype(np.float32)


def along(*axes: int) -> np.ndarray:  # type: ignore[type-arg]
    vector = np.zeros(DIMENSIONS)
    vector[list(axes)] = 1
    return unit(vector)


def topic(topic_id: int, centroid: np.ndarray, threshold: float = 0.5) -> Topic:  # type: ignore[type-arg]
    return Topic(topic_id, f"topic {topic_id}", (f"word{topic_id}",), centroid, threshold, 50)


def discovery(groups: dict[str, tuple[np.ndarray, int]], seed: int = 0) -> Discovery:  # type: ignore[type-arg]
    """Groups by their name: a direction and a number of spans around it."""
    draw = np.random.default_rng(seed)
    rows, assigned, found = [], [], []
    for place, (name, (centre, count)) in enumerate(groups.items()):
        spans = unit(centre + draw.normal(0, 0.08, (count, DIMENSIONS)))
        rows.append(spans)
        assigned += [place] * count
        found.append(Discovered(name, (name,), unit(spans.mean(0)), 0.5, count, ()))
    return Discovery(tuple(found), len(assigned), 0.0, np.array(assigned), np.concatenate(rows))


def changes(planned: object) -> set[tuple[str, int | None, int | None]]:
    return {(c.kind, c.topic_id, c.other) for c in (*planned.changes, *planned.ended)}  # type: ignore[attr-defined]


def test_the_first_fit_is_all_births() -> None:
    planned = plan(None, discovery({"a": (along(0), 40), "b": (along(1), 30)}), min_topic_spans=10)
    assert [(c.kind, c.label) for c in planned.changes] == [("born", "a"), ("born", "b")]
    assert [t.topic_id for t in planned.topics] == [0, 0]


def test_the_same_groups_keep_their_ids_and_labels_in_whatever_order_they_come() -> None:
    index = TopicIndex(1, (topic(7, along(0)), topic(9, along(1))))
    planned = plan(index, discovery({"b": (along(1), 60), "a": (along(0), 40)}), min_topic_spans=10)
    assert [(t.topic_id, t.label) for t in planned.topics] == [(7, "topic 7"), (9, "topic 9")]
    assert changes(planned) == {("kept", 7, None), ("kept", 9, None)}


def test_a_matched_topic_moves_a_little_toward_its_group_and_a_pinned_one_does_not() -> None:
    drifted = unit(along(0) + 0.6 * along(1))
    index = TopicIndex(1, (topic(7, along(0)),))
    [moved] = plan(index, discovery({"a": (drifted, 60)}), min_topic_spans=10).topics
    assert along(0) @ drifted < moved.centroid @ drifted < 1
    assert moved.centroid @ along(0) > 0.98
    [pinned] = plan(index, discovery({"a": (drifted, 60)}), min_topic_spans=10, pinned={7}).topics
    assert np.array_equal(pinned.centroid, along(0))


def test_what_was_in_no_topic_is_born_and_what_nobody_speaks_of_any_more_is_retired_unless_pinned() -> None:
    index = TopicIndex(1, (topic(7, along(0)), topic(9, along(1))))
    found = discovery({"a": (along(0), 40), "new": (along(5), 30)})
    assert changes(plan(index, found, min_topic_spans=10)) == {
        ("kept", 7, None), ("retired", 9, None), ("born", None, None),
    }  # fmt: skip
    assert ("kept", 9, None) in changes(plan(index, found, min_topic_spans=10, pinned={9}))


def test_a_good_part_of_a_topic_that_lies_apart_is_split_off_and_says_of_which() -> None:
    wide = topic(7, along(0), threshold=0.3)
    found = discovery({"a": (along(0), 60), "part": (unit(along(0) + 1.2 * along(3)), 50)})
    planned = plan(TopicIndex(1, (wide,)), found, min_topic_spans=10)
    assert changes(planned) == {("kept", 7, None), ("split", None, 7)}


def test_a_finer_cut_of_the_same_topic_changes_nothing() -> None:
    near = unit(along(0) + 0.3 * along(3))
    found = discovery({"a": (along(0), 60), "much the same": (near, 50)})
    planned = plan(TopicIndex(1, (topic(7, along(0)),)), found, min_topic_spans=10)
    assert changes(planned) == {("kept", 7, None)}


def test_two_topics_that_have_become_one_group_and_lie_together_are_merged() -> None:
    left, right = unit(along(0) + 0.3 * along(1)), unit(along(0) - 0.05 * along(1))
    index = TopicIndex(1, (topic(7, left), topic(9, right)))
    planned = plan(index, discovery({"one": (unit(left + right), 80)}), min_topic_spans=10)
    assert [c.kind for c in planned.changes] == ["kept"]
    [ended] = planned.ended
    assert ended.kind == "merged" and {ended.topic_id, ended.other} == {7, 9}


def test_two_topics_that_one_group_covers_but_that_lie_apart_both_stay() -> None:
    left, right = unit(along(0) + 0.35 * along(1)), unit(along(0) - 0.1 * along(1))
    # As near as two groups of one fit may lie: an end takes more evidence than a beginning.
    assert TOGETHER < float(left @ right) < 0.92
    index = TopicIndex(1, (topic(7, left), topic(9, right)))
    planned = plan(index, discovery({"one": (unit(left + right), 80)}), min_topic_spans=10)
    assert changes(planned) == {("kept", 7, None), ("kept", 9, None)}


def test_a_refit_that_finds_nothing_keeps_what_is_still_spoken_of() -> None:
    found = discovery({"a": (along(0), 40)})
    nothing = Discovery((), found.spans, 1.0, np.full(found.spans, -1), found.embeddings)
    assert changes(plan(TopicIndex(1, (topic(7, along(0)),)), nothing, min_topic_spans=10)) == {("kept", 7, None)}


@pytest.mark.parametrize("seed", range(5))
def test_most_spans_keep_their_id_over_a_refit_with_other_cuts(seed: int) -> None:
    draw = np.random.default_rng(seed)
    centres = unit(np.eye(DIMENSIONS)[:8] + draw.normal(0, 0.1, (8, DIMENSIONS)))
    first = discovery({f"g{i}": (centre, 50) for i, centre in enumerate(centres)}, seed)
    before = plan(None, first, min_topic_spans=10).topics
    index = TopicIndex(1, tuple(topic(i + 1, t.centroid) for i, t in enumerate(before)))
    # Another fit that cuts two of the groups in two and takes two others for one.
    cuts = {f"h{i}": (centres[i], 50) for i in range(4)}
    cuts |= {f"x{i}": (unit(centres[4] + 0.15 * along(8 + i)), 25) for i in range(2)}
    cuts |= {"y": (unit(centres[5] + centres[6]), 60), "z": (centres[7], 50)}
    after = plan(index, discovery(cuts, seed + 100), min_topic_spans=10)
    named = TopicIndex(2, tuple(t for t in after.topics))
    ids = [index.topics[i].topic_id for i in index.nearest(first.embeddings)]
    again = [named.topics[i].topic_id for i in named.nearest(first.embeddings)]
    assert np.mean(np.array(ids) == np.array(again)) > 0.97
