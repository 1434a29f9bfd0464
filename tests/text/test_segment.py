"""Segments are sentences, and clauses where people turn."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocengine.text import segment


def pieces(text: str) -> list[str]:
    return [text[piece.start : piece.end] for piece in segment(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I loved it!!! Will come back...", ["I loved it!!!", "Will come back..."]),
        ("it was slow. they never answered.", ["it was slow.", "they never answered."]),
        ("Dr. Smith paid $3.50, e.g. for No. 5. Fine.", ["Dr. Smith paid $3.50, e.g. for No. 5.", "Fine."]),
        ("I met J. Smith. He left.", ["I met J. Smith.", "He left."]),
        ("See https://a.com/x.y?q=1.2 now. Nice", ["See https://a.com/x.y?q=1.2 now.", "Nice"]),
        ("Great! \U0001f60d Next one. :) Last", ["Great! \U0001f60d", "Next one. :)", "Last"]),
        ("The food was good \U0001f60d Service was slow", ["The food was good \U0001f60d", "Service was slow"]),
        ("so slow.The staff left. Booking.Com is ok", ["so slow.", "The staff left.", "Booking.Com is ok"]),
        ("[NAME] was nice. [EMAIL] never answered", ["[NAME] was nice.", "[EMAIL] never answered"]),
        ("1. Fast delivery\n2. cheap price", ["1. Fast delivery", "2. cheap price"]),
        ("Hello\n\n***\n\nWorld", ["Hello\n\n***", "World"]),
        ("サービスが遅い。二度と来ない！", ["サービスが遅い。", "二度と来ない！"]),
        ("well... it was ok", ["well... it was ok"]),
        ("\U0001f600\U0001f600", ["\U0001f600\U0001f600"]),
        ("!!!", ["!!!"]),
        (" \n ", []),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The food was great but the service was slow", ["The food was great", "but the service was slow"]),
        ("I like the app, however, it crashes daily", ["I like the app,", "however, it crashes daily"]),
        ("Although the food was great, the service was slow", ["Although the food was great,", "the service was slow"]),
        ("the room was clean, yet the bed was hard", ["the room was clean,", "yet the bed was hard"]),
        ("cheap and very fast while others are slow", ["cheap and very fast", "while others are slow"]),
        ("all of it works except the search page", ["all of it works", "except the search page"]),
        ("it still works fine even though I dropped it", ["it still works fine", "even though I dropped it"]),
        (
            "we arrived on time, unfortunately without our bags",
            ["we arrived on time,", "unfortunately without our bags"],
        ),
        ("the food was hot; the room was cold", ["the food was hot;", "the room was cold"]),
        ("I love the look - hate the price", ["I love the look -", "hate the price"]),
        ("the food was great\nthe service was slow", ["the food was great", "the service was slow"]),
    ],
)
def test_clauses_at_turns(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected
    assert {piece.kind for piece in segment(text)} == {"clause"}


@pytest.mark.parametrize(
    "text",
    [
        "nothing but good things to say about them",
        "I waited a while for the bus to come",
        "Food, however, was bad",
        "Good but slow",
        "it has not arrived yet at our place",
        "a well-known 5-10 day delay was announced",
        "this line was wrapped by a mail program after some seventy signs and so\nit goes on in the next one",
    ],
)
def test_no_cut_without_a_turn_between_full_clauses(text: str) -> None:
    assert pieces(text) == [text]
    assert segment(text)[0].kind == "sentence"


TEXTS = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            [
                "the",
                "food",
                "but",
                "was",
                "however,",
                "good.",
                "!!!",
                "\n",
                "\n\n",
                " ",
                " - ",
                ";",
                "\U0001f60d",
                "...",
                "…",
                "although",
                "e.g.",
                "3.5",
                "[EMAIL]",
                "https://a.b/c.",
                "yet",
                "I",
                "。",
                ":)",
                "1.",
                "A.",
                "\u00a0",
                "Mr.",
            ]
        ),
        max_size=30,
    ).map(" ".join),
)


@given(TEXTS)
def test_spans_are_ordered_disjoint_trimmed_and_cover_all_that_is_not_blank(text: str) -> None:
    segments = segment(text)
    assert all(before.end <= after.start for before, after in pairwise(segments))
    for piece in segments:
        assert piece.start < piece.end
        assert not text[piece.start].isspace() and not text[piece.end - 1].isspace()
    edges = [0, *(at for piece in segments for at in (piece.start, piece.end)), len(text)]
    outside = "".join(text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))
    assert not outside.strip()


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        ".",
        " ",
        "a. ",
        "but ",
        "a b c but ",
        "; ",
        "\n",
        "\U0001f600",
        "!)",
        "\U0001f600 A",
        ".)",
        "-",
        "word word. ",
        "although a, ",
        "x, yet ",
        "\u05e9\u05dc\u05d5\u05dd ",
        "... ",
        "! :) ",
        "aa.Bb",
        "1. ",
        "\n\n",
        "A. ",
        "。",
        "\u200d",
    ],
)
def test_a_million_characters_take_linear_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    began = time.process_time()
    segment(text)
    assert time.process_time() - began < 4


def test_a_hundred_thousand_words_are_covered() -> None:
    text = "word " * 99_999 + "end"
    assert pieces(text) == [text]
