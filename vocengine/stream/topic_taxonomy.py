"""A company's taxonomy end to end: a file → places in the encoder's space → a registry version in force."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vocengine.pipeline import Models
from vocengine.settings import Settings
from vocengine.store import engine as store_engine
from vocengine.store import taxonomies
from vocengine.store.engine import Engine
from vocengine.store.samples import sample_texts
from vocengine.store.taxonomies import Outcome, Step
from vocengine.stream.enrich_member import load_models
from vocengine.stream.topic_discovery import embed, read_spans
from vocengine.topics.assign import Topic, TopicIndex
from vocengine.topics.taxonomy import Category, load_taxonomy, placed

# The median over so many clauses of a few thousand texts holds to about 0.01.
_SAMPLE_TEXTS = 2_000
_SAMPLE_SPANS = 4_000


@dataclass(frozen=True, slots=True)
class Expected:
    """What a category would hold: its part (0..1) of the sampled clauses, and those nearest to it."""

    name: str
    threshold: float
    share: float
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What applying a file would do; `coverage` is the part (0..1) of `spans` sampled clauses in any category."""

    steps: tuple[Step, ...]
    unchanged: int
    expected: tuple[Expected, ...]
    spans: int
    coverage: float


def preview(settings: Settings, path: Path, *, models: Models | None = None) -> Preview:
    """What applying a file would do; nothing is put in force. Raises TaxonomyError and RegistryError."""
    defined = load_taxonomy(path)
    engine = store_engine.connect(settings)
    models = models or load_models(settings)
    topics, spans, embeddings = _placed(settings, engine, defined, models)
    with store_engine.transaction(engine) as connection:
        taxonomies.check_encoder(connection, models.encoder.info.digest)
        steps, unchanged = taxonomies.steps(connection, defined, topics)
    nearest = TopicIndex(0, topics).nearest(embeddings)
    expected = []
    for place, topic in enumerate(topics):
        own = np.flatnonzero(nearest == place)
        told = own[np.argsort(-(embeddings[own] @ topic.centroid))]
        examples = tuple(dict.fromkeys(spans[i] for i in told[:10]))[:3]
        expected.append(Expected(topic.label, topic.threshold, len(own) / max(1, len(spans)), examples))
    coverage = float((nearest >= 0).mean()) if len(spans) else 0.0
    return Preview(tuple(steps), unchanged, tuple(expected), len(spans), coverage)


def apply(settings: Settings, path: Path, *, by: str, models: Models | None = None) -> Outcome:
    """Make the file the company's taxonomy, in one transaction. Raises TaxonomyError and RegistryError."""
    defined = load_taxonomy(path)
    engine = store_engine.connect(settings)
    models = models or load_models(settings)
    topics, _, _ = _placed(settings, engine, defined, models)
    with store_engine.transaction(engine) as connection:
        return taxonomies.apply(connection, defined, topics, encoder_digest=models.encoder.info.digest, by=by)


def _placed(
    settings: Settings, engine: Engine, defined: tuple[Category, ...], models: Models
) -> tuple[tuple[Topic, ...], list[str], npt.NDArray[np.float32]]:
    with store_engine.transaction(engine) as connection:
        texts = sample_texts(connection, limit=_SAMPLE_TEXTS, before=None, seed=settings.topics.seed)
    nothing = np.zeros((0, models.encoder.info.dimensions), dtype=np.float32)
    spans, embeddings = read_spans(texts, models, _SAMPLE_SPANS) if texts else ([], nothing)
    return placed(defined, lambda told: embed(told, models), embeddings), spans, embeddings
