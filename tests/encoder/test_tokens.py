"""Texts as rows of tokens: nothing is cut silently, nothing is pooled twice."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from vocengine.encoder.base import find_base
from vocengine.encoder.tokens import Windows, batches_by_tokens, lay_out


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    found = Tokenizer.from_file(str(find_base().tokenizer))
    found.no_padding()
    found.no_truncation()
    return found


@pytest.mark.parametrize("words", [0, 1, 14, 15, 40, 119])
def test_every_token_is_pooled_from_exactly_one_window(tokenizer: Tokenizer, words: int) -> None:
    text = " ".join(["good"] * words)
    layout = lay_out([text], [[(0, len(text))]], tokenizer=tokenizer, windows=Windows(16, 4, 100))
    tokens = Counter[int]()
    for (start, end), owner in zip(layout.piece_range, layout.piece_owner, strict=True):
        tokens[owner] += end - start
    assert tokens[0] == words + 2
    assert tokens[1] == words
    assert all(len(row) <= 14 for row in layout.rows)
    assert layout.skipped.tolist() == [0]


def test_a_text_of_too_many_windows_is_read_at_even_distances_and_says_so(tokenizer: Tokenizer) -> None:
    text = " ".join(str(i % 10) for i in range(1000))
    layout = lay_out([text, "short"], [[], []], tokenizer=tokenizer, windows=Windows(16, 4, 5))
    assert len(layout.rows) == 6
    assert layout.skipped.tolist() == [95, 0]
    assert layout.rows[0][0] == tokenizer.encode("0", add_special_tokens=False).ids[0]
    assert layout.rows[4][-1] == tokenizer.encode("9", add_special_tokens=False).ids[0]


@pytest.mark.parametrize(
    ("text", "span", "tokens"),
    [
        ("the food was great", (4, 8), ["food"]),
        ("the food was great", (5, 7), ["food"]),
        ("soooooooo good, so bad", (16, 22), ["so", "bad"]),
        ("[EMAIL] wrote [NAME] back", (0, 7), ["email"]),
        ("see https://shop.example/a?[TOKEN] now", (4, 34), ["http"]),
        ("a  b", (1, 3), []),
        ("@user", (0, 0), []),
    ],
)
def test_a_span_holds_the_tokens_that_it_touches(
    tokenizer: Tokenizer, text: str, span: tuple[int, int], tokens: list[str]
) -> None:
    layout = lay_out([text], [[span]], tokenizer=tokenizer, windows=Windows())
    found: list[str] = []
    for (start, end), owner in zip(layout.piece_range, layout.piece_owner, strict=True):
        if owner == 1:
            found += [tokenizer.id_to_token(i) for i in layout.rows[0][start - 1 : end - 1]]
    assert found == tokens


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(300, 2_000))
@settings(deadline=None)
def test_batches_hold_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(batches_by_tokens(lengths, budget_tokens=budget))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    assert all(len(batch) * max(lengths[row] for row in batch) <= budget for batch in batches)
