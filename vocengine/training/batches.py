"""Examples as token numbers, and the order in which a run meets them: a pure function of the seed and the epoch."""

from __future__ import annotations

import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor

from vocengine.corpora import Example
from vocengine.training.recipe import TASKS, Recipe, Task

# Texts are sorted by length inside chunks of so many batches: little padding, and still a mixed order.
_CHUNK_BATCHES = 40


@dataclass(frozen=True, slots=True)
class Tokenized:
    """Token ids of a text with [CLS] and [SEP], half-open token ranges of its spans (none: the whole text), its
    labels, and a checksum of its characters, by which two tokenizers' numbers of one text are known to belong."""

    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    labels: tuple[int, ...]
    checksum: int = 0


class Batch(NamedTuple):
    """One step: a task and the numbers of its examples."""

    task: Task
    indices: tuple[int, ...]


class Inputs(NamedTuple):
    """(n, length) ids and mask, (n, 1 + s, length) span masks, of which the first is the whole text."""

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
    texts = [_tokenized(*pair) for pair in pairs]
    return [text for text, example in zip(texts, examples, strict=True) if text.spans or not example.spans]


def _tokenized(example: Example, encoding: object) -> Tokenized:
    offsets: list[tuple[int, int]] = encoding.offsets  # type: ignore[attr-defined]
    ids: list[int] = encoding.ids  # type: ignore[attr-defined]
    checksum = zlib.crc32(example.text.encode())
    if not example.spans:
        return Tokenized(tuple(ids), (), example.labels, checksum)
    ranges: list[tuple[int, int]] = []
    labels: list[int] = []
    for place, (start, end) in enumerate(example.spans):
        touched = [i for i, (a, b) in enumerate(offsets) if a < b and a < end and b > start]
        if touched:
            ranges.append((touched[0], touched[-1] + 1))
            # Spans without labels are those of texts that a teacher speaks of.
            labels += example.labels[place : place + 1]
    return Tokenized(tuple(ids), tuple(ranges), tuple(labels), checksum)


def collate(texts: Sequence[Tokenized], *, pad: int = 0) -> Inputs:
    """Pad texts to one block with the token number `pad`."""
    length = max(len(text.ids) for text in texts)
    most = 1 + max(len(text.spans) for text in texts)
    ids = torch.full((len(texts), length), pad, dtype=torch.long)
    spans = torch.zeros(len(texts), most, length, dtype=torch.long)
    mask = torch.zeros(len(texts), length, dtype=torch.long)
    for row, text in enumerate(texts):
        ids[row, : len(text.ids)] = torch.tensor(text.ids)
        mask[row, : len(text.ids)] = 1
        for place, (start, end) in enumerate(((0, len(text.ids)), *text.spans)):
            spans[row, place, start:end] = 1
    return Inputs(ids, mask, spans)


def epoch_batches(texts: Mapping[Task, Sequence[Tokenized]], recipe: Recipe, epoch: int) -> list[Batch]:
    """The batches of an epoch: the same ones in the same order for the same recipe, seed and epoch."""
    rng = random.Random(f"{recipe.seed}:{epoch}")
    size = recipe.batch_texts
    batches: list[Batch] = []
    for task in (task for task in TASKS if task in recipe.tasks):
        whole, part = divmod(recipe.tasks[task].repeats, 1)
        order = list(range(len(texts[task]))) * int(whole)
        order += rng.sample(range(len(texts[task])), round(part * len(texts[task]))) if part else []
        rng.shuffle(order)
        for begin in range(0, len(order), size * _CHUNK_BATCHES):
            chunk = sorted(order[begin : begin + size * _CHUNK_BATCHES], key=lambda i: len(texts[task][i].ids))
            batches += [Batch(task, tuple(chunk[at : at + size])) for at in range(0, len(chunk), size)]
    rng.shuffle(batches)
    return batches
