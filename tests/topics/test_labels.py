"""What topics are called: phrases that their spans share and others do not use."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vocengine.topics.labels import name_topics, phrases

LATE = ["my flight was three hours late flight again", "late flight to boston", "another late flight, no apology"]
LINES = ["hold times on the phone line", "the hold times are silly", "what hold times!"]
AXES = np.eye(4, dtype=np.float32)


def named(texts: Sequence[str], assigned: Sequence[int], keywords: Sequence[Sequence[str]]) -> list[str]:
    return name_topics(texts, np.array(assigned), keywords, AXES[: len(keywords)])


def test_phrases_stay_inside_a_clause_and_neither_begin_nor_end_with_an_empty_word() -> None:
    assert set(phrases("Lack of response, baggage claim!")) == {"lack of response", "baggage claim"}
    assert list(phrases("it is the")) == []


def test_a_topic_is_called_by_the_phrase_its_spans_share() -> None:
    labels = named(LATE + LINES, [0, 0, 0, 1, 1, 1], [["late"], ["hold"]])
    assert labels == ["late flight", "hold times"]


def test_what_everybody_says_names_nobody() -> None:
    texts = [f"{line} from customer service" for line in LATE + LINES]
    labels = named(texts, [0, 0, 0, 1, 1, 1], [["late"], ["hold"]])
    assert labels == ["late flight", "hold times"]


def test_of_two_topics_with_one_phrase_the_second_is_called_otherwise() -> None:
    labels = named(LATE * 2, [0, 0, 0, 1, 1, 1], [["late", "boston"], ["late", "apology"]])
    assert labels[0] != labels[1]


def test_a_label_that_is_taken_already_gives_way_to_another() -> None:
    texts, assigned = np.array(LATE + LINES), np.array([0, 0, 0, 1, 1, 1])
    labels = name_topics(list(texts), assigned, [["late"], ["hold"]], AXES[:2], taken={"late flight", "hold"})
    assert labels == ["late", "hold times"]


def test_a_topic_without_a_shared_phrase_is_called_by_its_keywords() -> None:
    assert named(["so slow", "app crashed", "no wifi"], [0, 0, 0], [["slow", "slow app", "wifi"]]) == ["slow, wifi"]
    assert named(["so slow"], [0], [[]]) == ["unnamed"]


def test_nearness_to_the_centroid_decides_among_shared_phrases() -> None:
    texts = ["credit card was late friday", "credit card on late friday", "late friday, credit card"] + ["blue sky"] * 3
    wanted = {"late friday": AXES[0], "credit card": AXES[3]}

    def embed(asked: Sequence[str]) -> np.ndarray:  # type: ignore[type-arg]
        return np.stack([wanted.get(phrase, AXES[2]) for phrase in asked])

    labels = name_topics(texts, np.array([0, 0, 0, 1, 1, 1]), [["late"], ["sky"]], AXES[:2], embed=embed)
    assert labels[0] == "late friday"
