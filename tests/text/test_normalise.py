"""Normalising gives models one spelling and keeps every character traceable."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocengine.text import mask, normalise
from vocengine.text.mask import KINDS
from vocengine.text.normalise import MODEL_WORDS

TEXTS = st.lists(
    st.one_of(
        st.text(max_size=6),
        st.sampled_from(
            [
                "soooooo",
                "!!!!!!",
                "[EMAIL]",
                "https://a.b/c?[TOKEN]",
                "@joe",
                "……",
                "....",
                "＠ＡＢ",
                "\u2764\ufe0f" * 6,
            ]
        ),
    ),
    max_size=8,
).map("".join)


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("soooooo goooood", "sooo goood"),
        ("good book 10000000", "good book 10000000"),
        ("what!!!!!! ???????", "what!!! ???"),
        ("\u201cnice\u201d it\u2019s", '"nice" it\'s'),
        ("ＦＵＬＬ　ｗｉｄｔｈ！！！！", "FULL width!!!"),
        ("well\u2026 ..... ..", "well... ... .."),
        ("\U0001f602" * 9, "\U0001f602" * 3),
        ("\u2764\ufe0f" * 5, "\u2764\ufe0f" * 3),
        ("see https://a.com/x?[TOKEN], or www.b.org.", "see http, or http."),
        ("[HANDLE] [LINK] [LINK:a.com] [EMAIL] [PHONE]", "@user http http email phone"),
        ("[CARD] [IBAN] [ADDRESS] [NAME] [TOKEN]", "card account address name token"),
        ("@Joe_99 a@b meet @ 5", "@user a@b meet @ 5"),
        ("[OTHER] stays", "[OTHER] stays"),
    ],
)
def test_normalises(raw: str, read: str) -> None:
    assert normalise(raw).text == read


def test_every_token_of_masking_has_a_model_word() -> None:
    assert set(KINDS) <= set(MODEL_WORDS)


def test_a_replaced_token_maps_back_whole() -> None:
    text = "mail [EMAIL] now"
    aligned = normalise(text)
    start = aligned.text.index("email")
    assert aligned.to_source(start + 1, start + 3) == (5, 12)
    assert aligned.from_source(7, 8) == (start, start + 5)


def test_a_word_after_changes_maps_back_exactly() -> None:
    text = "soooooooo \u2026 https://a.b/c [PHONE] was broken"
    aligned = normalise(text)
    start = aligned.text.index("broken")
    begin, end = aligned.to_source(start, start + 6)
    assert text[begin:end] == "broken"
    assert aligned.from_source(begin, end) == (start, start + 6)


@given(TEXTS)
def test_every_character_maps_back_in_order(text: str) -> None:
    aligned = normalise(text)
    assert len(aligned.source_start) == len(aligned.text)
    assert aligned.source_length == len(text)
    assert all(before <= after for before, after in pairwise(aligned.source_start))
    assert all(0 <= at < len(text) for at in aligned.source_start)
    if aligned.text:
        assert aligned.to_source(0, len(aligned.text)) == (0, len(text))


@given(TEXTS, st.data())
def test_a_span_of_the_source_is_covered_by_what_it_became(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    aligned = normalise(text)
    begin, stop = aligned.to_source(*aligned.from_source(start, end))
    if start < end:
        assert begin <= start and end <= stop


@given(TEXTS)
def test_normalising_what_was_masked_leaves_no_token(text: str) -> None:
    read = normalise(mask(text).text).text
    assert not any(f"[{kind}]" in read for kind in KINDS)


@pytest.mark.parametrize(
    "unit", ["a", "ab", ".", "!?", "@", "@a", "www.", "[LINK", "\u2026", "\U0001f600", "\u2764\ufe0f", " "]
)
def test_a_million_characters_take_linear_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    began = time.process_time()
    normalise(text)
    assert time.process_time() - began < 4
