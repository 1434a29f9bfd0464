"""A split by a person end to end: the stored clauses of a topic, read again → parts → a registry version in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vocengine.errors import RegistryError
from vocengine.pipeline import Models
from vocengine.settings import Settings
from vocengine.store import engine as store_engine
from vocengine.store import registry, splits
from vocengine.store.samples import topic_clauses
from vocengine.stream.enrich_member import load_models
from vocengine.stream.topic_discovery import embed
from vocengine.topics import split as topic_split
from vocengine.topics.discover import Discovered

# What is read again: the newest clauses say what the topic is now, and so many are read within a minute.
MOST_CLAUSES = 5_000


@dataclass(frozen=True, slots=True)
class Report:
    """The parts, the biggest first, with their ids once they are in force, and of how many clauses they were made."""

    version: int
    ids: tuple[int, ...]
    parts: tuple[Discovered, ...]
    spans: int


def split(
    settings: Settings,
    topic_id: int,
    *,
    into: int | None = None,
    phrases: Sequence[str] = (),
    by: str,
    models: Models | None = None,
) -> Report:
    """Split a topic into so many parts, or by phrases that name them, and put the parts in force in one transaction.

    The biggest part keeps the id. Raises RegistryError where the topic is not in force or does not split.
    """
    engine = store_engine.connect(settings)
    with store_engine.transaction(engine) as connection:
        registry.standing(connection, topic_id)
        index, digest = registry.load_index(connection), registry.encoder_digest(connection)
        merged = [part for part, root in registry.roots(connection).items() if root == topic_id]
        stored = topic_clauses(connection, [topic_id, *merged], limit=MOST_CLAUSES)
    assert index is not None
    models = models or load_models(settings)
    if digest != models.encoder.info.digest:
        raise RegistryError(
            "the topics in force were found with another encoder, which sees texts elsewhere: "
            "run `vocengine topics refit` first"
        )
    texts = [text[start:end] for text, cut in stored for start, end in cut]
    embeddings = (
        models.encoder.encode([text for text, _ in stored], [cut for _, cut in stored]).span_embedding
        if stored
        else np.zeros((0, models.encoder.info.dimensions), dtype=np.float32)
    )
    # Where topics have moved since, some clauses are another's by now.
    own = [i for i, topics in enumerate(index.assign(embeddings)) if topics and topics[0].topic_id == topic_id]
    texts, embeddings = [texts[i] for i in own], embeddings[own]
    least = settings.topics.min_topic_spans
    reach = min(topic.threshold for topic in index.topics if topic.topic_id == topic_id)
    if into is not None:
        parts = topic_split.into_parts(
            topic_id, texts, embeddings, into, threshold=reach, min_spans=least, seed=settings.topics.seed
        )
    else:
        told = embed(phrases, models) if phrases else embeddings[:0]
        parts = topic_split.by_phrases(topic_id, texts, embeddings, phrases, told, threshold=reach, min_spans=least)
    with store_engine.transaction(engine) as connection:
        version, ids = splits.apply(connection, topic_id, parts, base_version=index.version, by=by)
    return Report(version, ids, tuple(parts), len(texts))
