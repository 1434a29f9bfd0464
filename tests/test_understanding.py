"""How pressing a message is."""

from __future__ import annotations

import pytest

from vocengine.contracts import Labelled, Sentiment
from vocengine.understanding import urgency_of

NEGATIVE = Sentiment("negative", -0.8, 0.85, 0.1, 0.05)
NEUTRAL = Sentiment("neutral", 0.0, 0.1, 0.8, 0.1)
POSITIVE = Sentiment("positive", 0.8, 0.05, 0.1, 0.85)


@pytest.mark.parametrize(
    ("text", "sentiment", "emotions", "intents", "urgency"),
    [
        ("The kettle leaks.", NEGATIVE, (), (), "normal"),
        ("The kettle leaks, I need an answer today.", NEGATIVE, (), (), "high"),
        ("The kettle leaks.", NEGATIVE, (Labelled("anger", 0.6),), (), "high"),
        ("I will shop elsewhere.", NEGATIVE, (), (Labelled("cancel", 0.7),), "high"),
        ("Do you open today?", NEUTRAL, (), (Labelled("question", 0.9),), "normal"),
        ("It came today, lovely.", POSITIVE, (), (Labelled("praise", 0.9),), "low"),
        ("123", None, (), (), "normal"),
    ],
)
def test_it_is_high_where_an_unhappy_customer_presses_rages_or_leaves(
    text: str, sentiment: Sentiment | None, emotions: tuple[Labelled, ...], intents: tuple[Labelled, ...], urgency: str
) -> None:
    assert urgency_of(text, sentiment, emotions, intents) == urgency


def test_words_of_urgency_count_at_both_ends_of_a_long_text_and_not_in_its_middle() -> None:
    filler = "and so on " * 1_000
    assert urgency_of(filler + "urgent", NEGATIVE, (), ()) == "high"
    assert urgency_of(filler + "urgent " + filler, NEGATIVE, (), ()) == "normal"
