"""Who reads sentiment: this engine, a model of the Hugging Face hub, or a lexicon, all behind one method."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from vocengine.encoder.interface import Floats
from vocengine.encoder.voc_encoder import VocEncoder
from vocengine.errors import ModelMissing, SettingsError

_BATCH_TEXTS = 32
_STARS = re.compile(r"^\s*([1-5])\s*stars?\s*$", re.I)


class Reader(Protocol):
    """Reads the sentiment of texts."""

    name: str

    def sentiment(self, texts: Sequence[str]) -> Floats:
        """(n, 3) probabilities, or shares, of negative, neutral, positive."""
        ...


class EncoderReader:
    """This engine's encoder."""

    def __init__(self, encoder: VocEncoder) -> None:
        self.name = f"{encoder.info.name} {encoder.info.version}"
        self._encoder = encoder

    def sentiment(self, texts: Sequence[str]) -> Floats:
        return self._encoder.encode(list(texts), [()] * len(texts)).sentiment


class HubReader:
    """Any sequence classifier that transformers loads, from a folder or by its id on the hub.

    Labels must be negative, neutral, positive by name, or 1 to 5 stars: one and two are negative, three is neutral.
    """

    def __init__(self, model: str) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        try:
            self._tokenizer = AutoTokenizer.from_pretrained(model)
            self._model = AutoModelForSequenceClassification.from_pretrained(model).eval()
        except (OSError, ValueError) as error:
            raise ModelMissing(
                f"the model {model!r} is neither bundled nor a model folder, and the Hugging Face hub does not give it "
                f"({str(error).splitlines()[0]}): fetch it where there is a network and name its folder"
            ) from None
        self.name = model
        self._torch = torch
        self._places = [_place(str(name), model) for _, name in sorted(self._model.config.id2label.items())]

    def sentiment(self, texts: Sequence[str]) -> Floats:
        found = np.zeros((len(texts), 3), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        with self._torch.inference_mode():
            for begin in range(0, len(order), _BATCH_TEXTS):
                rows = order[begin : begin + _BATCH_TEXTS]
                inputs = self._tokenizer(
                    [texts[row] for row in rows], padding=True, truncation=True, return_tensors="pt"
                )
                probabilities = self._model(**inputs).logits.softmax(-1).numpy()
                for label, place in enumerate(self._places):
                    found[rows, place] += probabilities[:, label]
        return found


class VaderReader:
    """VADER (Hutto and Gilbert 2014): a lexicon with rules; its compound score is cut at ±0.05 as its authors do."""

    name = "VADER"

    def __init__(self) -> None:
        try:
            from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
        except ImportError:
            raise ModelMissing("VADER is not installed: pip install vaderSentiment==3.3.2") from None
        self._analyzer = SentimentIntensityAnalyzer()

    def sentiment(self, texts: Sequence[str]) -> Floats:
        found = np.zeros((len(texts), 3), dtype=np.float32)
        for row, text in enumerate(texts):
            score = self._analyzer.polarity_scores(text)["compound"]
            # Shares whose difference is the score and whose greatest is the label.
            found[row] = (max(0.0, -score), 0.0, max(0.0, score)) if abs(score) >= 0.05 else (0.0, 1.0, 0.0)
        return found


def open_reader(model: str, *, backend: str, threads: int | None) -> Reader:
    """The reader of a name: `vader`, a bundled model or a model folder of ours, else a model of the hub.

    Raises ModelMissing where there is none of these, ModelDamaged for a damaged one, SettingsError for labels that
    are no sentiment.
    """
    from vocengine.encoder.voc_encoder import load

    if model.lower() == "vader":
        return VaderReader()
    if not is_foreign(model):
        return EncoderReader(load(model, backend=backend, threads=threads, cache_dir=None))
    return HubReader(model)


def is_foreign(model: str) -> bool:
    """Whether a name means another reader than ours: vader, `owner/name` of the hub, or a folder of transformers."""
    if model.lower() == "vader":
        return True
    config = Path(model) / "config.json"
    if config.is_file():
        return '"model_type"' in config.read_text(encoding="utf-8", errors="replace")
    return "/" in model


def _place(label: str, model: str) -> int:
    stars = _STARS.match(label)
    if stars:
        return (0, 0, 1, 2, 2)[int(stars[1]) - 1]
    for place, start in enumerate(("neg", "neu", "pos")):
        if label.lower().startswith(start):
            return place
    raise SettingsError(
        f"label {label!r} of the model {model!r} is no sentiment: negative, neutral, positive or 1 to 5 stars are read"
    )
