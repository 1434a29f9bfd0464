"""Taxonomy, splits, edits and export end to end: the shipped encoder, a real database, the stream's own pipeline."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from tests.integration.wire import START
from vocengine import pipeline
from vocengine.cli.main import cli
from vocengine.contracts import Enriched, Feedback, decode_enriched, encode
from vocengine.encoder.interface import Encoder
from vocengine.errors import RegistryError, StaleMember, StoreUnavailable, TaxonomyError
from vocengine.pipeline import Models
from vocengine.settings import Settings, load_settings
from vocengine.store import plans, registry, requests, taxonomies
from vocengine.store.reads import (
    coverage_report,
    event_detail,
    range_of,
    topic_detail,
    topic_trends,
    topic_verbatims,
)
from vocengine.store.registry import Fit
from vocengine.store.writer import EventWriter
from vocengine.stream import topic_discovery, topic_split, topic_taxonomy
from vocengine.stream.enrich_member import LivePipeline
from vocengine.topics.discover import Discovered, Discovery
from vocengine.topics.lineage import plan
from vocengine.trends.mentions import Monitored

pytestmark = pytest.mark.integration

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


@pytest.fixture
def settings(database: Any, tmp_path: Path) -> Settings:
    """Without a broker: topics need none."""
    overrides = {"data_dir": tmp_path, "database.url": database.url, "topics.min_topic_spans": 10}
    return load_settings(environ={}, overrides=overrides)


@pytest.fixture
def taxonomy(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(TAXONOMY, encoding="utf-8")
    return path


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


def test_categories_are_assigned_beside_the_discovered_topics_and_have_trend_and_verbatims(
    settings: Settings, database: Any, models: Models, taxonomy: Path
) -> None:
    discovered(models, database.engine, LATE, BROKEN)
    done = topic_taxonomy.apply(settings, taxonomy, by="ana", models=models)
    assert [(step.kind, step.name) for step in done.steps] == [
        ("defined", "Late delivery"),
        ("defined", "Damaged goods"),
    ]
    read = understood([*LATE, *BROKEN, *FAR], models, database.engine)
    late, damaged = done.ids["Late delivery"], done.ids["Damaged goods"]
    hits = [("Late delivery", "taxonomy") in topics_of(event) for event in read]
    assert sum(hits[: len(LATE)]) > 0.8 * len(LATE) and not any(hits[-len(FAR) :])
    assert all(topics_of(event)[0][1] == "discovered" for event in read[: len(LATE) + len(BROKEN)])

    with database.engine.begin() as connection:
        trends = {trend.topic_id: trend for trend in topic_trends(connection, WITHIN)}
        assert {i: t.origin for i, t in trends.items()} == {
            1: "discovered", 2: "discovered", late: "taxonomy", damaged: "taxonomy",
        }  # fmt: skip
        assert trends[late].series.n == sum(hits)
        said = topic_verbatims(connection, late, WITHIN, size=50).items
        assert {item.text for item in said} == {e.text for e, hit in zip(read, hits, strict=True) if hit}
        detail = topic_detail(connection, late, WITHIN)
        assert detail is not None and detail.description == "Parcels that come late."
        assert detail.split_of == sum(hits) and [part.name for part in detail.by_channel] == ["review"]
        event = event_detail(connection, "e-0")
        assert event is not None and event.spans[0].category_label == "Late delivery"
        assert event.spans[0].topic_id == 1

        report = coverage_report(connection)
        n = len(LATE) + len(BROKEN) + len(FAR)
        assert (report.clauses, report.since_version) == (n, done.version)
        covered = {c.category_id: c.n for c in report.categories}
        assert report.coverage == pytest.approx(sum(covered.values()) / n)
        crossing = {(c.category_id, c.topic_id): c for c in report.crossings}
        assert crossing[late, 1].n == covered[late] and crossing[late, 1].of_category == 1
        assert sum(c.n for c in report.crossings) == n


def test_a_changed_file_keeps_ids_by_name_retires_what_is_gone_and_takes_it_back(
    settings: Settings, database: Any, models: Models, taxonomy: Path
) -> None:
    first = topic_taxonomy.apply(settings, taxonomy, by="ana", models=models)
    again = topic_taxonomy.apply(settings, taxonomy, by="ana", models=models)
    assert (again.version, again.steps, again.unchanged) == (first.version, (), 2)
    taxonomy.write_text(
        "- {name: late DELIVERY, examples: [The parcel is late]}\n- {name: Price, examples: [Too expensive]}"
    )
    second = topic_taxonomy.apply(settings, taxonomy, by="ben", models=models)
    assert [(step.kind, step.name) for step in second.steps] == [
        ("redefined", "late DELIVERY"), ("defined", "Price"), ("retired", "Damaged goods"),
    ]  # fmt: skip
    assert second.version == first.version + 1
    assert second.ids["late DELIVERY"] == first.ids["Late delivery"]
    taxonomy.write_text(TAXONOMY)
    third = topic_taxonomy.apply(settings, taxonomy, by="ana", models=models)
    assert third.ids == first.ids
    with database.engine.begin() as connection:
        past = registry.lineage_of(connection, first.ids["Damaged goods"])
    assert [(row["kind"], row["made_by"]) for row in past] == [
        ("defined", "ana"), ("retired", "ben"), ("restored", "ana"),
    ]  # fmt: skip


def test_a_wrong_file_changes_nothing(settings: Settings, database: Any, models: Models, taxonomy: Path) -> None:
    version = topic_taxonomy.apply(settings, taxonomy, by="ana", models=models).version
    taxonomy.write_text("- {name: Price, examples: [Too expensive]}\n- {name: price, examples: [Cheap]}")
    with pytest.raises(TaxonomyError, match="stands twice"):
        topic_taxonomy.apply(settings, taxonomy, by="ana", models=models)
    with database.engine.begin() as connection:
        assert registry.newest_version(connection) == version
        assert [entry.title for entry in taxonomies.categories(connection)] == ["Late delivery", "Damaged goods"]


def test_refits_and_rollbacks_leave_the_taxonomy_alone(
    settings: Settings, database: Any, models: Models, taxonomy: Path
) -> None:
    discovery = discovered(models, database.engine, LATE, BROKEN)
    ids = set(topic_taxonomy.apply(settings, taxonomy, by="ana", models=models).ids.values())
    refit(models, database.engine, discovery)
    assert ids_in_force(database.engine) == {1, 2} | ids
    with database.engine.begin() as connection:
        current, kept = registry.load_anchors(connection)
        assert current is not None and {t.topic_id for t in current.topics} == {1, 2} and not kept & ids
        registry.rollback(connection, 1, by="ana")
    assert ids_in_force(database.engine) == {1, 2} | ids


def test_another_encoder_reads_the_categories_again_at_the_refit_and_not_before(
    settings: Settings, database: Any, models: Models, taxonomy: Path
) -> None:
    discovery = discovered(models, database.engine, LATE, BROKEN)
    ids = topic_taxonomy.apply(settings, taxonomy, by="ana", models=models).ids
    with database.engine.begin() as connection:
        as_read = {e.topic.topic_id: e.topic for e in taxonomies.categories(connection)}
        # As if all had been found by an encoder that sees texts elsewhere.
        connection.execute(sa.text("UPDATE topic_versions SET encoder_digest = 'another'"))
        connection.execute(
            sa.text("UPDATE topics SET centroid = :c WHERE origin = 'taxonomy'"),
            {"c": np.eye(1, len(discovery.embeddings[0]), dtype="<f4").tobytes()},
        )
    with pytest.raises(RegistryError, match="found with another encoder"):
        topic_taxonomy.apply(settings, taxonomy, by="ana", models=models)
    with pytest.raises(RegistryError, match="found with another encoder"):
        topic_split.split(settings, 1, into=2, by="ana", models=models)
    fit = Fit(models.encoder.info.digest, discovery.spans, 0.0, {})
    with database.engine.begin() as connection:
        planned, base = topic_discovery._planned(connection, discovery, fit, settings, models)
        plans.save(connection, planned, fit, base_version=base)
        _, kept, fit, base = plans.load(connection, None)
        registry.apply(connection, kept, fit, base_version=base)
        moved = {e.topic.topic_id: e.topic for e in taxonomies.categories(connection)}
        assert registry.encoder_digest(connection) == models.encoder.info.digest
    assert moved.keys() == as_read.keys() == set(ids.values())
    assert all(moved[i].centroid @ as_read[i].centroid > 0.999 for i in moved)


def test_taxonomy_by_command_line(settings: Settings, database: Any, models: Models, taxonomy: Path) -> None:
    discovered(models, database.engine, LATE, BROKEN)
    assert "no taxonomy yet" in command(settings, "taxonomy", "show").output
    understood([*LATE, *FAR], models, database.engine)
    checked = json.loads(command(settings, "taxonomy", "check", str(taxonomy), "--json").output)
    assert [step["kind"] for step in checked["steps"]] == ["defined", "defined"]
    assert checked["spans"] == len(LATE) + len(FAR) and 0.5 < checked["coverage"] < 1
    assert "applying it would change: 2 defined" in command(settings, "taxonomy", "check", str(taxonomy)).output
    applied = command(settings, "taxonomy", "apply", str(taxonomy), "--by", "ana")
    assert applied.exit_code == 0 and "2 defined: Late delivery, Damaged goods" in applied.output
    assert "nothing has changed" in command(settings, "taxonomy", "apply", str(taxonomy)).output
    assert "nothing has been read under the taxonomy" in command(settings, "taxonomy", "report").output
    understood(LATE, models, database.engine, first=500)
    shown = json.loads(command(settings, "taxonomy", "report", "--json").output)
    assert shown["clauses"] == len(LATE) and shown["coverage"] > 0.8
    assert "100% of 12 clauses are in a" in command(settings, "taxonomy", "report").output
    names = [row["name"] for row in json.loads(command(settings, "taxonomy", "show", "--json").output)["categories"]]
    assert names == ["Late delivery", "Damaged goods"]
    assert "Damaged goods" in command(settings, "taxonomy", "show").output


# Splits


def test_a_split_by_phrases_is_taken_up_by_new_events_and_outlives_refits(
    settings: Settings, database: Any, models: Models
) -> None:
    discovery = discovered(models, database.engine, LATE + BROKEN)
    understood([*LATE, *BROKEN, *FAR], models, database.engine)
    made = topic_split.split(settings, 1, phrases=("came late", "arrived broken"), by="ana", models=models)
    assert made.ids == (1, 2) and [part.label for part in made.parts] == ["arrived broken", "came late"]
    assert made.spans == len(LATE) + len(BROKEN)

    # A fit that finds the two as one again does not put them together.
    refit(models, database.engine, discovery)
    new = understood(["My parcel was ten days late.", "The plate was broken."], models, database.engine, first=900)
    nearest = [event.spans[0].topics[0] for event in new]
    assert [topic.topic_id for topic in nearest] == [2, 1] and nearest[0].label == "came late"
    with database.engine.begin() as connection:
        before = {trend.topic_id: trend.series.n for trend in topic_trends(connection, WITHIN)}
        assert before == {1: made.spans + 1, 2: 1}, "what was said before the split stays with the parent"
        [born, *_] = registry.lineage_of(connection, 2)
        assert (born["kind"], born["other_topic_id"], born["made_by"]) == ("split", 1, "ana")
        # Which phrase a clause is nearer to differs a little between precisions.
        assert len(LATE) - 3 <= born["evidence"]["spans"] <= len(LATE)
        registry.rollback(connection, 1, by="ana")
    assert ids_in_force(database.engine) == {1}


def test_what_was_merged_into_a_split_topic_is_split_with_it(settings: Settings, database: Any, models: Models) -> None:
    discovered(models, database.engine, LATE, BROKEN)
    understood([*LATE, *BROKEN], models, database.engine)
    with database.engine.begin() as connection:
        registry.merge(connection, [2], 1, by="ana")
    made = topic_split.split(settings, 1, into=2, by="ana", models=models)
    assert made.spans == len(LATE) + len(BROKEN) and made.ids == (1, 3)
    new = understood(["My parcel was ten days late.", "The plate was broken."], models, database.engine, first=900)
    assert {event.spans[0].topics[0].topic_id for event in new} == {1, 3}
    with database.engine.begin() as connection:
        trends = {trend.topic_id: trend.series.n for trend in topic_trends(connection, WITHIN)}
    assert trends == {1: made.spans + 1, 3: 1}


def test_a_split_that_makes_no_sense_is_refused_and_nothing_is_half_done(
    settings: Settings, database: Any, models: Models, taxonomy: Path
) -> None:
    discovered(models, database.engine, LATE, BROKEN)
    category = topic_taxonomy.apply(settings, taxonomy, by="ana", models=models).ids["Late delivery"]
    understood([*LATE, *BROKEN], models, database.engine)
    with database.engine.begin() as connection:
        registry.retire(connection, 2, by="ana")
        version = registry.newest_version(connection)
    wrong: dict[str, tuple[int, dict[str, Any]]] = {
        "there is no topic 99": (99, {"into": 2}),
        "topic 2 is retired since registry version": (2, {"into": 2}),
        "of the taxonomy: change its file": (category, {"into": 2}),
        "12 spans of it are stored, and 2 parts of 10 spans need 20": (1, {"into": 2}),
        "split by 1 phrases, 'late': give 2 to 10 that differ": (1, {"phrases": ("late",)}),
        "split into 1 parts: 2 to 10 can be made": (1, {"into": 1}),
    }
    for says, (topic_id, how) in wrong.items():
        with pytest.raises(RegistryError, match=says):
            topic_split.split(settings, topic_id, by="ana", models=models, **how)
    with database.engine.begin() as connection:
        assert registry.newest_version(connection) == version


def test_a_split_by_command_line(settings: Settings, database: Any, models: Models) -> None:
    discovered(models, database.engine, LATE + BROKEN)
    understood([*LATE, *BROKEN], models, database.engine)
    assert "not both" in command(settings, "split", "1").output
    assert "not both" in command(settings, "split", "1", "--into", "2", "--phrase", "late").output
    done = command(settings, "split", "1", "--into", "2", "--by", "ana")
    assert done.exit_code == 0, done.output
    assert "what was said before stays with topic 1" in done.output
    assert ids_in_force(database.engine) == {1, 2}


# Splits, asked for


def ask(engine: sa.Engine, topic_id: int, **how: Any) -> int:
    with engine.begin() as connection:
        return requests.add(connection, topic_id, by="ana", **how).request_id


def request(engine: sa.Engine, request_id: int) -> requests.TopicRequest:
    with engine.begin() as connection:
        found = requests.load_one(connection, request_id)
    assert found is not None
    return found


def test_splits_that_are_asked_for_are_done_or_refused_the_oldest_first(
    settings: Settings, database: Any, models: Models
) -> None:
    discovered(models, database.engine, LATE + BROKEN, FAR)
    understood([*LATE, *BROKEN, *FAR], models, database.engine)
    done = ask(database.engine, 1, phrases=("the parcel came days late", "it arrived broken"))
    refused = ask(database.engine, 2, into=2)
    assert topic_split.settle_next(settings, database.engine, models.encoder)
    first = request(database.engine, done)
    assert (first.status, first.message, request(database.engine, refused).status) == ("done", None, "pending")
    assert ids_in_force(database.engine) == {1, 2, 3}
    with database.engine.begin() as connection:
        assert registry.newest_version(connection) == first.version == 2
        [born] = registry.lineage_of(connection, 3)
    assert (born["kind"], born["other_topic_id"], born["made_by"]) == ("split", 1, "ana")
    assert born["evidence"]["spans"] > 10, born["evidence"]

    assert topic_split.settle_next(settings, database.engine, models.encoder)
    second = request(database.engine, refused)
    assert second.status == "refused" and second.version is None
    assert second.message == (
        "topic 2 does not split into 2: 3 spans of it are stored, and 2 parts of 10 spans need 20"
    )
    assert not topic_split.settle_next(settings, database.engine, models.encoder)
    assert ids_in_force(database.engine) == {1, 2, 3}


def test_a_topic_that_is_retired_before_its_turn_is_refused(settings: Settings, database: Any, models: Models) -> None:
    discovered(models, database.engine, LATE, BROKEN)
    asked = ask(database.engine, 1, into=2)
    with database.engine.begin() as connection:
        registry.retire(connection, 1, by="ben")
    assert topic_split.settle_next(settings, database.engine, models.encoder)
    settled = request(database.engine, asked)
    assert settled.status == "refused" and "topic 1 is retired since registry version 2" in (settled.message or "")


class Meanwhile:
    """The encoder; before it first reads, something else happens."""

    def __init__(self, encoder: Encoder, happens: Callable[[], object]) -> None:
        self.info, self._encoder, self._happens = encoder.info, encoder, happens
        self._first = True

    def encode(self, texts: Any, spans: Any) -> Any:
        if self._first:
            self._first = False
            self._happens()
        return self._encoder.encode(texts, spans)


def test_what_happens_while_the_clauses_are_read_leaves_no_split_half_done_or_done_twice(
    settings: Settings, database: Any, models: Models
) -> None:
    engine = database.engine
    discovered(models, engine, LATE + BROKEN)
    understood([*LATE, *BROKEN], models, engine)

    def settle(happens: Callable[[], object]) -> None:
        topic_split.settle_next(settings, engine, Meanwhile(models.encoder, happens))

    def rename() -> None:
        with engine.begin() as connection:
            registry.rename(connection, 1, "Parcels", by="ben")

    def die() -> None:
        raise StoreUnavailable("the database went away")

    asked = ask(engine, 1, into=2)
    with pytest.raises(StoreUnavailable):
        settle(die)
    settle(rename)
    assert request(engine, asked).status == "pending" and ids_in_force(engine) == {1}
    settle(lambda: topic_split.settle_next(settings, engine, models.encoder))
    assert request(engine, asked).status == "done" and ids_in_force(engine) == {1, 2}
    assert not topic_split.settle_next(settings, engine, models.encoder)

    # Where the request cannot be settled, the parts are not put in force either.
    with engine.begin() as connection:
        registry.rollback(connection, 1, by="ben")
    again = ask(engine, 1, into=2)

    def refuse() -> None:
        with engine.begin() as connection:
            requests.settle_refused(connection, again, "not wanted")

    with pytest.raises(StaleMember, match=f"request {again} was settled by another member"):
        settle(refuse)
    assert request(engine, again).message == "not wanted" and ids_in_force(engine) == {1}


def test_a_split_that_fails_by_a_fault_does_not_keep_the_role_from_its_work(
    settings: Settings, database: Any, models: Models
) -> None:
    discovered(models, database.engine, LATE + BROKEN)
    understood([*LATE, *BROKEN], models, database.engine)
    asked = ask(database.engine, 1, into=2)
    broken = Meanwhile(models.encoder, lambda: 1 / 0)
    assert topic_split.settle_next(settings, database.engine, broken)
    settled = request(database.engine, asked)
    assert settled.status == "refused" and "failed with ZeroDivisionError" in (settled.message or "")


# Edits, within seconds


def test_a_rename_and_a_merge_show_within_seconds_in_new_events_and_trends(
    settings: Settings, database: Any, models: Models
) -> None:
    discovered(models, database.engine, LATE, BROKEN)
    live = LivePipeline(models, database.engine, refresh_s=settings.topics.refresh_s)

    def read(number: int) -> list[Enriched]:
        return live(feedback([LATE[0], BROKEN[0]], first=number), [datetime.now(UTC)] * 2)

    assert [event.spans[0].topics[0].topic_id for event in read(0)] == [1, 2]
    with database.engine.begin() as connection:
        EventWriter(Monitored()).write(connection, read(0))
        registry.rename(connection, 1, "Parcel trouble", by="ana")
        registry.merge(connection, [2], 1, by="ana")
    began = time.monotonic()
    while (said := {e.spans[0].topics[0].label for e in read(10)}) != {"Parcel trouble"}:
        assert time.monotonic() - began < settings.topics.refresh_s + 5, said
        time.sleep(0.1)
    with database.engine.begin() as connection:
        EventWriter(Monitored()).write(connection, read(10))
        [trend] = topic_trends(connection, WITHIN)
    assert (trend.topic_id, trend.label, trend.series.n) == (1, "Parcel trouble", 4)


# Export


def test_topics_are_exported_with_parents_lineage_and_days(
    settings: Settings, database: Any, models: Models, taxonomy: Path, tmp_path: Path
) -> None:
    discovered(models, database.engine, LATE, BROKEN)
    topic_taxonomy.apply(settings, taxonomy, by="ana", models=models)
    understood([*LATE, *BROKEN], models, database.engine)
    with database.engine.begin() as connection:
        registry.rename(connection, 1, "=late", by="ana")
        registry.merge(connection, [2], 1, by="ana")
    told = json.loads(command(settings, "export", "--with-trends").output)
    by_id = {topic["topic_id"]: topic for topic in told["topics"]}
    assert by_id[2]["merged_into"] == 1 and by_id[1]["name"] == "=late" and by_id[3]["origin"] == "taxonomy"
    assert [line["kind"] for line in by_id[1]["lineage"]] == ["born", "renamed"]
    assert sum(day["mentions"] for day in by_id[1]["days"]) == len(LATE) + len(BROKEN)
    assert by_id[1]["days"][0]["day"] == "2026-03-01" and by_id[2]["days"] == []

    rows = list(csv.DictReader(io.StringIO(command(settings, "export", "--format", "csv").output)))
    assert [row["topic_id"] for row in rows] == ["1", "2", "3", "4"] and "days" not in rows[0]
    assert rows[0]["name"] == "'=late" and json.loads(rows[0]["examples"]) == by_id[1]["examples"]

    path = tmp_path / "topics.parquet"
    assert command(settings, "export", "--to", str(path), "--with-trends").exit_code == 0
    stored = pq.read_table(path).to_pylist()
    assert [row["topic_id"] for row in stored] == [1, 2, 3, 4]
    assert sum(day["mentions"] for day in stored[0]["days"]) == len(LATE) + len(BROKEN)
    assert "not for the terminal" in command(settings, "export", "--format", "parquet").output
    refused = command(settings, "export", "--to", str(tmp_path / "no" / "such.csv"))
    assert refused.exit_code == 1 and "such.csv" in refused.output
