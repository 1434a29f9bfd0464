"""All 14,640 airline tweets of February 2015 through the whole stream: none lost, none twice, two known falls found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.processes import RoleProcess
from tests.integration.wire import read_all, wait_until
from vocengine.contracts import Alert, decode_alert, decode_enriched
from vocengine.intake import ImportReport, import_file, load_mapping
from vocengine.settings import Settings
from vocengine.store.tables import event_ids, events, rollups
from vocengine.stream.sink import FeedbackSink

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]

PACIFIC = timezone(timedelta(hours=-8))  # the file's own days
ROWS, DISTINCT = 14_640, 14_485
# "@12am", "@930" are times of day, as people type them.
HANDLE = re.compile(r"(?<![\w@])@(?!\d{1,4}(?:am|pm)?\b)\w", re.IGNORECASE)


@dataclass(frozen=True)
class Streamed:
    """What came out at every end."""

    report: ImportReport
    engine: sa.Engine
    enriched: list[Any]
    alerts: list[Alert]
    raw: list[bytes]


@pytest.fixture
def streamed(settings: Settings, database: object, data_sets: Path, tmp_path: Path) -> Iterator[Streamed]:
    """The file imported and followed until everything has settled."""
    engine = database.engine  # type: ignore[attr-defined]
    path = data_sets / "streams" / "airline_tweets.csv"
    with closing(FeedbackSink(settings.kafka, origin="file:airline_tweets.csv")) as sink:
        report = import_file(path, load_mapping("airline_tweets"), sink=sink, resume_from=tmp_path / "imports")

    def stored() -> int:
        with engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(event_ids)) or 0

    with (
        RoleProcess("enrich", settings, tmp_path, instance="enrich-0") as enrich,
        RoleProcess("store", settings, tmp_path, instance="store-0") as store,
        RoleProcess("detect", settings, tmp_path, instance="detect-0") as detect,
    ):
        wait_until(lambda: stored() == DISTINCT, what=f"{DISTINCT:,} events", timeout_s=600, explain=enrich.tail)
        seen: list[int] = []
        # Alerts are out when nothing has come for a while.
        wait_until(
            lambda: seen.append(len(read_all(settings, "alerts"))) or (len(seen) > 50 and len(set(seen[-50:])) == 1),
            what="the last alert",
            timeout_s=120,
        )
        for role in (enrich, store, detect):
            role.terminate()
    records = {topic: read_all(settings, topic) for topic in ("enriched", "mentions", "alerts", "dead-letter")}
    assert records["dead-letter"] == []
    yield Streamed(
        report,
        engine,
        [decode_enriched(record.value) for record in records["enriched"]],
        [decode_alert(record.value) for record in records["alerts"]],  # type: ignore[misc]
        [record.value for topic in records.values() for record in topic],
    )


def test_the_airline_tweets_end_to_end(streamed: Streamed) -> None:
    assert (streamed.report.read, streamed.report.sent, streamed.report.rejected) == (ROWS, ROWS, 0)
    assert len(streamed.enriched) == ROWS
    assert len({event.event_id for event in streamed.enriched}) == DISTINCT
    with streamed.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(events)) == DISTINCT
        scored = connection.scalar(sa.select(sa.func.count()).where(events.c.status == "scored"))
        rolled_up = connection.scalar(sa.select(sa.func.sum(rollups.c.n)).where(rollups.c.key == "all"))
        texts = list(connection.scalars(sa.select(events.c.text)))
    assert scored == rolled_up and scored > 0.98 * DISTINCT

    shown = [*texts, *(value.decode() for value in streamed.raw)]
    found = [text for text in shown if HANDLE.search(text)]
    assert not found, f"{len(found)} handles left, such as {HANDLE.search(found[0])}: {found[0][:300]}"

    days = {(alert.key, alert.opened_at.astimezone(PACIFIC).date()) for alert in streamed.alerts}
    assert ("product:Southwest", date(2015, 2, 21)) in days, sorted(days)
    assert ("product:JetBlue", date(2015, 2, 22)) in days, sorted(days)
