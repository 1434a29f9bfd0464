"""From a checkpoint to a model folder: fit thresholds and temperature on val, write, then look at test once.

Everything is measured through the very code that serves: `VocEncoder`, as loaded from the written folder.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import accuracy_score, f1_score, normalized_mutual_info_score, recall_score

from vocengine.encoder.artifact import BaseRef, ModelConfig, save
from vocengine.encoder.base import BASE_NAME, BASE_SHA256
from vocengine.encoder.interface import SENTIMENT_LABELS, Floats, Integers
from vocengine.encoder.precision import bf16_is_faster
from vocengine.encoder.voc_encoder import VocEncoder, load
from vocengine.training import corpora
from vocengine.training.calibrate import calibration_error, temperature, thresholds
from vocengine.training.corpora import Example
from vocengine.training.recipe import Recipe
from vocengine.training.trainer import HEADS

log = logging.getLogger(__name__)


def export(
    recipe: Recipe, *, checkpoint: Path, folder: Path, target: Path, measure_test: bool = True
) -> dict[str, Any]:
    """Write the model folder `target` from a checkpoint, and `metrics.json` beside it; returns the metrics."""
    stored = torch.load(checkpoint, weights_only=True)
    state = stored["network"]
    labels = corpora.emotion_labels(folder)
    config = ModelConfig(
        name=recipe.name,
        version=recipe.version,
        languages=recipe.languages,
        base=BaseRef(name=BASE_NAME, sha256=BASE_SHA256),
        weights_sha256="",
        heads=HEADS,
        sentiment_labels=SENTIMENT_LABELS,
        emotion_labels=labels,
        emotion_thresholds=(0.5,) * len(labels),
        tweet_emotion_labels=corpora.TWEET_EMOTION_LABELS,
        sentiment_temperature=1.0,
        span_temperature=1.0,
        training_data=corpora.digests(folder),
    )
    save(target, config, state)
    # Temperatures and thresholds are fitted on what the weights say, not on what integers round it to.
    backend = "torch-bf16" if bf16_is_faster() else "torch-fp32"
    raw = load(target, backend=backend, threads=None, cache_dir=checkpoint.parent)
    config = config.model_copy(update=_fitted(raw, folder))
    save(target, config, state)
    encoder = load(target, backend=backend, threads=None, cache_dir=checkpoint.parent)
    metrics: dict[str, Any] = {"step": stored["step"], "backend": encoder.info.backend}
    for split in ("val", "test") if measure_test else ("val",):
        metrics[split] = measure(encoder, folder, split)
        log.info("%s %s", split, json.dumps(metrics[split]))
    (target / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    return metrics


def measure(encoder: VocEncoder, folder: Path, split: str) -> dict[str, float]:
    """Every figure of the model card on one split, in percent where it is a share."""
    figures: dict[str, float] = {}
    tweets = corpora.sentiment(folder, split)
    labels = _labels(tweets)
    read = encoder.encode(_texts(tweets), [()] * len(tweets))
    figures["tweeteval_sentiment_macro_recall"] = recall_score(labels, read.sentiment.argmax(1), average="macro")
    figures["tweeteval_sentiment_calibration_error"] = calibration_error(read.sentiment, labels)

    tweets = corpora.tweet_emotion(folder, split)
    guessed = encoder.task_probabilities("tweet_emotion", _texts(tweets)).argmax(1)
    figures["tweeteval_emotion_macro_f1"] = f1_score(_labels(tweets), guessed, average="macro")

    comments = corpora.emotions(folder, split)
    probabilities = encoder.encode(_texts(comments), [()] * len(comments)).emotions
    passed = probabilities >= np.asarray(encoder.info.emotion_thresholds)
    truth = _many(comments, probabilities.shape[1])
    figures["goemotions_macro_f1"] = f1_score(truth, passed, average="macro", zero_division=0)
    figures["goemotions_micro_f1"] = f1_score(truth, passed, average="micro", zero_division=0)

    for pool in ("clause", "term"):
        figures[f"mams_atsa_accuracy_{pool}"] = _span_accuracy(encoder, corpora.spans(folder, split, pool=pool))
    if split == "test":
        semeval = folder / "absa" / "semeval14"
        for name, file in (
            ("restaurants", "Restaurants_Test_Gold.xml"),
            ("laptops", "Laptops_Test_Gold.xml"),
        ):
            for pool in ("clause", "term"):
                examples = list(corpora.aspect_terms(semeval / file, pool=pool))
                figures[f"semeval14_{name}_accuracy_{pool}"] = _span_accuracy(encoder, examples)
        figures["banking77_kmeans_nmi"] = _banking_nmi(encoder, folder)
    return {name: round(100 * float(value), 2) for name, value in figures.items()}


def _fitted(encoder: VocEncoder, folder: Path) -> dict[str, Any]:
    """Thresholds and temperatures by the val splits, of an encoder whose temperatures are 1."""
    comments = corpora.emotions(folder, "val")
    emotions = encoder.encode(_texts(comments), [()] * len(comments)).emotions
    tweets = corpora.sentiment(folder, "val")
    sentiment = encoder.encode(_texts(tweets), [()] * len(tweets)).sentiment
    clauses = corpora.spans(folder, "val", pool="clause")
    span_sentiment = encoder.encode(_texts(clauses), [example.spans for example in clauses]).span_sentiment
    return {
        "emotion_thresholds": tuple(thresholds(emotions, _many(comments, emotions.shape[1]))),
        "sentiment_temperature": temperature(_logits(sentiment), _labels(tweets)),
        "span_temperature": temperature(_logits(span_sentiment), _labels(clauses)),
    }


def _span_accuracy(encoder: VocEncoder, examples: Sequence[Example]) -> float:
    read = encoder.encode(_texts(examples), [example.spans for example in examples])
    return float(accuracy_score(_labels(examples), read.span_sentiment.argmax(1)))


def _banking_nmi(encoder: VocEncoder, folder: Path) -> float:
    """How well k-means over the embeddings finds the 77 intents: whether the embedding was kept."""
    texts, intents = corpora.banking_questions(folder)
    embedding = encoder.encode(texts, [()] * len(texts)).embedding
    groups = KMeans(len(set(intents)), n_init=2, random_state=0).fit_predict(embedding)
    return float(normalized_mutual_info_score(intents, groups))


def _texts(examples: Sequence[Example]) -> list[str]:
    return [example.text for example in examples]


def _labels(examples: Sequence[Example]) -> Integers:
    return np.array([label for example in examples for label in example.labels], dtype=np.int64)


def _many(examples: Sequence[Example], labels: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    truth = np.zeros((len(examples), labels), dtype=bool)
    for row, example in enumerate(examples):
        truth[row, list(example.labels)] = True
    return truth


def _logits(probabilities: Floats) -> Floats:
    # A softmax at temperature 1 gives its logits back up to a constant, which a softmax does not see.
    return np.log(np.clip(probabilities, 1e-12, None))
