"""How topics hold over refits, beside BERTopic with its defaults on the same embeddings: `python -m benchmarks.topics`.

Prints a table, and one line of JSON as its last. `benchmarks/README.md` says what each figure means.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import numpy.typing as npt
import orjson
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, normalized_mutual_info_score

from benchmarks import topics_emerging, topics_scale
from benchmarks.coherence import diversity, npmi
from benchmarks.machine import describe
from benchmarks.texts import load_texts
from vocengine.corpora import data_folder
from vocengine.encoder import load_encoder
from vocengine.text import clean, mask, segment
from vocengine.topics.assign import Topic, TopicIndex
from vocengine.topics.discover import MIN_WORDS, discover
from vocengine.topics.lineage import plan

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
_MIN_TOPIC_SPANS = 15
_SEED = 7


@dataclass(frozen=True, slots=True)
class Spans:
    """Texts of spans with their embeddings (n, d), of unit length."""

    texts: list[str]
    embeddings: Floats

    def __getitem__(self, part: slice) -> Spans:
        return Spans(self.texts[part], self.embeddings[part])


class Registry:
    """Topics in force, as the registry of the engine keeps them, without its database."""

    def __init__(self) -> None:
        self.index: TopicIndex | None = None
        self._given = 0

    def refit(self, spans: Spans, *, seed: int = _SEED) -> None:
        """Discover on these spans, match to what is in force, put in force."""
        found = discover(spans.texts, spans.embeddings, min_topic_spans=_MIN_TOPIC_SPANS, seed=seed)
        planned = plan(self.index, found, min_topic_spans=_MIN_TOPIC_SPANS)
        version = 1 if self.index is None else self.index.version + 1
        self.index = TopicIndex(version, tuple(self._numbered(topic) for topic in planned.topics))

    def copy(self) -> Registry:
        """The same topics, to try another refit on."""
        other = Registry()
        other.index, other._given = self.index, self._given
        return other

    def ids(self, spans: Spans) -> Integers:
        """(n,) topic ids, -1 for none."""
        assert self.index is not None
        numbers = np.array([topic.topic_id for topic in self.index.topics] + [-1])
        return numbers[self.index.nearest(spans.embeddings)]

    def _numbered(self, topic: Topic) -> Topic:
        if topic.topic_id:
            return topic
        self._given += 1
        return Topic(
            self._given, topic.label, topic.keywords, topic.centroid, topic.threshold, topic.size, topic.examples
        )


def bertopic(spans: Spans, *, seed: int = _SEED) -> tuple[Any, Integers]:
    """BERTopic, fitted, with its defaults but for the seed, and (n,) its topics; -1 for outliers."""
    from bertopic import BERTopic
    from umap import UMAP

    reduce = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=seed)
    model = BERTopic(embedding_model=None, umap_model=reduce)
    return model, np.asarray(model.fit_transform(spans.texts, embeddings=spans.embeddings)[0], dtype=np.int64)


def kept_share(before: Integers, after: Integers) -> float:
    """Share of the spans that had a topic whose topic has the same number after."""
    had = before >= 0
    return float((before[had] == after[had]).mean())


def best_kept_share(before: Integers, after: Integers) -> float:
    """The same after the best one-to-one renaming of `after`: what a person could do by hand at most."""
    had = before >= 0
    shared = np.zeros((before.max() + 1, after.max() + 1), dtype=np.int64)
    both = had & (after >= 0)
    np.add.at(shared, (before[both], after[both]), 1)
    rows, columns = linear_sum_assignment(-shared)
    return float(shared[rows, columns].sum() / had.sum())


def alone(ids: Integers) -> Integers:
    """Each span without a topic as a group of its own, so that leaving texts out is an error and not a group."""
    none = ids < 0
    found = ids.copy()
    found[none] = ids.max() + 1 + np.arange(none.sum())
    return found


def quality(
    spans: Spans, truth: Sequence[str], held_out: Spans, held_out_truth: Sequence[str], seeds: Sequence[int]
) -> dict[str, float]:
    """Agreement of topics with the intents that people gave, this engine and BERTopic, means over the seeds.

    Of the texts that were fitted, as the fit has them, and of texts that came later, as each assigns them.
    """
    long_enough = [len(text.split()) >= MIN_WORDS for text in spans.texts]
    figures: dict[str, list[float]] = {}
    for seed in seeds:
        found = discover(spans.texts, spans.embeddings, min_topic_spans=_MIN_TOPIC_SPANS, seed=seed)
        # Texts too short to be fitted count as texts in no topic.
        ours = np.full(len(spans.texts), -1, dtype=np.int64)
        ours[long_enough] = found.assigned
        topics = enumerate(found.topics)
        index = TopicIndex(1, tuple(Topic(i, t.label, t.keywords, t.centroid, t.threshold, t.size) for i, t in topics))
        model, theirs = bertopic(spans, seed=seed)
        later = np.asarray(model.transform(held_out.texts, embeddings=held_out.embeddings)[0], dtype=np.int64)
        for name, ids, intents in (
            ("", ours, truth),
            ("bertopic_", theirs, truth),
            ("later_", index.nearest(held_out.embeddings), held_out_truth),
            ("bertopic_later_", later, held_out_truth),
        ):
            for figure, value in {
                "nmi": normalized_mutual_info_score(intents, alone(ids)),
                "ari": adjusted_rand_score(intents, alone(ids)),
                "ami": adjusted_mutual_info_score(intents, alone(ids)),
                "outlier_share": float((ids < 0).mean()),
                "topics": len(set(ids.tolist()) - {-1}),
            }.items():
                figures.setdefault(f"{name}{figure}", []).append(value)
    return {name: float(np.mean(values)) for name, values in figures.items()}


def words(spans: Spans, documents: Sequence[str]) -> dict[str, float]:
    """Coherence and diversity of the words by which topics are described, this engine and BERTopic."""
    found = discover(spans.texts, spans.embeddings, min_topic_spans=_MIN_TOPIC_SPANS, seed=_SEED)
    model, _ = bertopic(spans)
    theirs = [[word for word, _ in said] for number, said in model.get_topics().items() if number >= 0]
    figures: dict[str, float] = {}
    for name, lists in (("", [topic.keywords for topic in found.topics]), ("bertopic_", theirs)):
        figures[f"{name}npmi"] = npmi(lists, documents)
        figures[f"{name}diversity"] = diversity(lists)
        figures[f"{name}topics"] = len(lists)
    return figures


def assignment_rate(index: TopicIndex, embeddings: Floats) -> float:
    """Spans a second that get their topics, in batches of the stream's size, on one thread."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        began = time.perf_counter()
        done = 0
        while (took := time.perf_counter() - began) < 2:
            index.assign(embeddings[:2_000])
            done += len(embeddings[:2_000])
    return done / took


def spans_of(texts: Sequence[str], *, cut: bool) -> Spans:
    """The clauses of texts that are long enough for a topic, or the texts themselves, embedded in one pass.

    Masked as the engine masks them, so that neither side describes topics by people's handles.
    """
    encoder = load_encoder()
    texts = [mask(clean(text)).text for text in texts]
    if not cut:
        return Spans(list(texts), encoder.encode(list(texts), [()] * len(texts)).embedding)
    clauses = [[(c.start, c.end) for c in segment(text)] for text in texts]
    read = encoder.encode(list(texts), clauses)
    said = [text[start:end] for text, found in zip(texts, clauses, strict=True) for start, end in found]
    keep = [i for i, text in enumerate(said) if len(text.split()) >= MIN_WORDS]
    return Spans([said[i] for i in keep], read.span_embedding[keep])


def stability(spans: Spans, window: int, seeds: int) -> dict[str, Any]:
    """Two windows that overlap by half; ids of the common spans before and after the refit on the second."""
    first, second = spans[:window], spans[window // 2 : window // 2 + window]
    common = spans[window // 2 : window]
    registry = Registry()
    registry.refit(first)
    before = registry.ids(common)
    _say(f"{len(set(before.tolist()) - {-1})} topics in the first window of {window:,} spans")
    shares = []
    for seed in range(_SEED, _SEED + 1 + seeds):
        again = registry.copy()
        again.refit(second, seed=seed)
        shares.append(kept_share(before, again.ids(common)))
    _say("BERTopic on both windows")
    _, theirs = bertopic(first)
    theirs_before, theirs_after = theirs[window // 2 :], bertopic(second)[1][: window // 2]
    return {
        "id_stability": shares[0],
        "id_stability_other_seeds": float(np.mean(shares[1:])) if seeds else None,
        "bertopic_topics": len(set(theirs.tolist()) - {-1}),
        "bertopic_id_stability": kept_share(theirs_before, theirs_after),
        "bertopic_id_stability_best_renaming": best_kept_share(theirs_before, theirs_after),
        "outlier_share": float((registry.ids(first) < 0).mean()),
        "bertopic_outlier_share": float((theirs < 0).mean()),
        "assigned_spans_per_s": round(assignment_rate(registry.index, spans.embeddings)),  # type: ignore[arg-type]
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--window", type=int, default=5_000, help="spans of a window")
    parser.add_argument("--seeds", type=int, default=5, help="other seeds that the refit is tried with")
    parser.add_argument("--texts", type=int, default=4_000, help="of each set with intents")
    parser.add_argument("--quality-seeds", type=int, default=3, help="seeds that agreement with intents is the mean of")
    parser.add_argument("--full", action="store_true", help="also a fit on 100,000 clauses and a million assigned")
    options = parser.parse_args()
    began = time.monotonic()
    wanted = options.window + options.window // 2
    tweets = [verbatim.text for verbatim in load_texts(1).verbatims]
    _say("reading airline tweets")
    found = spans_of(tweets[: wanted // 2 + 500], cut=True)
    result: dict[str, Any] = stability(found, min(options.window, 2 * len(found.texts) // 3), options.seeds)
    for name, part in (("airline", tweets), ("clothing", reviews())):
        _say(f"words of {name}")
        texts = part[: options.texts // 2]
        result |= {f"{name}_{key}": value for key, value in words(spans_of(texts, cut=True), texts).items()}
    seeds = range(_SEED, _SEED + options.quality_seeds)
    for name, (fitted, later) in _labelled(options.texts).items():
        _say(f"topics of {name}")
        (texts, truth), (later_texts, later_truth) = fitted, later
        figures = quality(spans_of(texts, cut=False), truth, spans_of(later_texts, cut=False), later_truth, seeds)
        result |= {f"{name}_{key}": value for key, value in figures.items()}
    _say("new topics between two fits, on Banking77")
    result |= topics_emerging.measure(topics_emerging.banking77(), _say)
    if options.full:
        with TemporaryDirectory() as scratch:
            topics_scale.write_clauses(Path(scratch), 100_000, _say)
            result |= topics_scale.measure(Path(scratch), fitted=100_000, assigned=1_000_000, say=_say)
    result = {key: round(value, 4) if isinstance(value, float) else value for key, value in result.items()}
    from vocengine.terminal import table

    table(["figure", "measured"], [[key, str(value)] for key, value in result.items()])
    result["took_s"] = round(time.monotonic() - began, 1)
    print(orjson.dumps(result | describe()).decode())


_Pairs = tuple[list[str], list[str]]


def _labelled(most: int) -> dict[str, tuple[_Pairs, _Pairs]]:
    """For each set, texts with their intents to fit on, and others that come later."""
    import csv
    import random

    folder = data_folder() / "topics"
    banking = {}
    for split in ("train", "test"):
        with (folder / "banking77" / f"{split}.csv").open(encoding="utf-8", newline="") as stream:
            banking[split] = [(row["text"], row["category"]) for row in csv.DictReader(stream)]
    clinc = {
        key: list(map(tuple, pairs))
        for key, pairs in json.loads((folder / "clinc150" / "data_full.json").read_bytes()).items()
    }
    found = {}
    # The settings of discovery were chosen on the train splits; the fits are of the test splits.
    for name, fitted, later in (
        ("banking77", banking["test"], banking["train"]),
        ("clinc150", clinc["test"], clinc["val"]),
    ):
        parts = []
        for pairs in (fitted, later):
            random.Random(_SEED).shuffle(pairs)
            parts.append(([text for text, _ in pairs[:most]], [intent for _, intent in pairs[:most]]))
        found[name] = (parts[0], parts[1])
    return found


def reviews() -> list[str]:
    import csv

    with (data_folder() / "streams" / "womens_clothing_reviews.csv").open(encoding="utf-8", newline="") as stream:
        return [text for row in csv.DictReader(stream) if (text := row["Review Text"].strip())]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
