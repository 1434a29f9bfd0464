"""Examples as token numbers, and the order in which a run meets them: a pure function of the seed and the epoch."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor

from vocengine.training.corpora import Example
from vocengine.training.recipe import Recipe, TaskRecipe

Task = Literal["sentiment", "emotions", "tweet_emotion", "spans"]
TASKS: tuple[Task, ...] = ("sentiment", "emotions", "tweet_emotion", "spans")
# Texts are sorted by length inside chunks of so many batches: little padding, and still a mixed order.
_CHUNK_BATCHES = 40


@dataclass(frozen=True, slots=True)
class Tokenized:
    """Token ids of a text with [CLS] and [SEP], and half-open token ranges of its spans (none: the whole text)."""

    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    labels: tuple[int, ...]


class Batch(NamedTuple):
    """One step: a task and the numbers of its examples."""

    task: Task
    indices: tuple[int, ...]


class Inputs(NamedTuple):
    """(n, length) ids and mask, (n, s, length) span masks."""

    ids: Tensor
    mask: Tensor
    spans: Tensor


def tokenize(examples: Sequence[Example], tokenizer: Tokenizer, *, max_tokens: int) -> list[Tokenized]:
    """Token ids of each example, cut at `max_tokens`.

    Spans beyond the cut are left out, and so are examples that lose all of theirs by it.
    """
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    encodings = tokenizer.encode_batch([example.text for example in examples])
    pairs = zip(examples, encodings, strict=True)
    return [text for text in (_tokenized(*pair) for pair in pairs) if text.labels]


def _tokenized(example: Example, encoding: object) -> Tokenized:
    offsets: list[tuple[int, int]] = encoding.offsets  # type: ignore[attr-defined]
    ids: list[int] = encoding.ids  # type: ignore[attr-defined]
    if not example.spans:
        return Tokenized(tuple(ids), (), example.labels)
    ranges: list[tuple[int, int]] = []
    labels: list[int] = []
    for (start, end), label in zip(example.spans, example.labels, strict=True):
        touched = [i for i, (a, b) in enumerate(offsets) if a < b and a < end and b > start]
        if touched:
            ranges.append((touched[0], touched[-1] + 1))
            labels.append(label)
    return Tokenized(tuple(ids), tuple(ranges), tuple(labels))


def collate(texts: Sequence[Tokenized]) -> Inputs:
    """Pad texts to one block."""
    length = max(len(text.ids) for text in texts)
    most = max(1, *(len(text.spans) for text in texts)) if texts else 1
    ids = torch.zeros(len(texts), length, dtype=torch.long)
    spans = torch.zeros(len(texts), most, length, dtype=torch.long)
    mask = torch.zeros(len(texts), length, dtype=torch.long)
    for row, text in enumerate(texts):
        ids[row, : len(text.ids)] = torch.tensor(text.ids)
        mask[row, : len(text.ids)] = 1
        for place, (start, end) in enumerate(text.spans or ((0, len(text.ids)),)):
            spans[row, place, start:end] = 1
    return Inputs(ids, mask, spans)


def epoch_batches(texts: Mapping[Task, Sequence[Tokenized]], recipe: Recipe, epoch: int) -> list[Batch]:
    """The batches of an epoch: the same ones in the same order for the same recipe, seed and epoch."""
    rng = random.Random(f"{recipe.seed}:{epoch}")
    size = recipe.batch_texts
    batches: list[Batch] = []
    for task in TASKS:
        settings: TaskRecipe = getattr(recipe.tasks, task)
        order = list(range(len(texts[task]))) * settings.repeats
        rng.shuffle(order)
        for begin in range(0, len(order), size * _CHUNK_BATCHES):
            chunk = sorted(order[begin : begin + size * _CHUNK_BATCHES], key=lambda i: len(texts[task][i].ids))
            batches += [Batch(task, tuple(chunk[at : at + size])) for at in range(0, len(chunk), size)]
    rng.shuffle(batches)
    return batches
