"""The order of a run is a function of its seed, and spans keep to their tokens."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from vocengine import corpora
from vocengine.corpora import Example
from vocengine.encoder.base import find_base
from vocengine.training.batches import Tokenized, collate, epoch_batches, tokenize
from vocengine.training.recipe import Recipe, Task

_TASKS: tuple[Task, ...] = ("sentiment", "emotions", "tweet_emotion", "spans")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(find_base().tokenizer))


@pytest.fixture
def texts(small_data: Path, tokenizer: Tokenizer) -> dict[Task, list[Tokenized]]:
    return {task: tokenize(getattr(corpora, task)(small_data, "train"), tokenizer, max_tokens=24) for task in _TASKS}


def test_an_epoch_meets_each_text_as_often_as_the_recipe_says(
    texts: dict[Task, list[Tokenized]], small_recipe: Recipe
) -> None:
    met = Counter((batch.task, i) for batch in epoch_batches(texts, small_recipe, 0) for i in batch.indices)
    for task in _TASKS:
        repeats = small_recipe.tasks[task].repeats
        assert [met[task, i] for i in range(len(texts[task]))] == [repeats] * len(texts[task])


def test_the_same_seed_gives_the_same_order_and_the_next_epoch_another(
    texts: dict[Task, list[Tokenized]], small_recipe: Recipe
) -> None:
    first = epoch_batches(texts, small_recipe, 0)
    assert first == epoch_batches(texts, small_recipe, 0)
    assert first != epoch_batches(texts, small_recipe, 1)


def test_spans_become_masks_over_their_tokens(tokenizer: Tokenizer) -> None:
    example = Example("the food was great", (1, 2), ((4, 8), (9, 18)))
    (text,) = tokenize([example], tokenizer, max_tokens=24)
    inputs = collate([text, Tokenized((101, 102), (), (0,))])
    assert inputs.spans[0].tolist() == [[1] * 6, [0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 1, 0]]
    assert inputs.spans[1].tolist() == [[1, 1, 0, 0, 0, 0], [0] * 6, [0] * 6]
    assert inputs.mask[1].tolist() == [1, 1, 0, 0, 0, 0]


def test_a_text_that_loses_all_its_spans_to_the_cut_is_left_out(tokenizer: Tokenizer) -> None:
    far = Example("word " * 40 + "food", (2,), ((200, 204),))
    both = Example("food " + "word " * 40 + "end", (0, 1), ((0, 4), (205, 208)))
    (kept,) = tokenize([far, both], tokenizer, max_tokens=16)
    assert kept.labels == (0,)
