"""Themes: topics that lie together under one name, the same one after a refit."""

from __future__ import annotations

import numpy as np

from vocengine.topics.assign import Topic
from vocengine.topics.hierarchy import themes_of

CENTRES = np.eye(8)


def topic(topic_id: int, theme: int, size: int = 50, words: tuple[str, ...] = ()) -> Topic:
    """A topic near the axis of its theme."""
    draw = np.random.default_rng(topic_id)
    vector = CENTRES[theme] + draw.normal(0, 0.05, 8)
    return Topic(topic_id, f"t{topic_id}", words, (vector / np.linalg.norm(vector)).astype(np.float32), 0.5, size)


TWENTY = [topic(i, i % 4, words=(f"word{i % 4}", f"only{i}")) for i in range(1, 17)]


def test_topics_that_lie_together_are_under_one_theme_named_by_what_they_share() -> None:
    found = themes_of(TWENTY, {})
    assert sum(len(theme.topic_ids) for theme in found) == len(TWENTY)
    for theme in found:
        assert len({topic_id % 4 for topic_id in theme.topic_ids}) == 1
        assert theme.theme_id is None
        if len(theme.topic_ids) > 1:
            assert theme.label.startswith(f"word{theme.topic_ids[0] % 4}")


def test_a_theme_keeps_its_id_where_most_of_its_topics_stay_together() -> None:
    first = themes_of(TWENTY, {})
    before = {topic_id: 10 + place for place, theme in enumerate(first) for topic_id in theme.topic_ids}
    fewer_and_more = [*TWENTY[1:], topic(99, 0)]
    again = themes_of(fewer_and_more, before)
    kept = {theme.theme_id: set(theme.topic_ids) for theme in again if theme.theme_id is not None}
    assert len(kept) == len({theme.theme_id for theme in again if theme.theme_id is not None}) >= len(first) - 1
    for theme_id, topic_ids in kept.items():
        assert topic_ids & set(first[theme_id - 10].topic_ids)


def test_few_topics_are_themes_of_their_own() -> None:
    assert themes_of([], {}) == []
    [only] = themes_of([topic(3, 0)], {3: 7})
    assert (only.theme_id, only.topic_ids, only.label) == (7, (3,), "t3")
