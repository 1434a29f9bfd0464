"""A split by a person end to end: the stored clauses of a topic, read again → parts → a registry version in force.

By command at once; by API as a request, which the role discover settles.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vocengine.encoder.interface import Encoder
from vocengine.errors import RegistryError, StoreError
from vocengine.pipeline import Models
from vocengine.settings import Settings
from vocengine.store import engine as store_engine
from vocengine.store import registry, requests, splits
from vocengine.store.engine import Engine
from vocengine.store.samples import topic_clauses
from vocengine.stream.enrich_member import load_models
from vocengine.topics import split as topic_split
from vocengine.topics.discover import Discovered

log = logging.getLogger(__name__)

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
        # Before the models are loaded, which takes seconds.
        registry.standing(connection, topic_id)
    found = _find(settings, engine, (models or load_models(settings)).encoder, topic_id, into, phrases)
    with store_engine.transaction(engine) as connection:
        version, ids = splits.apply(connection, topic_id, found.parts, base_version=found.base_version, by=by)
    return Report(version, ids, found.parts, found.spans)


def settle_next(settings: Settings, engine: Engine, encoder: Encoder) -> bool:
    """Do the oldest request that waits, or refuse it with the reason; False where none waits.

    The parts are put in force and the request is settled in one transaction. Where the registry has moved on while the
    parts were found, the request waits on. Raises StoreUnavailable, and StaleMember where another member was quicker.
    """
    with store_engine.transaction(engine) as connection:
        request = requests.next_pending(connection)
    if request is None:
        return False
    number, topic_id = request.request_id, request.topic_id
    refusal = None
    try:
        found = _find(settings, engine, encoder, topic_id, request.into, request.phrases)
    except StoreError:
        raise
    except RegistryError as error:
        refusal = str(error)
    except Exception as error:  # tried again for ever it would keep the role from its work
        log.exception("discover: request %d, the split of topic %d, failed", number, topic_id)
        refusal = f"the split failed with {type(error).__name__}: the log of the role discover tells more"
    if refusal is not None:
        with store_engine.transaction(engine) as connection:
            requests.settle_refused(connection, number, refusal)
        log.info("discover: request %d refused: %s", number, refusal)
        return True
    try:
        with store_engine.transaction(engine) as connection:
            version, ids = splits.apply(
                connection, topic_id, found.parts, base_version=found.base_version, by=request.asked_by
            )
            requests.settle_done(connection, number, version)
    except RegistryError as error:
        log.info("discover: request %d waits on: %s", number, error)
    else:
        log.info("discover: request %d done, topic %d is %s in version %d", number, topic_id, ids, version)
    return True


@dataclass(frozen=True, slots=True)
class _Found:
    base_version: int
    parts: tuple[Discovered, ...]
    spans: int


def _find(
    settings: Settings, engine: Engine, encoder: Encoder, topic_id: int, into: int | None, phrases: Sequence[str]
) -> _Found:
    with store_engine.transaction(engine) as connection:
        registry.standing(connection, topic_id)
        index, digest = registry.load_index(connection), registry.encoder_digest(connection)
        merged = [part for part, root in registry.roots(connection).items() if root == topic_id]
        stored = topic_clauses(connection, [topic_id, *merged], limit=MOST_CLAUSES)
    assert index is not None
    if digest != encoder.info.digest:
        raise RegistryError(
            "the topics in force were found with another encoder, which sees texts elsewhere: "
            "run `vocengine topics refit` first"
        )
    texts = [text[start:end] for text, cut in stored for start, end in cut]
    embeddings = (
        encoder.encode([text for text, _ in stored], [cut for _, cut in stored]).span_embedding
        if stored
        else np.zeros((0, encoder.info.dimensions), dtype=np.float32)
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
        told = encoder.encode(list(phrases), [()] * len(phrases)).embedding if phrases else embeddings[:0]
        parts = topic_split.by_phrases(topic_id, texts, embeddings, phrases, told, threshold=reach, min_spans=least)
    return _Found(index.version, tuple(parts), len(texts))
