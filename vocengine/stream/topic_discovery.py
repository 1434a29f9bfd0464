"""A refit end to end: a sample of feedback → spans and embeddings → BERTopic → a plan → a registry version in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vocengine.contracts import Feedback, decode_feedback
from vocengine.errors import RegistryError
from vocengine.pipeline import Models, what_was_said
from vocengine.settings import Settings
from vocengine.store import candidates, plans, references, registry, taxonomies, themes
from vocengine.store import engine as store_engine
from vocengine.store.engine import Connection, Engine
from vocengine.store.registry import Fit
from vocengine.store.samples import sample_texts
from vocengine.stream.enrich_member import load_models
from vocengine.text import segment
from vocengine.topics import discover as topic_discover
from vocengine.topics import lineage, naming, taxonomy
from vocengine.topics.assign import Topic, TopicIndex
from vocengine.topics.discover import Discovered, Discovery
from vocengine.topics.emerging import REFERENCE_SPANS
from vocengine.topics.lineage import Plan


@dataclass(frozen=True, slots=True)
class Report:
    """What was put in force, and how it came about."""

    version: int
    topics: int
    spans: int
    outlier_share: float
    plan: Plan


def plan_refit(
    settings: Settings, *, from_file: Path | None = None, before: datetime | None = None, models: Models | None = None
) -> tuple[int, Plan]:
    """Discover topics on a sample, match them to those in force and keep the plan; nothing is put in force.

    Returns the number of the plan and the plan. Raises RegistryError where there is too little text.
    """
    engine = store_engine.connect(settings)
    models = models or load_models(settings)
    fit, found = _fitted(settings, engine, from_file, before, models)
    with store_engine.transaction(engine) as connection:
        planned, base = _planned(connection, found, fit, settings, models)
        number = plans.save(connection, planned, fit, base_version=base)
        references.save(connection, _reference(found, settings), fit.encoder_digest, plan_id=number)
        return number, planned


def apply_plan(settings: Settings, plan_id: int | None, *, by: str) -> Report:
    """Put a kept plan, by default the newest, in force in one transaction. Raises RegistryError."""
    with store_engine.transaction(store_engine.connect(settings)) as connection:
        number, planned, fit, base = plans.load(connection, plan_id)
        version = registry.apply(connection, planned, fit, base_version=base, by=by)
        themes.regroup(connection)
        references.put_in_force(connection, number, version)
        candidates.settle_found(connection)
    return Report(version, len(planned.topics), fit.spans, fit.outlier_share, planned)


def refit(
    settings: Settings,
    *,
    from_file: Path | None = None,
    before: datetime | None = None,
    models: Models | None = None,
    by: str = registry.MACHINE,
) -> Report:
    """Discover topics on a sample, match them to those in force and put the result in force, in one transaction.

    Raises RegistryError where there is too little text.
    """
    engine = store_engine.connect(settings)
    models = models or load_models(settings)
    fit, found = _fitted(settings, engine, from_file, before, models)
    with store_engine.transaction(engine) as connection:
        registry.lock(connection)
        planned, base = _planned(connection, found, fit, settings, models)
        version = registry.apply(connection, planned, fit, base_version=base, by=by)
        themes.regroup(connection)
        references.save(connection, _reference(found, settings), fit.encoder_digest, version=version)
        candidates.settle_found(connection)
    return Report(version, len(planned.topics), fit.spans, fit.outlier_share, planned)


def _fitted(
    settings: Settings, engine: Engine, from_file: Path | None, before: datetime | None, models: Models
) -> tuple[Fit, Discovery]:
    if from_file is not None:
        texts = _texts_of_file(from_file, before, models)
    else:
        with store_engine.transaction(engine) as connection:
            texts = sample_texts(
                connection, limit=settings.topics.sample_spans, before=before, seed=settings.topics.seed
            )
    if not texts:
        raise RegistryError("there is no feedback to discover topics in: import some first, or give --from-file")
    spans, embeddings = read_spans(texts, models, settings.topics.sample_spans)
    with store_engine.transaction(engine) as connection:
        in_force = registry.load_topics(connection)
    found = topic_discover.discover(
        spans,
        embeddings,
        min_topic_spans=settings.topics.min_topic_spans,
        seed=settings.topics.seed,
        embed=lambda phrases: embed(phrases, models),
        # Topics that are kept keep their labels too.
        taken={called.lower() for entry in in_force for called in (entry.topic.label, entry.title)},
    )
    # The key stays out of the registry.
    told = settings.topics.model_dump(mode="json", exclude={"naming_api_key"})
    fit = Fit(models.encoder.info.digest, found.spans, found.outlier_share, told)
    if settings.topics.naming_url:
        found = replace(found, topics=_named(engine, found, fit, settings, models))
    return fit, found


def _named(engine: Engine, found: Discovery, fit: Fit, settings: Settings, models: Models) -> tuple[Discovered, ...]:
    """The groups, those that would become new topics with a name from the endpoint; the others keep their topic's."""
    with store_engine.transaction(engine) as connection:
        planned, _ = _planned(connection, found, fit, settings, models)
    new = {change.label for change in planned.changes if change.topic_id is None}
    asked = settings.topics
    key = asked.naming_api_key.get_secret_value() if asked.naming_api_key else None
    return naming.named(found.topics, new, naming.Endpoint(str(asked.naming_url), asked.naming_model, key))


def _planned(
    connection: Connection, found: Discovery, fit: Fit, settings: Settings, models: Models
) -> tuple[Plan, int | None]:
    current, kept = registry.load_anchors(connection)
    base = None if current is None else current.version
    categories: tuple[Topic, ...] = ()
    if current is not None and registry.encoder_digest(connection) != fit.encoder_digest:
        current = _read_anew(current, models)
        categories = _categories_anew(connection, models, found)
    planned = lineage.plan(current, found, min_topic_spans=settings.topics.min_topic_spans, pinned=kept)
    return replace(planned, categories=categories), base


def _reference(found: Discovery, settings: Settings) -> npt.NDArray[np.float32]:
    """A sample of what the fit saw, for the search for new topics to compare with."""
    draw = np.random.default_rng(settings.topics.seed)
    most = min(REFERENCE_SPANS, len(found.embeddings))
    return found.embeddings[draw.choice(len(found.embeddings), most, replace=False)]


def _read_anew(index: TopicIndex, models: Models) -> TopicIndex:
    """The topics where another encoder sees them: by their examples, so that ids outlive a change of encoder."""
    told = [topic for topic in index.topics if topic.examples]
    examples = [example for topic in told for example in topic.examples]
    embedded = iter(models.encoder.encode(examples, [()] * len(examples)).embedding)
    moved = {}
    for topic in told:
        centre = np.mean([next(embedded) for _ in topic.examples], axis=0)
        moved[topic.topic_id] = replace(topic, centroid=(centre / np.linalg.norm(centre)).astype(np.float32))
    return TopicIndex(index.version, tuple(moved.get(topic.topic_id, topic) for topic in index.topics))


def _categories_anew(connection: Connection, models: Models, found: Discovery) -> tuple[Topic, ...]:
    """The categories of the taxonomy where another encoder sees them: by what their file said."""
    defined = taxonomies.definitions(connection)
    if not defined:
        return ()
    placed = taxonomy.placed(list(defined.values()), lambda texts: embed(texts, models), found.embeddings)
    return tuple(replace(topic, topic_id=topic_id) for topic_id, topic in zip(defined, placed, strict=True))


def embed(texts: Sequence[str], models: Models) -> npt.NDArray[np.float32]:
    """Unit-length embeddings (n, d) of n whole texts."""
    return models.encoder.encode(list(texts), [()] * len(texts)).embedding


def _texts_of_file(path: Path, before: datetime | None, models: Models) -> list[str]:
    texts = []
    with path.open("rb") as lines:
        for line in lines:
            event = decode_feedback(line)
            if isinstance(event, Feedback) and (before is None or event.occurred_at < before):
                texts.append(what_was_said(event, models.names).text)
    return texts


def read_spans(texts: list[str], models: Models, most: int) -> tuple[list[str], npt.NDArray[np.float32]]:
    """At most `most` clauses of the texts (n), and their unit-length embeddings (n, d)."""
    clauses = [[(c.start, c.end) for c in segment(text)] for text in texts]
    read = models.encoder.encode(texts, clauses)
    spans = [text[start:end] for text, cut in zip(texts, clauses, strict=True) for start, end in cut]
    return spans[:most], read.span_embedding[:most]
