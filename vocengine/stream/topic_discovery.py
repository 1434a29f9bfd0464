"""Discovery end to end: a sample of feedback → spans and embeddings → BERTopic → a registry version in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vocengine.contracts import Feedback, decode_feedback
from vocengine.errors import RegistryError
from vocengine.pipeline import Models, what_was_said
from vocengine.settings import Settings
from vocengine.store import engine as store_engine
from vocengine.store import registry
from vocengine.store.samples import sample_texts
from vocengine.stream.enrich_member import load_models
from vocengine.text import segment
from vocengine.topics import discover as topic_discover


@dataclass(frozen=True, slots=True)
class Report:
    """What was put in force."""

    version: int
    topics: int
    spans: int
    outlier_share: float


def discover(
    settings: Settings, *, from_file: Path | None = None, before: datetime | None = None, models: Models | None = None
) -> Report:
    """Discover topics on a sample and put them in force. Raises RegistryError where there is too little text."""
    engine = store_engine.connect(settings)
    models = models or load_models(settings)
    if from_file is not None:
        texts = _texts_of_file(from_file, before, models)
    else:
        with store_engine.transaction(engine) as connection:
            texts = sample_texts(
                connection, limit=settings.topics.sample_spans, before=before, seed=settings.topics.seed
            )
    if not texts:
        raise RegistryError("there is no feedback to discover topics in: import some first, or give --from-file")
    spans, embeddings = _read(texts, models, settings.topics.sample_spans)
    found = topic_discover.discover(
        spans, embeddings, min_topic_spans=settings.topics.min_topic_spans, seed=settings.topics.seed
    )
    with store_engine.transaction(engine) as connection:
        version = registry.add_version(
            connection,
            found.topics,
            encoder_digest=models.encoder.info.digest,
            spans_fitted=found.spans,
            outlier_share=found.outlier_share,
            settings=settings.topics.model_dump(),
        )
    return Report(version, len(found.topics), found.spans, found.outlier_share)


def _texts_of_file(path: Path, before: datetime | None, models: Models) -> list[str]:
    texts = []
    with path.open("rb") as lines:
        for line in lines:
            event = decode_feedback(line)
            if isinstance(event, Feedback) and (before is None or event.occurred_at < before):
                texts.append(what_was_said(event, models.names).text)
    return texts


def _read(texts: list[str], models: Models, most: int) -> tuple[list[str], npt.NDArray[np.float32]]:
    clauses = [[(c.start, c.end) for c in segment(text)] for text in texts]
    read = models.encoder.encode(texts, clauses)
    spans = [text[start:end] for text, cut in zip(texts, clauses, strict=True) for start, end in cut]
    return spans[:most], read.span_embedding[:most]
