"""The training loop: several tasks on one encoder, its embedding kept near the base's; stops and goes on anywhere."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from vocengine.encoder.base import Base, find_base
from vocengine.encoder.network import Network, Shape, base_state
from vocengine.encoder.precision import bf16_is_faster
from vocengine.training import corpora
from vocengine.training.batches import TASKS, Batch, Task, Tokenized, collate, epoch_batches, tokenize
from vocengine.training.recipe import Recipe

log = logging.getLogger(__name__)

HEADS = {"sentiment": 3, "emotions": 28, "tweet_emotion": 4}
_HEAD_OF: dict[Task, str] = {
    "sentiment": "sentiment",
    "emotions": "emotions",
    "tweet_emotion": "tweet_emotion",
    "spans": "sentiment",
}
_LOG_STEPS = 50


@dataclass(slots=True)
class Run:
    """A training run under way: what is trained, on what, and how far it has come."""

    recipe: Recipe
    network: Network
    optimizer: torch.optim.Optimizer
    texts: Mapping[Task, Sequence[Tokenized]]
    kept: Mapping[Task, Tensor]
    total_steps: int
    bf16: bool
    step: int = 0


def new_network(recipe: Recipe, base: Base) -> Network:
    """The base's encoder, word embeddings frozen, with fresh pool and heads drawn from the recipe's seed."""
    torch.manual_seed(recipe.seed)
    network = Network(HEADS, Shape(dropout=recipe.dropout))
    network.encoder.load_state_dict(base_state(base.weights))
    network.encoder.words.weight.requires_grad_(False)
    return network


def prepare(recipe: Recipe, *, folder: Path, work: Path) -> Run:
    """Read the data sets of `folder` and set up a run at its first step; `work` keeps the base's embeddings."""
    base = find_base()
    tokenizer = Tokenizer.from_file(str(base.tokenizer))
    readers = {task: getattr(corpora, task) for task in TASKS}
    examples = {task: reader(folder, "train")[: recipe.limit_texts] for task, reader in readers.items()}
    texts = {task: tokenize(examples[task], tokenizer, max_tokens=recipe.max_tokens) for task in TASKS}
    network = new_network(recipe, base)
    bf16 = bf16_is_faster() if recipe.precision == "auto" else recipe.precision == "bf16"
    log.info("precision %s, %d threads", "bf16" if bf16 else "fp32", torch.get_num_threads())
    heads = [p for name, p in network.named_parameters() if not name.startswith("encoder.")]
    encoder = [p for p in network.encoder.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": encoder, "peak": recipe.optimizer.encoder_rate},
            {"params": heads, "peak": recipe.optimizer.head_rate},
        ],
        weight_decay=recipe.optimizer.weight_decay,
        fused=True,
    )
    kept = {task: _base_embeddings(network, texts[task], work / f"base-{task}.npz", bf16=bf16) for task in TASKS}
    per_epoch = len(epoch_batches(texts, recipe, 0))
    total = max(1, int(per_epoch * recipe.epochs))
    log.info("%s; %d steps", ", ".join(f"{task} {len(texts[task])}" for task in TASKS), total)
    return Run(recipe, network, optimizer, texts, kept, total, bf16)


def train(run: Run, *, checkpoint: Path, every_steps: int = 200, stop_after: int | None = None) -> None:
    """Train to the end, or to step `stop_after`, from the checkpoint if there is one; ends with a checkpoint."""
    if checkpoint.is_file():
        _restore(run, checkpoint)
        log.info("going on from step %d", run.step)
    else:
        torch.manual_seed(run.recipe.seed)
    last = run.total_steps if stop_after is None else min(stop_after, run.total_steps)
    batches: list[Batch] = []
    epoch_at = -1
    per_epoch = len(epoch_batches(run.texts, run.recipe, 0))
    seen: dict[str, list[float]] = {}
    begin, first = time.monotonic(), run.step
    run.network.train()
    while run.step < last:
        epoch, place = divmod(run.step, per_epoch)
        if epoch != epoch_at:
            batches, epoch_at = epoch_batches(run.texts, run.recipe, epoch), epoch
        for name, value in _step(run, batches[place]).items():
            seen.setdefault(name, []).append(value)
        run.step += 1
        if run.step % _LOG_STEPS == 0:
            means = " ".join(f"{name} {np.mean(values):.4f}" for name, values in sorted(seen.items()))
            pace_s = (time.monotonic() - begin) / (run.step - first)
            log.info("step %d/%d %.2f s/step %s", run.step, run.total_steps, pace_s, means)
            seen.clear()
        if run.step % every_steps == 0:
            _save(run, checkpoint)
    _save(run, checkpoint)


def rate_at(step: int, total: int, warmup_share: float) -> float:
    """Share of the peak learning rate at a step: up in a line, then down in a line to zero."""
    warm = max(1, int(warmup_share * total))
    return (step + 1) / warm if step < warm else max(0.0, (total - step) / max(1, total - warm))


def _step(run: Run, batch: Batch) -> dict[str, float]:
    recipe, network = run.recipe, run.network
    share = rate_at(run.step, run.total_steps, recipe.optimizer.warmup_share)
    for group in run.optimizer.param_groups:
        group["lr"] = group["peak"] * share
    texts = [run.texts[batch.task][index] for index in batch.indices]
    inputs = collate(texts)
    with torch.autocast("cpu", torch.bfloat16, enabled=run.bf16):
        states = network.encoder(inputs.ids, inputs.mask)
        pooled = network.pool(states, inputs.spans)
        wanted = inputs.spans.any(-1)
        logits = network.heads[_HEAD_OF[batch.task]](pooled.attended[wanted]).float()
    weights = inputs.mask.float() / inputs.mask.sum(1, keepdim=True)
    mean = torch.bmm(weights[:, None, :], states.float()).squeeze(1)
    task_loss = _task_loss(batch.task, logits, texts)
    kept_loss = _keep_loss(mean, run.kept[batch.task][list(batch.indices)].float(), recipe)
    weight: float = getattr(recipe.tasks, batch.task).weight
    run.optimizer.zero_grad(set_to_none=True)
    (weight * task_loss + recipe.keep.weight * kept_loss).backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), recipe.optimizer.clip_norm)
    run.optimizer.step()
    return {batch.task: task_loss.item(), "keep": kept_loss.item()}


def _task_loss(task: Task, logits: Tensor, texts: Sequence[Tokenized]) -> Tensor:
    if task == "emotions":
        wanted = torch.zeros_like(logits)
        for row, text in enumerate(texts):
            wanted[row, list(text.labels)] = 1.0
        return F.binary_cross_entropy_with_logits(logits, wanted)
    # Row-major, as the mask picked the logits: the spans of the first text, of the second, and so on.
    return F.cross_entropy(logits, torch.tensor([label for text in texts for label in text.labels]))


def _keep_loss(mean: Tensor, base: Tensor, recipe: Recipe) -> Tensor:
    mean = F.normalize(mean, dim=1)
    cosine = (1 - (mean * base).sum(1)).mean()
    similarity = (base @ base.T - mean @ mean.T).square().mean()
    return cosine + recipe.keep.similarity_weight * similarity


def _base_embeddings(network: Network, texts: Sequence[Tokenized], cache: Path, *, bf16: bool) -> Tensor:
    """(n, d) unit-length embeddings of the untrained encoder: what training keeps; computed once, cached."""
    digest = hashlib.sha256(repr([text.ids for text in texts]).encode()).hexdigest()
    if cache.is_file():
        with np.load(cache) as stored:
            if str(stored["digest"]) == digest:
                return torch.from_numpy(stored["embeddings"])
    log.info("embedding %d texts with the base", len(texts))
    network.eval()
    out = torch.empty(len(texts), network.shape.dimensions, dtype=torch.float16)
    order = sorted(range(len(texts)), key=lambda index: len(texts[index].ids))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        for begin in range(0, len(order), 128):
            rows = order[begin : begin + 128]
            inputs = collate([texts[row] for row in rows])
            states = network.encoder(inputs.ids, inputs.mask).float()
            mean = (states * inputs.mask[..., None]).sum(1) / inputs.mask.sum(1, keepdim=True)
            out[rows] = F.normalize(mean, dim=1).half()
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.savez(cache, digest=np.array(digest), embeddings=out.numpy())
    return out


def trained_state(network: Network) -> dict[str, Tensor]:
    """All parameters but the frozen word embeddings."""
    return {name: value for name, value in network.state_dict().items() if name != "encoder.words.weight"}


def _save(run: Run, checkpoint: Path) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    state: dict[str, Any] = {
        "step": run.step,
        "recipe": run.recipe.model_dump_json(),
        "network": trained_state(run.network),
        "optimizer": run.optimizer.state_dict(),
        "rng": torch.get_rng_state(),
    }
    part = checkpoint.with_suffix(".part")
    torch.save(state, part)
    # A stop in the middle of writing must not cost the checkpoint before.
    os.replace(part, checkpoint)


def _restore(run: Run, checkpoint: Path) -> None:
    state = torch.load(checkpoint, weights_only=True)
    run.network.load_state_dict(state["network"], strict=False)
    run.optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["rng"])
    run.step = state["step"]
