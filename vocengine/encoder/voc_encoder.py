"""The encoder that ships: one pass over the tokens of a batch, everything else pooled from their states."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from vocengine.encoder.artifact import Artifact, find_artifact, load_network
from vocengine.encoder.backends import Backend, choose_backend
from vocengine.encoder.base import find_base
from vocengine.encoder.interface import (
    EncoderInfo,
    Encodings,
    Floats,
    emotions_over_threshold,
    intents_over_threshold,
)
from vocengine.encoder.memory import keep_few_programs, keep_freed_memory
from vocengine.encoder.network import Network
from vocengine.encoder.tokens import Layout, Windows, batches_by_tokens, lay_out

# Larger batches leave the caches, smaller ones the units idle; flat between 2 and 6 thousand, and the least of these
# takes the least memory.
_BUDGET_TOKENS = 2_048
# In 32 bits smaller ones are as fast, and take 40 MB less.
_BUDGET_TOKENS_FP32 = 1_536
_CLS, _SEP = 101, 102
# What the labels of the head for effort stand for; before them is one for texts that say nothing of it.
_EFFORTS = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])


class VocEncoder:
    """A loaded model folder on a backend; see `vocengine.encoder.load_encoder`."""

    def __init__(self, artifact: Artifact, network: Network, tokenizer: Tokenizer, backend: Backend) -> None:
        config = artifact.config
        self._artifact = artifact
        # Not the network: the backend has laid out its layers anew, and these would be kept twice.
        self._heads = network.heads
        # The pool reads states in the precision of the backend; the heads are small and keep 32 bits.
        self._pool = deepcopy(network.pool).to(backend.dtype)
        self._tokenizer = tokenizer
        self._backend = backend
        self._budget_tokens = _BUDGET_TOKENS_FP32 if backend.name == "torch-fp32" else _BUDGET_TOKENS
        self._config = config
        self._windows = Windows(config.window_tokens, config.window_overlap_tokens, config.windows_max)
        self._info = EncoderInfo(
            name=config.name,
            version=config.version,
            digest=config.weights_sha256,
            languages=config.languages,
            sentiment_labels=config.sentiment_labels,
            emotion_labels=config.emotion_labels,
            emotion_thresholds=config.emotion_thresholds,
            dimensions=config.dimensions,
            backend=backend.name,
            intent_labels=config.intent_labels,
            intent_thresholds=config.intent_thresholds,
        )

    @property
    def info(self) -> EncoderInfo:
        """Which model this is."""
        return self._info

    @property
    def network(self) -> Network:
        """The weights in 32 bits, read again from their files: the ones that serve are in the backend's own order."""
        return load_network(self._artifact, find_base(sha256=self._config.base.sha256))

    def on(self, backend: Backend) -> VocEncoder:
        """The same model with its layers run by another backend."""
        return VocEncoder(self._artifact, self.network, self._tokenizer, backend)

    def emotions_over_threshold(self, probabilities: Floats) -> tuple[tuple[str, float], ...]:
        """Name and probability of the emotions of one row that pass their thresholds, the surest first."""
        return emotions_over_threshold(probabilities, self._info)

    def intents_over_threshold(self, probabilities: Floats) -> tuple[tuple[str, float], ...]:
        """Name and probability of the intents of one row that pass their thresholds, the surest first."""
        return intents_over_threshold(probabilities, self._info)

    def encode(self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> Encodings:
        """Read masked texts and half-open character spans of them; see Encodings for what comes back.

        Identical texts with identical spans are read once. Raises ValueError where `spans` does not match `texts`
        or a span leaves its text.
        """
        _check(texts, spans)
        keys = [(text, tuple(map(tuple, wanted))) for text, wanted in zip(texts, spans, strict=True)]
        first: dict[tuple[str, tuple[tuple[int, ...], ...]], int] = {}
        places = [first.setdefault(key, len(first)) for key in keys]
        read = self._encode([text for text, _ in first], [wanted for _, wanted in first])  # type: ignore[misc]
        return read if len(first) == len(texts) else _repeat(read, np.array(places, dtype=np.int64))

    def task_probabilities(self, task: str, texts: Sequence[str]) -> Floats:
        """(n, labels) softmax of an auxiliary head (`tweet_emotion`) over whole texts; KeyError for no such head."""
        layout = lay_out(texts, [()] * len(texts), tokenizer=self._tokenizer, windows=self._windows)
        with torch.inference_mode():
            attended, _, _ = self._pooled(layout)
            probabilities: Floats = self._heads[task](attended).softmax(-1).numpy()
        return probabilities

    def _encode(self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> Encodings:
        layout = lay_out(texts, spans, tokenizer=self._tokenizer, windows=self._windows)
        with torch.inference_mode():
            attended, mean, read = self._pooled(layout)
            count = len(texts)
            sizes = torch.tensor([len(wanted) for wanted in spans], dtype=torch.long)
            unread = torch.nonzero(~read[count:]).squeeze(1)
            text_of = torch.repeat_interleave(torch.arange(count), sizes)[unread]
            attended[unread + count], mean[unread + count] = attended[text_of], mean[text_of]
            logits = self._heads["sentiment"](attended)
            bias = torch.tensor(self._config.sentiment_bias)
            whole = ((logits[:count] + bias) / self._config.sentiment_temperature).softmax(-1)
            part = (logits[count:] / self._config.span_temperature).softmax(-1)
            part[unread] = whole[text_of]
            emotions = self._heads["emotions"](attended).sigmoid()
            embedding = F.normalize(mean, dim=-1)
            intents, effort = self._intents(attended[:count]), self._effort(attended[:count])
        return Encodings(
            sentiment=whole.numpy(),
            emotions=emotions[:count].numpy(),
            embedding=embedding[:count].numpy(),
            span_index=np.concatenate([[0], sizes.cumsum(0).numpy()]).astype(np.int64),
            span_sentiment=part.numpy(),
            span_emotions=emotions[count:].numpy(),
            span_embedding=embedding[count:].numpy(),
            span_read=read[count:].numpy(),
            windows_skipped=layout.skipped,
            intents=intents.numpy(),
            effort=effort.numpy(),
        )

    def _intents(self, attended: Tensor) -> Tensor:
        if "intents" not in self._heads:
            return attended.new_empty(len(attended), 0)
        probabilities: Tensor = self._heads["intents"](attended).sigmoid()
        return probabilities

    def _effort(self, attended: Tensor) -> Tensor:
        if "effort" not in self._heads:
            return attended.new_full((len(attended),), float("nan"))
        probabilities = self._heads["effort"](attended).softmax(-1)
        told = probabilities[:, 1:].sum(1)
        level = probabilities[:, 1:] @ _EFFORTS / told.clamp_min(1e-9)
        effort: Tensor = level.masked_fill(told < self._config.effort_threshold, float("nan"))
        return effort

    def _pooled(self, layout: Layout) -> tuple[Tensor, Tensor, Tensor]:
        """(owners, d) attention pools and means, and (owners,) whether an owner had any token.

        Pieces of one owner in several windows merge exactly: attention pools by the mass of their weights, means
        by their number of tokens.
        """
        width = self._config.dimensions
        attended = torch.zeros(layout.owners, width)
        mean = torch.zeros(layout.owners, width)
        weight = torch.zeros(layout.owners, 1)
        tokens = torch.zeros(layout.owners, 1)
        pieces = _Pieces(layout)
        for rows in batches_by_tokens([len(row) + 2 for row in layout.rows], budget_tokens=self._budget_tokens):
            ids, mask = _block([layout.rows[row] for row in rows])
            states = self._backend.states(ids, mask)
            numbers, row, place, begin, end = pieces.of(rows)
            span_mask = torch.zeros(len(rows), int(place.max()) + 1, ids.shape[1], dtype=torch.bool)
            at = torch.arange(ids.shape[1])
            span_mask[row, place] = (at >= begin[:, None]) & (at < end[:, None])
            pooled = self._pool(states, span_mask)
            owner = pieces.owner[numbers]
            # Scores of this pool stay within a few units of zero: far from the clamp, no common shift is needed.
            mass = pooled.attention_mass[row, place].clamp(-60, 60).exp()[:, None]
            size = (end - begin)[:, None].float()
            attended.index_add_(0, owner, pooled.attended[row, place].float() * mass)
            mean.index_add_(0, owner, pooled.mean[row, place].float() * size)
            weight.index_add_(0, owner, mass)
            tokens.index_add_(0, owner, size)
        read = tokens.squeeze(1) > 0
        return attended / weight.clamp_min(1e-30), mean / tokens.clamp_min(1), read


class _Pieces:
    """The pieces of a layout as arrays, found by row without a look at the others."""

    def __init__(self, layout: Layout) -> None:
        # Pieces are laid out row after row, so those of a row are neighbours.
        self.row = torch.tensor(layout.piece_row, dtype=torch.long)
        self.range = torch.tensor(layout.piece_range, dtype=torch.long).reshape(-1, 2)
        self.owner = torch.tensor(layout.piece_owner, dtype=torch.long)
        self._count = torch.bincount(self.row, minlength=len(layout.rows))
        self._first = self._count.cumsum(0) - self._count

    def of(self, rows: Sequence[int]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Of the pieces of `rows`: number, row within `rows`, place within the row, begin and end."""
        chosen = torch.tensor(rows, dtype=torch.long)
        count = self._count[chosen]
        row = torch.repeat_interleave(torch.arange(len(rows)), count)
        place = torch.arange(len(row)) - torch.repeat_interleave(count.cumsum(0) - count, count)
        numbers = self._first[chosen][row] + place
        ranges = self.range[numbers]
        return numbers, row, place, ranges[:, 0], ranges[:, 1]


def load(model: str | Path, *, backend: str, threads: int | None, cache_dir: Path | None) -> VocEncoder:
    """See `vocengine.encoder.load_encoder`."""
    keep_few_programs()
    artifact = find_artifact(model)
    base = find_base(sha256=artifact.config.base.sha256)
    network = load_network(artifact, base)
    # From here on: what was drawn at random and replaced, and what is laid out anew, has gone back to the kernel.
    keep_freed_memory()
    tokenizer = Tokenizer.from_file(str(base.tokenizer))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if threads is not None:
        torch.set_num_threads(threads)
    cache_dir = cache_dir or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vocengine"
    chosen = choose_backend(backend, network.encoder, threads=torch.get_num_threads(), cache_dir=cache_dir)
    return VocEncoder(artifact, network, tokenizer, chosen)


def _block(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """(n, length) ids with [CLS] and [SEP], and 0/1 mask."""
    longest = max(map(len, rows)) + 2
    ids = np.zeros((len(rows), longest), dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for number, row in enumerate(rows):
        size = len(row) + 2
        ids[number, 0] = _CLS
        ids[number, 1 : size - 1] = row
        ids[number, size - 1] = _SEP
        mask[number, :size] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


def _check(texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> None:
    if len(texts) != len(spans):
        raise ValueError(f"spans has {len(spans)} entries for {len(texts)} texts; one for each text is needed")
    for number, (text, wanted) in enumerate(zip(texts, spans, strict=True)):
        for start, end in wanted:
            if not 0 <= start <= end <= len(text):
                raise ValueError(f"span [{start}, {end}) of text {number} leaves the text of {len(text)} characters")


def _repeat(read: Encodings, places: np.ndarray) -> Encodings:
    """The encodings of texts from those of the distinct ones: text i is distinct text `places[i]`."""
    sizes = np.diff(read.span_index)[places]
    index = np.concatenate([[0], sizes.cumsum()]).astype(np.int64)
    spans = np.arange(index[-1]) - np.repeat(index[:-1] - read.span_index[places], sizes)
    return Encodings(
        sentiment=read.sentiment[places],
        emotions=read.emotions[places],
        embedding=read.embedding[places],
        span_index=index,
        span_sentiment=read.span_sentiment[spans],
        span_emotions=read.span_emotions[spans],
        span_embedding=read.span_embedding[spans],
        span_read=read.span_read[spans],
        windows_skipped=read.windows_skipped[places],
        intents=read.intents[places],
        effort=read.effort[places],
    )
