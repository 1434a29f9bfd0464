"""How soon a new kind of question is found between two fits, how pure, and how often where there is none.

Part of `python -m benchmarks.topics`; alone: `python -m benchmarks.topics_emerging`.
"""

from __future__ import annotations

import csv
import os
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import numpy.typing as npt
import orjson

from benchmarks.machine import describe
from vocengine.corpora import data_folder
from vocengine.encoder import load_encoder
from vocengine.topics.discover import discover
from vocengine.topics.emerging import REFERENCE_SPANS, WINDOWS, Group, Policy, Window, find, numbered, wording

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

_HELD_BACK = 10
_RATE = 0.03
# What came since the fit before the new kind begins, so that the pool is as full as in service.
_BEFORE = 2_000
_BATCH = 100
_SHUFFLES = 10
_SEED = 7


@dataclass(frozen=True, slots=True)
class Questions:
    """Texts with their intents and embeddings (n, d)."""

    texts: list[str]
    intents: list[str]
    embeddings: Floats


@dataclass(frozen=True, slots=True)
class Find:
    """A group, found when so many spans of the stream had been read; `members` are places in the stream."""

    read: int
    group: Group
    members: Integers


def held_back(intents: Sequence[str]) -> list[str]:
    """The intents that are reported on; the settings of the search were chosen on others."""
    return random.Random(_SEED).sample(sorted(set(intents)), _HELD_BACK)


def follow(stream: Floats, wordings: Integers, reference: Floats, topics: Floats, *, begin: int) -> list[Find]:
    """Take a stream in from `begin` on, batch by batch as the role discover does, and return what is found.

    Each text is of an author of its own.
    """
    kept = np.ones(len(stream), dtype=np.bool_)
    finds: list[Find] = []
    for at in range(begin, len(stream), _BATCH):
        read = min(at + _BATCH, len(stream))
        pool = np.flatnonzero(kept[:read])[-max(WINDOWS) :]
        window = Window(stream[pool], pool, wordings[pool])
        known = np.concatenate([topics, *(f.group.centroid[None] for f in finds)])
        for group in find(window, int((pool >= at).sum()), reference, known, Policy()):
            finds.append(Find(read, group, pool[list(group.members)]))
            kept &= stream @ group.centroid < group.threshold
            reference = reference[reference @ group.centroid < group.threshold]
    return finds


def measure(questions: Questions, say: Callable[[str], None]) -> dict[str, Any]:
    """The figures, by their keys."""
    intents = np.array(questions.intents)
    wordings = numbered(map(wording, questions.texts))
    mentions: list[int] = []
    purity: list[float] = []
    others = 0
    for intent in held_back(questions.intents):
        draw = np.random.default_rng(_SEED)
        order = draw.permutation(np.flatnonzero(intents != intent))
        fitted, rest = order[:REFERENCE_SPANS], order[REFERENCE_SPANS:]
        found = discover([questions.texts[i] for i in fitted], questions.embeddings[fitted], seed=_SEED)
        topics = np.stack([topic.centroid for topic in found.topics])
        stream = _mixed(rest, draw.permutation(np.flatnonzero(intents == intent)), draw)
        new = intents[stream] == intent
        finds = follow(
            questions.embeddings[stream], wordings[stream], questions.embeddings[fitted], topics, begin=_BEFORE
        )
        of_it = [f for f in finds if new[f.members].mean() >= 0.5]
        others += sum(bool(new[f.members].mean() < 0.5) for f in finds)
        if of_it:
            mentions.append(int(new[: of_it[0].read].sum()))
            purity.append(float(new[of_it[0].members].mean()))
        said = f"after {mentions[-1]} mentions, {purity[-1]:.0%} pure" if of_it else "not found"
        say(f"{intent}: {said} ({new.sum()} mentions in {len(stream) - _BEFORE:,} spans)")
    births = spans = 0
    for seed in range(_SHUFFLES):
        order = np.random.default_rng(seed).permutation(len(intents))
        reference, stream = order[:REFERENCE_SPANS], order[REFERENCE_SPANS:]
        none = np.zeros((0, questions.embeddings.shape[1]), dtype=np.float32)
        births += len(
            follow(questions.embeddings[stream], wordings[stream], questions.embeddings[reference], none, begin=_BEFORE)
        )
        spans += len(stream) - _BEFORE
    say(f"without a new intent: {births} found in {spans:,} spans")
    return {
        "emerging_mentions_until_found": float(np.median(mentions)) if mentions else None,
        "emerging_mentions_until_found_worst": max(mentions, default=None),
        "emerging_purity": float(np.mean(purity)) if purity else None,
        "emerging_purity_worst": min(purity, default=None),
        "emerging_found": len(mentions),
        "emerging_other_finds": others,
        "false_births_per_10000": round(births / spans * 10_000, 3),
        "false_births_spans": spans,
    }


def banking77() -> Questions:
    """All texts of Banking77, of both splits: topics and the search for new ones learn from no label."""
    rows: list[tuple[str, str]] = []
    for split in ("train", "test"):
        with (data_folder() / "topics" / "banking77" / f"{split}.csv").open(encoding="utf-8", newline="") as stream:
            rows += [(row["text"], row["category"]) for row in csv.DictReader(stream)]
    texts = [text for text, _ in rows]
    return Questions(texts, [intent for _, intent in rows], load_encoder().encode(texts, [()] * len(texts)).embedding)


def _mixed(rest: Integers, new: Integers, draw: np.random.Generator) -> Integers:
    """`rest` with `new` mixed in at the rate, from `_BEFORE` on, until one of them ends."""
    stream, ahead, after = list(rest[:_BEFORE]), iter(rest[_BEFORE:]), iter(new)
    while (place := next(after if draw.random() < _RATE else ahead, None)) is not None:
        stream.append(place)
    return np.array(stream)


def main() -> None:
    """Measure and print."""
    figures = measure(banking77(), lambda line: print(line, file=sys.stderr, flush=True))
    print(orjson.dumps(figures | describe()).decode())


if __name__ == "__main__":
    main()
