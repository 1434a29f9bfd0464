"""Names, merges and export: seen in new events, in trends and by other tools."""

from __future__ import annotations

import csv
import io
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.integration.told import (
    BROKEN,
    LATE,
    TAXONOMY,
    WITHIN,
    command,
    discovered,
    feedback,
    understood,
    without_broker,
)
from vocengine.contracts import Enriched
from vocengine.pipeline import Models
from vocengine.settings import Settings
from vocengine.store import topic_edits
from vocengine.store.reads import (
    topic_trends,
)
from vocengine.store.writer import EventWriter
from vocengine.stream import topic_taxonomy
from vocengine.stream.enrich_member import LivePipeline
from vocengine.trends.mentions import Monitored

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(database: Any, tmp_path: Path) -> Settings:
    return without_broker(database, tmp_path)


@pytest.fixture
def taxonomy(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(TAXONOMY, encoding="utf-8")
    return path


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
        topic_edits.rename(connection, 1, "Parcel trouble", by="ana")
        topic_edits.merge(connection, [2], 1, by="ana")
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
        topic_edits.rename(connection, 1, "=late", by="ana")
        topic_edits.merge(connection, [2], 1, by="ana")
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
