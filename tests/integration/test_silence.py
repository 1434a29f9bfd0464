"""Data silence in a real PostgreSQL: told once by whoever looks, over when data comes again, never told of history."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from tests.integration.wire import enriched
from vocengine.contracts import Alert, Case, decode_alert, decode_case
from vocengine.settings import Settings
from vocengine.store import outbox
from vocengine.store.tables import alerts, arrivals, metadata
from vocengine.store.tables import cases as cases_table
from vocengine.store.writer import EventWriter
from vocengine.stream.silence import SilenceSession
from vocengine.trends.mentions import Monitored
from vocengine.web import create_app

pytestmark = pytest.mark.integration

NOW = datetime(2026, 9, 7, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Bench:
    """A database into which sources send an event an hour, and a member that looks."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine, self.sent = engine, 0
        self.member = SilenceSession(Settings(), engine, threading.Event())

    def send(self, source: str, channel: str, since: datetime, until: datetime, *, late: timedelta = 2 * HOUR) -> None:
        batch, at = [], since
        while at < until:
            self.sent += 1
            event = enriched(self.sent, at=at - late, source=source, channel=channel)
            batch.append(replace(event, received_at=at))
            at += HOUR
        with self.engine.begin() as connection:
            EventWriter(Monitored()).write(connection, batch)

    def looked(self, at: datetime) -> list[tuple[str, str]]:
        return [(alert.key, alert.status) for alert in self.member.look(at)]

    def watch_from(self, at: datetime, until: datetime) -> list[tuple[str, str]]:
        """Look every ten minutes, as often as it takes not to have been away."""
        found = []
        while at <= until:
            found += self.looked(at)
            at += timedelta(minutes=10)
        return found

    def told(self) -> tuple[list[Alert], list[Case]]:
        with self.engine.begin() as connection:
            sent = outbox.after(connection, 0)
        raised = [a for m in sent if m.topic == "voc.alerts" and isinstance(a := decode_alert(m.value), Alert)]
        cases = [c for m in sent if m.topic == "voc.cases" and isinstance(c := decode_case(m.value), Case)]
        return raised, cases


@pytest.fixture
def bench(database: Any) -> Bench:
    return Bench(database.engine)


def test_the_migration_makes_the_table_that_the_code_knows(database: Any) -> None:
    found, wanted = sa.inspect(database.engine), metadata.tables["arrivals"]
    assert [c["name"] for c in found.get_columns("arrivals")] == [c.name for c in wanted.columns]
    assert {i["name"] for i in found.get_indexes("arrivals")} == {i.name for i in wanted.indexes}


def test_a_source_that_stops_is_told_once_and_is_over_when_it_sends_again(bench: Bench) -> None:
    bench.send("shop", "review", NOW - 24 * 14 * HOUR, NOW)
    bench.send("desk", "chat", NOW - 24 * 14 * HOUR, NOW - 6 * HOUR)
    assert bench.looked(NOW) == [("source:desk", "open")]
    other = SilenceSession(Settings(), bench.engine, threading.Event())
    assert [*bench.looked(NOW + timedelta(minutes=1)), *other.look(NOW + timedelta(minutes=1))] == []
    bench.send("desk", "chat", NOW, NOW + HOUR)
    assert bench.looked(NOW + timedelta(minutes=5)) == [("source:desk", "resolved")]
    assert bench.looked(NOW + timedelta(minutes=6)) == []
    raised, cases = bench.told()
    assert [(a.kind, a.label, a.status) for a in raised] == [
        ("data_silence", "desk", "open"), ("data_silence", "desk", "resolved"),
    ]  # fmt: skip
    assert [(c.action, c.state, c.by) for c in cases] == [
        ("open", "open", "vocengine"), ("recover", "resolved", "vocengine"),
    ]  # fmt: skip
    with bench.engine.connect() as connection:
        assert list(connection.scalars(sa.select(alerts.c.status))) == ["resolved"]
        assert list(connection.scalars(sa.select(cases_table.c.state))) == ["resolved"]


def test_imported_history_silences_nobody(bench: Bench) -> None:
    bench.send("shop", "review", NOW - 24 * 14 * HOUR, NOW)
    # All of it came within two weeks that are over, and had happened a year before.
    bench.send("archive", "email", NOW - 24 * 15 * HOUR, NOW - 48 * HOUR, late=365 * 24 * HOUR)
    assert bench.looked(NOW) == []
    with bench.engine.connect() as connection:
        assert set(connection.scalars(sa.select(arrivals.c.source))) == {"shop"}


def test_when_all_stops_it_is_told_once_and_not_by_who_was_away(bench: Bench) -> None:
    for source, channel in (("shop", "review"), ("desk", "chat"), ("app", "email")):
        bench.send(source, channel, NOW - 24 * 14 * HOUR, NOW)
    later = NOW + 30 * HOUR
    assert bench.looked(NOW) == []
    assert bench.looked(later) == [], "nobody looked for thirty hours"
    assert bench.watch_from(later + timedelta(minutes=10), later + 5 * HOUR) == [("source:*", "open")]
    bench.send("shop", "review", later + 5 * HOUR, later + 6 * HOUR)
    assert bench.looked(later + 5 * HOUR + timedelta(minutes=5)) == [("source:*", "resolved")]


def test_the_page_says_what_is_silent(bench: Bench) -> None:
    bench.send("shop", "review", NOW - 24 * 14 * HOUR, NOW)
    bench.send("desk", "chat", NOW - 24 * 14 * HOUR, NOW - 6 * HOUR)
    [alert] = bench.member.look(NOW)
    with TestClient(create_app(bench.engine)) as client:
        page = client.get(f"/alerts/{alert.alert_id}").text
        assert "Nothing comes from source desk" in page and "Data silence" in page
        assert "→ 0 an hour" in client.get("/alerts").text
        assert client.get(f"/api/v1/alerts/{alert.alert_id}").json()["alert"]["kind"] == "data_silence"
