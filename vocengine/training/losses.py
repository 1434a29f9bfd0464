"""What a batch is told it got wrong: by its labels, by its teacher, and by the embedding that it has to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vocengine.training.batches import Tokenized
from vocengine.training.recipe import KeepRecipe, Task

EFFORTS = (None, -2, -1, 0, 1, 2)
HEADS = {"sentiment": 3, "emotions": 28, "tweet_emotion": 4, "intents": 5, "effort": len(EFFORTS)}
_HEAD_OF: dict[Task, str] = {"spans": "sentiment", "nuances": "sentiment", "nuance_clauses": "sentiment"}
_OF_SPANS = ("spans", "nuance_clauses")
# Heads whose labels do not exclude each other.
_MANY = ("emotions", "intents")
# Mean over 28 labels, most of them absent, is small beside a cross-entropy; the same weights in recipe and teacher.
_TEACHER_WEIGHTS = {"sentiment": 1.0, "emotions": 7.0, "tweet_emotion": 0.3}


def heads_of(tasks: Sequence[Task]) -> dict[str, int]:
    """The heads that these tasks train, with their numbers of labels."""
    wanted = {_HEAD_OF.get(task, task) for task in tasks}
    return {name: labels for name, labels in HEADS.items() if name in wanted}


def emphasis_of(task: Task, texts: Sequence[Tokenized], power: float) -> Tensor | None:
    """How much more each label of a task of many counts where it holds: (median count / its count) ^ `power`, at
    least 1; None where all count alike."""
    name = _HEAD_OF.get(task, task)
    if not power or name not in _MANY:
        return None
    held = [label for text in texts for label in text.labels]
    counts = torch.bincount(torch.tensor(held), minlength=HEADS[name]).clamp_min(1)
    return (counts.float().median() / counts).clamp_min(1.0) ** power


def label_loss(
    task: Task,
    heads: nn.ModuleDict,
    whole: Tensor,
    parts: Tensor,
    texts: Sequence[Tokenized],
    *,
    emphasis: Tensor | None = None,
) -> Tensor | None:
    """Loss by the labels, from the pools of (n, d) whole texts and of (m, d) spans; None for unlabelled texts."""
    if task == "unlabelled":
        return None
    name = _HEAD_OF.get(task, task)
    logits = heads[name](parts if task in _OF_SPANS else whole).float()
    if name in _MANY:
        wanted = torch.zeros_like(logits)
        for row, text in enumerate(texts):
            wanted[row, list(text.labels)] = 1.0
        if emphasis is None:
            return F.binary_cross_entropy_with_logits(logits, wanted)
        # The weight moves the best logit up by its logarithm; taken out here, the head stays a calibrated one.
        return F.binary_cross_entropy_with_logits(logits + emphasis.log(), wanted, pos_weight=emphasis)
    # Row-major, as the mask picked the spans: those of the first text, of the second, and so on.
    return F.cross_entropy(logits, torch.tensor([label for text in texts for label in text.labels]))


def teacher_loss(
    heads: nn.ModuleDict,
    whole: Tensor,
    parts: Tensor,
    opinions: Mapping[str, Tensor],
    *,
    temperature: float,
) -> Tensor:
    """Distance to the teacher's logits `opinions` of each head for whole texts and, as `spans`, for spans."""
    loss = torch.zeros(())
    for name, weight in _TEACHER_WEIGHTS.items():
        if name in opinions:
            loss = loss + weight * _distance(name, heads[name](whole).float(), opinions[name], temperature)
    if len(parts):
        loss = loss + _distance("sentiment", heads["sentiment"](parts).float(), opinions["spans"], temperature)
    return loss


def keep_loss(mean: Tensor, base: Tensor, recipe: KeepRecipe) -> Tensor:
    """How far (n, d) mean states have moved from the base's unit-length embeddings, singly and to each other."""
    mean = F.normalize(mean, dim=1)
    cosine = (1 - (mean * base).sum(1)).mean()
    similarity = (base @ base.T - mean @ mean.T).square().mean()
    return cosine + recipe.similarity_weight * similarity


def _distance(name: str, logits: Tensor, opinion: Tensor, temperature: float) -> Tensor:
    if name in _MANY:
        return F.binary_cross_entropy_with_logits(logits, opinion.sigmoid())
    # Squared, so that gradients keep their size at any temperature (Hinton et al. 2015).
    return temperature**2 * F.cross_entropy(logits / temperature, (opinion / temperature).softmax(-1))
