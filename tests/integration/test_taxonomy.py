"""A taxonomy end to end: the shipped encoder, a real database, the stream's own pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from tests.integration.told import (
    BROKEN,
    FAR,
    LATE,
    TAXONOMY,
    WITHIN,
    command,
    discovered,
    ids_in_force,
    refit,
    topics_of,
    understood,
    without_broker,
)
from vocengine.errors import RegistryError, TaxonomyError
from vocengine.pipeline import Models
from vocengine.settings import Settings
from vocengine.store import plans, registry, taxonomies
from vocengine.store.reads import (
    coverage_report,
    event_detail,
    topic_detail,
    topic_trends,
    topic_verbatims,
)
from vocengine.store.registry import Fit
from vocengine.stream import topic_discovery, topic_split, topic_taxonomy

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(database: Any, tmp_path: Path) -> Settings:
    return without_broker(database, tmp_path)


@pytest.fixture
def taxonomy(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(TAXONOMY, encoding="utf-8")
    return path


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
