"""What customers tell in the tests of topics: texts, read under the topics in force, stored, discovered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from click.testing import CliRunner

from tests.integration.wire import START
from vocengine import pipeline
from vocengine.cli.main import cli
from vocengine.contracts import Enriched, Feedback, decode_enriched, encode
from vocengine.pipeline import Models
from vocengine.settings import Settings, load_settings
from vocengine.store import registry
from vocengine.store.reads import (
    range_of,
)
from vocengine.store.registry import Fit
from vocengine.store.writer import EventWriter
from vocengine.stream import topic_discovery
from vocengine.topics.discover import Discovered, Discovery
from vocengine.topics.lineage import plan
from vocengine.trends.mentions import Monitored

LATE = [f"My parcel came {n} days late." for n in ("two", "three", "four", "five", "six", "seven", "eight")]
LATE += [f"The {who} was hours late with my parcel." for who in ("courier", "driver", "postman", "van", "mail")]
BROKEN = [f"The {what} was broken when I unpacked it." for what in ("kettle", "lamp", "vase", "mirror", "chair", "cup")]
BROKEN += [f"A {what} with a crack right out of the box." for what in ("bowl", "plate", "screen", "glass", "tile")]
BROKEN += [f"The {what} arrived smashed to pieces." for what in ("jar", "clock", "frame", "bottle", "teapot")]
FAR = ["What a lovely sunny morning it is.", "I watched a film with my sister.", "The band played all night long."]

TAXONOMY = """
- name: Late delivery
  description: Parcels that come late.
  examples: [The parcel is a week late, My order was delivered days too late, The courier came late]
- name: Damaged goods
  description: Things that arrive broken.
  examples: [It arrived broken, The box was fine but the cup had a crack, Smashed when I opened it]
"""
WITHIN = range_of(START - timedelta(hours=1), START + timedelta(days=2))


def without_broker(database: Any, tmp_path: Path) -> Settings:
    """Settings without a broker: topics need none."""
    overrides = {"data_dir": tmp_path, "database.url": database.url, "topics.min_topic_spans": 10}
    return load_settings(environ={}, overrides=overrides)


def feedback(texts: list[str], *, first: int = 0) -> list[Feedback]:
    return [
        Feedback(
            event_id=f"e-{first + i}", source="shop", channel="review", text=text,
            occurred_at=START + timedelta(minutes=first + i),
        )
        for i, text in enumerate(texts)
    ]  # fmt: skip


def understood(texts: list[str], models: Models, engine: sa.Engine, *, first: int = 0) -> list[Enriched]:
    """Read under the topics in force and stored; through the wire, as in the stream."""
    with engine.begin() as connection:
        index = registry.load_index(connection)
    batch, now = feedback(texts, first=first), datetime.now(UTC)
    read = pipeline.enrich(batch, replace(models, topics=index), received_at=[now] * len(batch), now=now)
    with engine.begin() as connection:
        EventWriter(Monitored()).write(connection, read)
    return [decode_enriched(encode(event)) for event in read]  # type: ignore[misc]


def discovered(models: Models, engine: sa.Engine, *groups: list[str]) -> Discovery:
    """Groups of texts put in force as a fit would find them; ids 1, 2, … in order."""
    rows = [topic_discovery.embed(group, models) for group in groups]
    found = []
    for group, own in zip(groups, rows, strict=True):
        centre = own.mean(axis=0)
        words = tuple(group[0].lower().split()[:3])
        found.append(Discovered(" ".join(words), words, centre / np.linalg.norm(centre), 0.35, len(own), tuple(group)))
    assigned = np.repeat(np.arange(len(groups)), [len(own) for own in rows])
    discovery = Discovery(tuple(found), len(assigned), 0.0, assigned, np.concatenate(rows))
    refit(models, engine, discovery)
    return discovery


def refit(models: Models, engine: sa.Engine, discovery: Discovery) -> None:
    with engine.begin() as connection:
        current, kept = registry.load_anchors(connection)
        planned = plan(current, discovery, min_topic_spans=10, pinned=kept)
        fit = Fit(models.encoder.info.digest, discovery.spans, 0.0, {})
        registry.apply(connection, planned, fit, base_version=current.version if current else None)


def topics_of(event: Enriched) -> list[tuple[str, str]]:
    return [(topic.label, topic.origin) for span in event.spans for topic in span.topics]


def ids_in_force(engine: sa.Engine) -> set[int]:
    with engine.begin() as connection:
        return {entry.topic.topic_id for entry in registry.load_topics(connection)}


def command(settings: Settings, *words: str) -> Any:
    assert settings.database.url is not None
    given = ("--set", f"database.url={settings.database.url.get_secret_value()}", "--set", "topics.min_topic_spans=10")
    return CliRunner().invoke(cli, [*given, "--set", f"data_dir={settings.data_dir}", "topics", *words])


# Taxonomy
