"""Trends of topics by dimension, emotions, shares and what made up a change, against figures from the story itself."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from tests.web import web_story
from vocengine.contracts import Enriched, SpanTopic
from vocengine.store import schema, tables
from vocengine.store.engine import transaction
from vocengine.store.reads import (
    By,
    DimensionError,
    cut_by,
    dimensions_of,
    range_of,
    reading,
    series_of_key,
    topic_emotions,
    topic_split,
    what_changed,
)
from vocengine.store.writer import EventWriter
from vocengine.trends.mentions import Monitored, mentions_of, said_of_topics, scored_keys

STORY = list(web_story.events())
RANGE = range_of(datetime(2026, 9, 20, tzinfo=UTC), datetime(2026, 10, 10, tzinfo=UTC))
LAST, BEFORE = (
    (RANGE.end - timedelta(days=5), RANGE.end),
    (RANGE.end - timedelta(days=10), RANGE.end - timedelta(days=5)),
)
integration = pytest.mark.integration


def told(topic_id: int, start: datetime = RANGE.start, end: datetime = RANGE.end) -> list[tuple[Enriched, float]]:
    """The events on a topic, each with the mean score of its clauses on it."""
    found = []
    for event in STORY:
        scores = [s.sentiment.score for s in event.spans if s.topics[0].topic_id == topic_id]
        if scores and start <= event.occurred_at < end:
            found.append((event, sum(scores) / len(scores)))
    return found


def mean(scores: Iterable[float]) -> float:
    listed = list(scores)
    return sum(listed) / len(listed)


def dimension_of(event: Enriched, dimension: str) -> str:
    kind, _, name = dimension.partition(":")
    value = event.segments[name] if kind == "segment" else getattr(event, kind)
    assert isinstance(value, str)
    return value


@integration
@pytest.mark.parametrize("dimension", ["channel", "product", "segment:region"])
def test_the_values_of_a_dimension_count_and_average_each_day(story: sa.Engine, dimension: str) -> None:
    with reading(story) as connection:
        split = topic_split(connection, 1, RANGE, dimension)
    assert split is not None and split.label == "Delivery time"
    assert split.series.n == sum(v.series.n for v in split.values) == len(told(1))
    assert sum(v.share for v in split.values) == pytest.approx(1)
    for value in split.values:
        for point in value.series.points:
            day = [
                s
                for e, s in told(1)
                if dimension_of(e, dimension) == value.name and e.occurred_at.date() == point.at.date()
            ]
            assert point.n == len(day)
            assert point.mean == (pytest.approx(mean(day), abs=1e-4) if day else None)
            assert point.negative_n == sum(s < -0.25 for s in day)


@integration
def test_the_values_parts_add_up_to_the_topics_change(story: sa.Engine) -> None:
    with reading(story) as connection:
        split = topic_split(connection, 1, RANGE, "channel")
    assert split is not None and split.series.change is not None
    parts = {v.name: v.contribution for v in split.values if v.contribution}
    assert sum(part.total for part in parts.values()) == pytest.approx(split.series.change.difference, abs=1e-6)
    # In the story, delivery fell in every channel but surveys.
    assert {name for name, part in parts.items() if part.certain and part.total < 0} <= set(parts) - {"survey"}
    assert max(parts, key=lambda name: parts[name].level) == "survey"


@integration
def test_a_dimension_that_nobody_gave_is_not_given(story: sa.Engine) -> None:
    with reading(story) as connection:
        split = topic_split(connection, 1, RANGE, "journey_stage")
        assert dimensions_of(connection, 1, RANGE) == ("channel", "product", "segment:region")
    assert split is not None
    assert [(v.name, v.kind, v.series.n) for v in split.values] == [("not given", "missing", split.series.n)]


@integration
@pytest.mark.parametrize("dimension", ["", "customer", "segment:", "segment:a\x00b", "topic_id"])
def test_a_dimension_that_feedback_does_not_have_is_refused(story: sa.Engine, dimension: str) -> None:
    with reading(story) as connection, pytest.raises(DimensionError, match="expected channel, product, journey_stage"):
        topic_split(connection, 1, RANGE, dimension)


@integration
def test_the_share_of_voice_is_of_all_scored_feedback(story: sa.Engine) -> None:
    with reading(story) as connection:
        split = topic_split(connection, 3, RANGE, "channel")
        assert topic_split(connection, 999, RANGE, "channel") is None
    assert split is not None
    voice = split.share_of_voice
    inside = [e for e in STORY if RANGE.start <= e.occurred_at < RANGE.end]
    assert (voice.n, voice.of) == (len(told(3)), len(inside))
    assert voice.low is not None and voice.share is not None and voice.high is not None
    assert voice.low < voice.share == len(told(3)) / len(inside) < voice.high
    for point in voice.points:
        on_day = [e for e in inside if e.occurred_at.date() == point.at.date()]
        assert (point.n, point.of) == (sum(e.occurred_at.date() == point.at.date() for e, _ in told(3)), len(on_day))
    assert voice.change is not None
    assert (voice.change.before_of, voice.change.after_of) == tuple(
        sum(start <= e.occurred_at < end for e in STORY) for start, end in (BEFORE, LAST)
    )


@integration
def test_emotions_count_the_mentions_that_show_them(story: sa.Engine) -> None:
    with reading(story) as connection:
        found = topic_emotions(connection, 1, RANGE)
        assert topic_emotions(connection, 999, RANGE) is None
    assert found is not None and found.n == len(told(1))
    shown = Counter(
        name
        for event, _ in told(1)
        for name in {e.label for s in event.spans if s.topics[0].topic_id == 1 for e in s.emotions}
    )
    assert {e.name: e.n for e in found.emotions} == shown and set(shown) == {"anger", "joy"}
    anger = next(e for e in found.emotions if e.name == "anger")
    assert anger.change is not None and anger.change.certain and anger.change.difference > 0.05
    assert sum(point.n for point in anger.points) == anger.n


@integration
def test_what_changed_adds_up_and_names_the_topic_that_fell(story: sa.Engine) -> None:
    with reading(story) as connection:
        found = what_changed(connection, RANGE)
    assert (found.before_from, found.after_from, found.after_to) == (BEFORE[0], *LAST)
    scores = [
        [e.sentiment.score for e in STORY if e.sentiment and start <= e.occurred_at < end]
        for start, end in (BEFORE, LAST)
    ]
    assert found.difference == pytest.approx(mean(scores[1]) - mean(scores[0]), abs=1e-6)
    assert sum(p.part.total for p in found.parts) == pytest.approx(found.difference)
    assert sum(p.part.after_share for p in found.parts) == pytest.approx(1)
    first = found.parts[0]
    assert first.label == "Delivery time" and first.part.certain and first.part.level < 0


@integration
@pytest.mark.parametrize("by, points", [("hour", 480), ("day", 20), ("week", 3)])
def test_points_are_as_wide_as_asked(story: sa.Engine, by: By, points: int) -> None:
    with reading(story) as connection:
        split = topic_split(connection, 1, cut_by(RANGE, by), "channel")
        whole = topic_split(connection, 1, RANGE, "channel")
    assert split is not None and whole is not None
    assert {len(v.series.points) for v in split.values} == {len(split.share_of_voice.points)} == {points}
    assert {v.name: v.series.n for v in split.values} == {v.name: v.series.n for v in whole.values}


def test_too_many_points_are_refused_with_what_would_do() -> None:
    year = range_of(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC))
    with pytest.raises(ValueError, match=r"by is 'hour', .*364 days into 8,736 points.*by=day, or at most 41 days"):
        cut_by(year, "hour")
    assert cut_by(year, None) is year and cut_by(year, "day").buckets == 364


def stages(seed: int = 1) -> list[Enriched]:
    """The story's first events with journey stages, some without, and second topics."""
    source = random.Random(seed)
    found = []
    for event in STORY[:400]:
        first, *others = event.spans
        second = (
            (*first.topics, SpanTopic(source.randrange(1, 9), "also", 0.4)) if source.random() < 0.3 else first.topics
        )
        found.append(
            replace(
                event,
                journey_stage=source.choice((None, "buy", "use")),
                product=f"p{source.randrange(14):02d}",
                spans=(replace(first, topics=second), *others),
            )
        )
    return found


def rows(connection: sa.Connection, table: sa.Table) -> list[Any]:
    return [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.c))]


def written(engine: sa.Engine, batch: list[Enriched]) -> None:
    with transaction(engine) as connection:
        EventWriter(Monitored()).write(connection, batch)


@integration
def test_a_repetition_changes_nothing_and_a_late_event_counts_in_its_hour(database: Any) -> None:
    told_here, late = stages()[1:], stages()[0]
    written(database.engine, told_here)
    with reading(database.engine) as connection:
        before = [rows(connection, table) for table in (tables.topic_mentions, tables.topic_portions)]
    written(database.engine, told_here[50:300])
    with reading(database.engine) as connection:
        assert [rows(connection, table) for table in (tables.topic_mentions, tables.topic_portions)] == before
    written(database.engine, [late, told_here[0]])
    hour = late.occurred_at.replace(minute=0, second=0, microsecond=0)
    with reading(database.engine) as connection:
        assert len(rows(connection, tables.topic_mentions)) == len(before[0]) + len(said_of_topics(late))
        now = sum(
            row.weight
            for row in connection.execute(sa.select(tables.topic_portions).where(tables.topic_portions.c.hour == hour))
        )
    assert now == pytest.approx(sum(e.occurred_at.replace(minute=0, second=0, microsecond=0) == hour for e in stages()))


@integration
def test_topics_that_were_merged_count_in_the_other(database: Any) -> None:
    web_story.fill(database.engine, per_day=10)
    with transaction(database.engine) as connection:
        before = [topic_split(connection, topic_id, RANGE, "channel") for topic_id in (1, 2)]
        parts = {p.topic_id: p.part for p in what_changed(connection, RANGE).parts}
        connection.execute(sa.update(tables.topics).where(tables.topics.c.topic_id == 2).values(merged_into=1))
        merged = topic_split(connection, 2, RANGE, "channel")
        emotions = topic_emotions(connection, 2, RANGE)
        after = {p.topic_id: p.part for p in what_changed(connection, RANGE).parts}
    assert before[0] and before[1] and merged and emotions
    assert merged.topic_id == emotions.topic_id == 1
    assert merged.series.n == sum(v.series.n for v in merged.values) == before[0].series.n + before[1].series.n
    assert after.keys() == parts.keys() - {2}
    assert after[1].after_share == pytest.approx(parts[1].after_share + parts[2].after_share)
    assert after[1].total == pytest.approx(parts[1].total + parts[2].total)


@integration
def test_more_values_than_are_shown_are_put_together(database: Any) -> None:
    web_story.fill(database.engine, per_day=0)
    written(database.engine, stages())
    within = range_of(STORY[0].occurred_at, STORY[399].occurred_at + timedelta(hours=1))
    with reading(database.engine) as connection:
        by_product = topic_split(connection, 1, within, "product")
        by_stage = topic_split(connection, 1, within, "journey_stage")
        key = series_of_key(connection, "topic:1", within)
    assert by_product is not None and by_stage is not None
    assert [v.kind for v in by_product.values] == ["value"] * 10 + ["others"]
    assert {v.name for v in by_stage.values} == {"buy", "use", "not given"} and by_stage.values[-1].kind == "missing"
    for split in (by_product, by_stage):
        assert sum(v.series.n for v in split.values) == split.series.n == key.n
    assert by_product.values[-1].series.n < 4 * min(v.series.n for v in by_product.values[:-1]) + 1


@integration
def test_the_migration_fills_in_what_was_stored_before(database: Any) -> None:
    written(database.engine, stages())
    both = (tables.topic_mentions, tables.topic_portions)
    with reading(database.engine) as connection:
        mentions, portions = (rows(connection, table) for table in both)
    config = schema._config()
    before = ScriptDirectory.from_config(config).get_revision("0005").down_revision
    with transaction(database.engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, before)
    with transaction(database.engine) as connection:
        assert not sa.inspect(connection).has_table("topic_mentions")
    schema.upgrade(database.engine)
    with reading(database.engine) as connection:
        again, portions_again = (rows(connection, table) for table in both)
    assert again == mentions
    assert [row[:2] for row in portions_again] == [row[:2] for row in portions]
    for one, other in zip(portions, portions_again, strict=True):
        assert one[2:] == pytest.approx(other[2:], abs=1e-9)


def test_scored_keys_are_those_of_the_mentions() -> None:
    for event in stages():
        mentioned = [(m.key, m.kind, m.score) for m in mentions_of(event, Monitored())]
        assert scored_keys(event, Monitored(), said_of_topics(event)) == mentioned
    silent = replace(STORY[0], sentiment=None)
    assert scored_keys(silent, Monitored(), []) == [] and said_of_topics(silent) == []
