"""Which words describe a topic: those that its spans share, and then those that are no other topic's."""

from __future__ import annotations

from vocengine.topics.discover import _keywords, _usual


def test_words_that_several_spans_use_are_usual_and_those_of_two_are_at_hand() -> None:
    texts = ["late courier", "the late courier rang", "courier was late", "the parcel box", "parcel lost", "blue"]
    usual, twice = _usual(texts, ["blue", "courier", "late", "parcel"])
    assert usual == ["courier", "late"]
    assert twice == ["courier", "late", "parcel"]


def test_a_topic_is_keywords_by_words_of_its_own_and_not_by_another_topics() -> None:
    usual = [["dress", "red dress", "silk"], ["size"]]
    assert _keywords(usual, [[], ["dress", "small", "silk", "petite"]], [[], []]) == [
        ["dress", "red dress", "silk"],
        ["size", "small", "petite"],
    ]


def test_two_words_may_be_shared_and_a_third_is_a_topics_own() -> None:
    first, second = _keywords(
        [["hold", "phone", "hours", "queue"], ["hold", "phone", "hours", "desk"]], [[], []], [[], []]
    )
    assert first == ["hold", "phone", "hours", "queue"]
    assert second == ["hold", "phone", "desk"]


def test_topics_take_turns_for_a_word_that_both_could_have() -> None:
    first, second = _keywords([[], []], [["hold", "wait", "phone"], ["wait", "queue"]], [[], []])
    assert first == ["hold", "phone"]
    assert second == ["wait", "queue"]


def test_a_topic_without_a_word_of_its_own_has_shared_ones_and_without_any_the_rarest() -> None:
    assert _keywords([["late"], []], [[], ["late"]], [[], []])[1] == ["late"]
    assert _keywords([["late"], []], [[], []], [[], ["odd"]])[1] == ["odd"]
