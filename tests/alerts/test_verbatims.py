"""Which texts stand for many: representative, different, no copies."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from vocengine.alerts.verbatims import representative

LATE = [
    "The parcel came four days late",
    "My parcel was a week late again",
    "Late parcel, nobody told me why",
    "Still waiting, the parcel is late",
    "Why is the parcel this late",
    "A late parcel once more",
]
BROKEN = ["The screen arrived broken", "Broken screen on the first day", "It has a crack, the screen is broken"]
ODD = "Blue is such a pretty colour"


def test_what_many_say_comes_first_and_the_second_cause_is_shown_too() -> None:
    chosen = representative([ODD, *LATE, *BROKEN], str, most=3)
    assert chosen[0] in LATE
    assert any(text in BROKEN for text in chosen[1:]), "both causes are shown"
    assert ODD not in chosen


def test_copies_are_shown_once_and_do_not_make_themselves_representative() -> None:
    copied = [f"RT win a voucher at our shop today only {mark}" for mark in "!?.…"]
    chosen = representative([*copied, *LATE, *BROKEN], str, most=5)
    assert sum("voucher" in text for text in chosen) <= 1
    assert "voucher" not in chosen[0]


def test_other_case_and_marks_make_no_other_text() -> None:
    assert representative(["Where is my order?!", "where is MY order"], str) == ["Where is my order?!"]


def test_texts_without_words_are_shown_only_where_there_are_no_others() -> None:
    assert representative(["!!!", "😡", "So slow"], str) == ["So slow"]
    assert representative(["!!!", "😡"], str) == ["!!!"]
    assert representative([], str) == []


def test_of_two_texts_the_earlier_comes_first_whatever_order_their_words_are_counted_in() -> None:
    for seed in range(50):
        draw = random.Random(seed)
        texts = [" ".join(draw.sample([f"word{i}" for i in range(60)], 30)) for _ in range(2)]
        assert representative(texts, str) == texts


@given(st.lists(st.text(max_size=40), max_size=20), st.integers(1, 6))
def test_what_is_chosen_was_there_and_never_twice(texts: list[str], most: int) -> None:
    chosen = representative(list(enumerate(texts)), lambda item: item[1], most=most)
    assert len(chosen) <= most and len({number for number, _ in chosen}) == len(chosen)
    assert all(texts[number] == text for number, text in chosen)
