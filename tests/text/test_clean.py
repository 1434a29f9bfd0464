"""Cleaning removes what is unsafe to store or show, and nothing that is language."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocengine.text import clean

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("nothing to do", "nothing to do"),
        ("a\x00b", "ab"),
        ("bell\x07 and escape\x1b[0m", "bell and escape[0m"),
        ("line\r\nnext\rlast", "line\nnext\nlast"),
        ("keeps\ttab", "keeps\ttab"),
        ("two  blanks\u00a0\u00a0here", "two blanks here"),
        ("  ends  ", "ends"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("a \n b", "a\nb"),
        ("half \ud83d pair", "half \ufffd pair"),
        ("whole \ud83d\ude00 pair", "whole \U0001f600 pair"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("pass\u200dword", "password"),
        (f"family {FAMILY} flag {ENGLAND}", f"family {FAMILY} flag {ENGLAND}"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("R&amp;D &lt;3 &#39;ok&#39; &nbsp;x", "R&D <3 'ok' x"),
        ("&amp;lt;", "&lt;"),
        ("?a=1&copy=2 &notit; &", "?a=1&copy=2 &notit; &"),
        ("&#xD800;&#0;", "\ufffd\ufffd"),
        ("cafe\u0301", "caf\u00e9"),
        ("", ""),
        (" \n\t ", ""),
    ],
)
def test_cleans(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


@given(st.text(alphabet=st.characters(exclude_characters="&")))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert clean(once) == once


@given(st.text())
def test_result_can_be_stored(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not any(unicodedata.category(char) == "Cc" and char not in "\n\t" for char in cleaned)


@pytest.mark.parametrize(
    "unit", ["a", " ", "\n ", "\u0301\u0316", "\U0001f600", "\u200d", "&", "&#", "\u05d0 ", "\ud800", "\x00"]
)
def test_a_million_characters_take_linear_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    began = time.process_time()
    clean(text)
    assert time.process_time() - began < 4
