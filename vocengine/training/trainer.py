"""The training loop: several tasks on one encoder, its embedding kept near the base's; stops and goes on anywhere."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from vocengine import corpora
from vocengine.corpora import Example
from vocengine.encoder.base import Base, find_base
from vocengine.encoder.memory import keep_freed_memory
from vocengine.encoder.network import Network, Shape, base_state
from vocengine.encoder.precision import bf16_is_faster
from vocengine.errors import SettingsError
from vocengine.training import opinions
from vocengine.training.batches import Batch, Tokenized, collate, epoch_batches, tokenize
from vocengine.training.losses import emphasis_of, heads_of, keep_loss, label_loss, teacher_loss
from vocengine.training.opinions import Opinions
from vocengine.training.recipe import Recipe, Task
from vocengine.training.teacher import TEACHER_PAD, TEACHER_SHAPE, TeacherEncoder, find_teacher

log = logging.getLogger(__name__)

_READERS: dict[Task, Callable[[Path], list[Example]]] = {
    "sentiment": lambda folder: corpora.sentiment(folder, "train"),
    "emotions": lambda folder: corpora.emotions(folder, "train"),
    "tweet_emotion": lambda folder: corpora.tweet_emotion(folder, "train"),
    "spans": lambda folder: corpora.spans(folder, "train"),
    # These ship with the project.
    "intents": lambda _: corpora.intents("train"),
    "effort": lambda _: corpora.effort("train"),
    "unlabelled": corpora.unlabelled,
    "nuances": lambda _: corpora.nuances(clauses=False),
    "nuance_clauses": lambda _: corpora.nuances(clauses=True),
}
_LOG_STEPS = 50
# Word embeddings, of the encoder and of the teacher: half of the weights, never trained.
_FROZEN = ("encoder.words.weight", "encoder.model.embeddings.word_embeddings.weight")


@dataclass(slots=True)
class Run:
    """A training run under way: what is trained, on what, and how far it has come."""

    recipe: Recipe
    network: Network
    optimizer: torch.optim.Optimizer
    texts: Mapping[Task, Sequence[Tokenized]]
    kept: Mapping[Task, Tensor]
    opinions: Mapping[Task, Opinions]
    emphasis: Mapping[Task, Tensor | None]
    total_steps: int
    bf16: bool
    pad: int
    step: int = 0


def new_teacher(recipe: Recipe, folder: Path) -> Network:
    """The larger encoder with pool and heads of its size."""
    torch.manual_seed(recipe.seed)
    return Network(heads_of(list(recipe.tasks)), replace(TEACHER_SHAPE, dropout=recipe.dropout), TeacherEncoder(folder))


def new_network(recipe: Recipe, base: Base) -> Network:
    """The base's encoder, word embeddings frozen, with fresh pool and heads drawn from the recipe's seed."""
    torch.manual_seed(recipe.seed)
    network = Network(heads_of(list(recipe.tasks)), Shape(dropout=recipe.dropout))
    network.encoder.load_state_dict(base_state(base.weights))
    network.encoder.words.weight.requires_grad_(False)
    return network


def prepare(
    recipe: Recipe, *, folder: Path, work: Path, teacher: Path | None = None, earlier: Path | None = None
) -> Run:
    """Read the data sets of `folder` and set up a run at its first step.

    `work` keeps the base's embeddings; `teacher` is the folder of the teacher's opinions, for a recipe with one, and
    `earlier` the weights that a recipe goes on from. Raises SettingsError where they are missing, or the opinions
    on other texts.
    """
    if recipe.base == "all-mpnet-base-v2":
        pretrained = find_teacher(work)
        tokenizer, pad = Tokenizer.from_file(str(pretrained / "tokenizer.json")), TEACHER_PAD
        network = new_teacher(recipe, pretrained)
    else:
        base = find_base()
        tokenizer, pad = Tokenizer.from_file(str(base.tokenizer)), 0
        network = new_network(recipe, base)
    texts = read_texts(recipe, tokenizer, folder)
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
    kept: dict[Task, Tensor] = {}
    if recipe.keep.weight:
        kept = {task: _base_embeddings(network, texts[task], work / f"base-{task}.npz", bf16=bf16) for task in texts}
    if recipe.goes_on:
        if earlier is None:
            raise SettingsError("the recipe goes on from an earlier training: name its model.safetensors with --with")
        network.load_state_dict(load_file(earlier), strict=False)
    said: dict[Task, Opinions] = {}
    if recipe.teacher is not None:
        if teacher is None:
            raise SettingsError("the recipe has a teacher: name the folder of its opinions with --teacher")
        said = {task: opinions.read(teacher, task, texts[task]) for task in texts}
    emphasis = {task: emphasis_of(task, texts[task], recipe.tasks[task].rare) for task in texts}
    total = max(1, int(len(epoch_batches(texts, recipe, 0)) * recipe.epochs))
    log.info("%s; %d steps", ", ".join(f"{task} {len(texts[task])}" for task in texts), total)
    return Run(recipe, network, optimizer, texts, kept, said, emphasis, total, bf16, pad)


def read_texts(recipe: Recipe, tokenizer: Tokenizer, folder: Path) -> dict[Task, list[Tokenized]]:
    """The training texts of each task of a recipe, as token numbers."""
    found: dict[Task, list[Tokenized]] = {}
    for task in recipe.tasks:
        examples = _READERS[task](folder)[: recipe.limit_texts]
        found[task] = tokenize(examples, tokenizer, max_tokens=recipe.max_tokens)
    return found


def ask(recipe: Recipe, *, folder: Path, work: Path, checkpoint: Path, to: Path) -> None:
    """Write to `to` what the teacher of `checkpoint` says of every text that `recipe` trains on."""
    stored = torch.load(checkpoint, weights_only=True)
    pretrained = find_teacher(work)
    network = new_teacher(Recipe.model_validate_json(stored["recipe"]), pretrained)
    network.load_state_dict(stored["network"], strict=False)
    texts = read_texts(recipe, Tokenizer.from_file(str(pretrained / "tokenizer.json")), folder)
    opinions.write(network, texts, to, pad=TEACHER_PAD, bf16=bf16_is_faster())


def train(run: Run, *, checkpoint: Path, every_steps: int = 200, stop_after: int | None = None) -> None:
    """Train to the end, or to step `stop_after`, from the checkpoint if there is one; ends with a checkpoint."""
    if checkpoint.is_file():
        _restore(run, checkpoint)
        log.info("going on from step %d", run.step)
    else:
        torch.manual_seed(run.recipe.seed)
    keep_freed_memory()
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
    inputs = collate(texts, pad=run.pad)
    losses: dict[str, Tensor] = {}
    with torch.autocast("cpu", torch.bfloat16, enabled=run.bf16):
        states = network.encoder(inputs.ids, inputs.mask)
        attended = network.pool(states, inputs.spans).attended
        whole, parts = attended[:, 0], attended[:, 1:][inputs.spans[:, 1:].any(-1)]
        by_label = label_loss(batch.task, network.heads, whole, parts, texts, emphasis=run.emphasis[batch.task])
        if recipe.teacher is not None:
            said = run.opinions[batch.task].of(batch.indices)
            temperature = recipe.teacher.temperature
            losses["teacher"] = teacher_loss(network.heads, whole, parts, said, temperature=temperature)
    total = torch.zeros(())
    if by_label is not None:
        losses[batch.task] = by_label
        own = 1.0 if recipe.teacher is None else recipe.teacher.own
        total = total + own * recipe.tasks[batch.task].weight * by_label
    if recipe.teacher is not None:
        total = total + recipe.teacher.weight * recipe.tasks[batch.task].teacher * losses["teacher"]
    if run.kept:
        shares = inputs.mask.float() / inputs.mask.sum(1, keepdim=True)
        mean = torch.bmm(shares[:, None, :], states.float()).squeeze(1)
        losses["keep"] = keep_loss(mean, run.kept[batch.task][list(batch.indices)].float(), recipe.keep)
        total = total + recipe.keep.weight * losses["keep"]
    run.optimizer.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), recipe.optimizer.clip_norm)
    run.optimizer.step()
    return {name: loss.item() for name, loss in losses.items()}


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
    return {name: value for name, value in network.state_dict().items() if name not in _FROZEN}


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
