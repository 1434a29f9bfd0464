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
from safetensors.torch import load_file
from torch import Tensor

from vocengine import corpora
from vocengine.corpora import Example
from vocengine.encoder.artifact import BaseRef, ModelConfig, save
from vocengine.encoder.base import BASE_NAME, BASE_SHA256
from vocengine.encoder.interface import SENTIMENT_LABELS, Floats, Integers
from vocengine.encoder.precision import bf16_is_faster
from vocengine.encoder.voc_encoder import VocEncoder, load
from vocengine.errors import SettingsError
from vocengine.evaluation import authored, public
from vocengine.training.average import average
from vocengine.training.calibrate import prior_bias, temperature, thresholds
from vocengine.training.losses import heads_of
from vocengine.training.recipe import Recipe

log = logging.getLogger(__name__)


def export(
    recipe: Recipe,
    *,
    checkpoint: Path,
    folder: Path,
    target: Path,
    earlier: Path | None = None,
    measure_test: bool = True,
) -> dict[str, Any]:
    """Write the model folder `target` from a checkpoint, and `metrics.json` beside it; returns the metrics.

    A recipe whose `own_share` is below 1 needs `earlier`, the weights of another training that these are averaged with.
    Raises SettingsError where they are not named.
    """
    stored = torch.load(checkpoint, weights_only=True)
    state = stored["network"]
    if recipe.own_share < 1:
        if earlier is None:
            raise SettingsError("the recipe averages with an earlier training: name its model.safetensors with --with")
        state = average(state, load_file(earlier), share=recipe.own_share)
    state = _evened(state, folder, recipe)
    labels = corpora.emotion_labels(folder)
    intents = corpora.INTENT_LABELS if "intents" in recipe.tasks else ()
    config = ModelConfig(
        name=recipe.name,
        version=recipe.version,
        languages=recipe.languages,
        base=BaseRef(name=BASE_NAME, sha256=BASE_SHA256),
        weights_sha256="",
        heads=heads_of(list(recipe.tasks)),
        sentiment_labels=SENTIMENT_LABELS,
        emotion_labels=labels,
        emotion_thresholds=(0.5,) * len(labels),
        tweet_emotion_labels=corpora.TWEET_EMOTION_LABELS,
        intent_labels=intents,
        intent_thresholds=(0.5,) * len(intents),
        sentiment_temperature=1.0,
        span_temperature=1.0,
        training_data=corpora.digests(folder),
    )
    save(target, config, state)
    # Temperatures and thresholds are fitted on what the weights say, not on what integers round it to.
    backend = "torch-bf16" if bf16_is_faster() else "torch-fp32"
    raw = load(target, backend=backend, threads=None, cache_dir=checkpoint.parent)
    config = config.model_copy(
        update=_fitted(raw, folder, recipe.evenness) | (_fitted_authored(raw) if intents else {})
    )
    save(target, config, state)
    encoder = load(target, backend=backend, threads=None, cache_dir=checkpoint.parent)
    metrics: dict[str, Any] = {"step": stored["step"], "backend": encoder.info.backend}
    for split in ("val", "test") if measure_test else ("val",):
        metrics[split] = public.measure(encoder, folder, split)
        if config.intent_labels:
            metrics[split] |= authored.measure(encoder, split)
        log.info("%s %s", split, json.dumps(metrics[split]))
    (target / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    return metrics


def _evened(state: dict[str, Tensor], folder: Path, recipe: Recipe) -> dict[str, Tensor]:
    """The weights with the head of the four emotions set to the spread of classes that the recipe takes for granted."""
    name = "heads.tweet_emotion.out.bias"
    if name not in state or not recipe.evenness:
        return state
    bias = prior_bias(_labels(corpora.tweet_emotion(folder, "train")), recipe.evenness)
    return state | {name: state[name] + torch.tensor(bias)}


def _fitted(encoder: VocEncoder, folder: Path, evenness: float) -> dict[str, Any]:
    """Thresholds and temperatures by the val splits, of an encoder whose temperatures are 1 and whose bias is 0."""
    comments = corpora.emotions(folder, "val")
    emotions = encoder.encode(_texts(comments), [()] * len(comments)).emotions
    tweets = corpora.sentiment(folder, "val")
    sentiment = encoder.encode(_texts(tweets), [()] * len(tweets)).sentiment
    clauses = corpora.spans(folder, "val", pool="clause")
    span_sentiment = encoder.encode(_texts(clauses), [example.spans for example in clauses]).span_sentiment
    bias = prior_bias(_labels(corpora.sentiment(folder, "train")), evenness)
    # The bias is by how much more frequent a class is taken to be.
    weights = np.exp(np.array(bias, dtype=np.float32))
    return {
        "emotion_thresholds": tuple(thresholds(emotions, public.many(comments, emotions.shape[1]))),
        "sentiment_bias": bias,
        "sentiment_temperature": temperature(_logits(sentiment) + np.log(weights), _labels(tweets), weights=weights),
        "span_temperature": temperature(_logits(span_sentiment), _labels(clauses)),
    }


def _fitted_authored(encoder: VocEncoder) -> dict[str, Any]:
    examples = corpora.intents("val")
    intents = encoder.encode(_texts(examples), [()] * len(examples)).intents
    said = np.array([example.labels[0] > 0 for example in corpora.effort("val")])
    silent = encoder.task_probabilities("effort", _texts(examples))[:, :1]
    return {
        "intent_thresholds": tuple(thresholds(intents, public.many(examples, intents.shape[1]))),
        "effort_threshold": thresholds(1 - silent, said[:, None])[0],
    }


def _texts(examples: Sequence[Example]) -> list[str]:
    return [example.text for example in examples]


def _labels(examples: Sequence[Example]) -> Integers:
    return np.array([label for example in examples for label in example.labels], dtype=np.int64)


def _logits(probabilities: Floats) -> Floats:
    # A softmax at temperature 1 gives its logits back up to a constant, which a softmax does not see.
    return np.log(np.clip(probabilities, 1e-12, None))
