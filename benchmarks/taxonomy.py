"""How well a taxonomy of names and three examples sorts texts it has never seen: `python -m benchmarks.taxonomy`.

Categories are the intents of Banking77, each with its name and three questions of the train split; the thresholds lean
on a thousand train questions without their labels. `--split train` sorts other train questions instead: how far the
threshold reaches was chosen there. Prints a table, and one line of JSON as its last.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from collections import defaultdict

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import numpy.typing as npt

from benchmarks.machine import describe
from vocengine.corpora import data_folder
from vocengine.encoder import load_encoder
from vocengine.topics.assign import TopicIndex
from vocengine.topics.taxonomy import Category, placed

_EXAMPLES = 3
_BACKGROUND = 1_000
_READ_AT_ONCE = 512


class Reader:
    """Embeddings of texts, each read once."""

    def __init__(self) -> None:
        self._encoder = load_encoder("voc-encoder")
        self._known: dict[str, npt.NDArray[np.float32]] = {}

    def __call__(self, texts: list[str]) -> npt.NDArray[np.float32]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        for at in range(0, len(new), _READ_AT_ONCE):
            part = new[at : at + _READ_AT_ONCE]
            self._known |= dict(zip(part, self._encoder.encode(part, [()] * len(part)).embedding, strict=True))
        return np.stack([self._known[text] for text in texts])


def questions(split: str) -> list[tuple[str, str]]:
    """Questions of Banking77 (Casanueva et al. 2020) with their intents."""
    path = data_folder() / "topics" / "banking77" / f"{split}.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        return [(row["text"], row["category"]) for row in csv.DictReader(stream)]


def sorted_by(
    read: Reader, train: list[tuple[str, str]], asked: list[tuple[str, str]] | None, known: int, seed: int
) -> dict[str, float]:
    """Figures of one draw of categories and examples; `asked` none: the train questions that were no example."""
    draw = np.random.default_rng(seed)
    by_intent: defaultdict[str, list[str]] = defaultdict(list)
    for text, intent in train:
        by_intent[intent].append(text)
    chosen = sorted(draw.choice(sorted(by_intent), known, replace=False).tolist())
    picked = {i: [by_intent[i][k] for k in draw.choice(len(by_intent[i]), _EXAMPLES, replace=False)] for i in chosen}
    categories = [Category(intent.replace("_", " "), None, tuple(picked[intent])) for intent in chosen]
    used = {text for texts in picked.values() for text in texts}
    rest = [pair for pair in train if pair[0] not in used]
    background = read([rest[i][0] for i in draw.permutation(len(rest))[:_BACKGROUND]])
    topics = placed(categories, lambda texts: read(list(texts)), background)
    pairs = rest if asked is None else asked
    embeddings = read([text for text, _ in pairs])
    found = TopicIndex(1, topics).nearest(embeddings)
    truth = np.array([chosen.index(intent) if intent in picked else -1 for _, intent in pairs])
    nearest = (embeddings @ np.stack([topic.centroid for topic in topics]).T).argmax(axis=1)
    inside, given, right = truth >= 0, found >= 0, (found == truth) & (truth >= 0)
    precision, recall = right.sum() / max(1, given.sum()), right.sum() / inside.sum()
    return {
        "coverage": float(given.mean()),
        "accuracy": float((found == truth).mean()),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(2 * precision * recall / max(precision + recall, 1e-9)),
        "nearest_accuracy": float((nearest == truth)[inside].mean()),
    }


def main(arguments: list[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--split", choices=("train", "test"), default="test")
    parser.add_argument("--draws", type=int, default=5, help="Draws of the examples; figures are means.")
    parser.add_argument("--most", type=int, help="Of each split so many questions, for a trial.")
    options = parser.parse_args(arguments)
    read, began = Reader(), time.monotonic()
    train = questions("train")
    asked = questions("test")[: options.most] if options.split == "test" else None
    if options.most:
        train = train[:: max(1, len(train) // options.most)]
    intents = len({intent for _, intent in train})
    figures: dict[str, float] = {}
    print(describe(), file=sys.stderr)
    print(f"{'categories':12}{'coverage':>10}{'accuracy':>10}{'precision':>11}{'recall':>8}{'F1':>7}{'nearest':>9}")
    for known in (intents, intents // 2, 10):
        runs = [sorted_by(read, train, asked, known, seed) for seed in range(options.draws)]
        mean = {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}
        print(
            f"{known:<12}" + "".join(f"{v:>{w}.3f}" for v, w in zip(mean.values(), (10, 10, 11, 8, 7, 9), strict=True))
        )
        figures |= {f"taxonomy_{known}_{name}": round(value, 3) for name, value in mean.items()}
    figures["seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps({"split": options.split, "draws": options.draws, **figures}))


if __name__ == "__main__":
    main(sys.argv[1:])
