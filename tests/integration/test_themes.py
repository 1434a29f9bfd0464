"""Themes and the sample for a refit, in a real database."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from tests.integration.wire import START, enriched
from vocengine.errors import RegistryError
from vocengine.store import registry, themes
from vocengine.store.reads.ranges import range_of
from vocengine.store.reads.topics import topic_trends
from vocengine.store.registry import Fit
from vocengine.store.samples import sample_texts
from vocengine.store.writer import EventWriter
from vocengine.topics.discover import Discovered, Discovery
from vocengine.topics.lineage import plan
from vocengine.trends.mentions import Monitored

pytestmark = pytest.mark.integration

FIT = Fit("encoder-a", 120, 0.05, {"seed": 7})


@pytest.fixture
def connection(database: object) -> sa.Connection:
    with database.engine.begin() as opened:  # type: ignore[attr-defined]
        yield opened


def refit(connection: sa.Connection, count: int) -> None:
    """`count` topics, each fourth of them around the same axis."""
    draw = np.random.default_rng(3)
    rows = (
        np.eye(32)[np.arange(count) % 4] + 0.12 * np.eye(32)[4 + np.arange(count)] + draw.normal(0, 0.01, (count, 32))
    )
    centres = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    groups = tuple(
        Discovered(f"topic {i}", (f"word{i % 4}", f"only{i}"), centre, 0.98, 40, ()) for i, centre in enumerate(centres)
    )
    found = Discovery(groups, count * 40, 0.0, np.repeat(np.arange(count), 40), np.repeat(centres, 40, axis=0))
    current, kept = registry.load_anchors(connection)
    planned = plan(current, found, min_topic_spans=10, pinned=kept)
    registry.apply(connection, planned, FIT, base_version=current.version if current else None)
    themes.regroup(connection)


def test_themes_hold_all_topics_and_keep_ids_and_names_over_refits(connection: sa.Connection) -> None:
    refit(connection, 16)
    first = themes.load(connection)
    assert sorted(t for theme in first for t in theme.topic_ids) == list(range(1, 17))
    themes.rename(connection, first[0].theme_id, "  Late   things ", by="ana")
    refit(connection, 17)
    again = {theme.theme_id: theme for theme in themes.load(connection)}
    assert {theme.theme_id for theme in first} <= again.keys()
    assert again[first[0].theme_id].title == "Late things"
    within = range_of(START, START + timedelta(days=1))
    shown = {trend.topic_id: trend.theme for trend in topic_trends(connection, within)}
    assert {shown[topic_id] for topic_id in again[first[0].theme_id].topic_ids} == {"Late things"}


def test_a_theme_that_is_unknown_nameless_or_called_as_another_is_refused(connection: sa.Connection) -> None:
    refit(connection, 16)
    one, other = themes.load(connection)[:2]
    for theme_id, name, why in (
        (99, "x", "no theme 99"),
        (one.theme_id, "  ", "blank"),
        (one.theme_id, other.title, "already"),
    ):
        with pytest.raises(RegistryError, match=why):
            themes.rename(connection, theme_id, name, by="ana")


def test_the_sample_hears_a_small_channel_beside_a_loud_one_and_is_the_same_again(connection: sa.Connection) -> None:
    told = [
        replace(
            enriched(i),
            event_id=f"e{i}",
            channel="social" if i % 20 else "call",
            text=f"{'social' if i % 20 else 'call'} {i}",
        )
        for i in range(800)
    ]
    told += [
        replace(
            enriched(i), event_id=f"old{i}", channel="social", text=f"old {i}", occurred_at=START - timedelta(days=40)
        )
        for i in range(40)
    ]
    EventWriter(Monitored()).write(connection, told)
    drawn = sample_texts(connection, limit=100, before=None, seed=7)
    count = Counter(text.split()[0] for text in drawn)
    # Proportional to the roots of 760, 40 and 40: 69, 16 and 16 of 100.
    assert 60 <= count["social"] <= 76 and 12 <= count["call"] <= 20 and 12 <= count["old"] <= 20
    assert (
        drawn
        == sample_texts(connection, limit=100, before=None, seed=7)
        != sample_texts(connection, limit=100, before=None, seed=8)
    )
    assert len(sample_texts(connection, limit=5_000, before=None, seed=7)) == 840
    assert {t.split()[0] for t in sample_texts(connection, limit=99, before=START - timedelta(days=9), seed=7)} == {
        "old"
    }
