"""Incidents in a real PostgreSQL: folded as alerts are raised, with one case; shown with what was like them before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from tests.cases.test_life import HOUR, NOW, alert
from vocengine.alerts.mix import Part, Parts
from vocengine.cases import Step
from vocengine.contracts import Alert, Case, Verbatim
from vocengine.settings import Settings
from vocengine.store import detector_states, incidents
from vocengine.store.cases import Casebook
from vocengine.store.reads import alert_detail, alert_page, reading
from vocengine.store.tables import cases as cases_table
from vocengine.store.tables import metadata
from vocengine.web import create_app

pytestmark = pytest.mark.integration

BOOK = Casebook.of(Settings())


def raise_alert(
    engine: sa.Engine, raised: Alert, shares: Mapping[str, tuple[float, float | None]] | None, *, at: datetime = NOW
) -> tuple[Alert, list[Case]]:
    """As the role detect does: folded, written, and taken up by a case, in one transaction."""
    parts = {}
    if shares is not None:
        made = tuple(Part(key, key, round(100 * share), share, before) for key, (share, before) in shares.items())
        parts[raised.alert_id] = Parts(100, made, frozenset())
    with engine.begin() as connection:
        folded = incidents.fold(connection, [raised], parts, now=at)
        detector_states.add_alerts(connection, folded.alerts)
        return folded.alerts[0], BOOK.take_up(connection, folded.alerts, now=at, beside=folded.beside)


def said(number: int, key: str, label: str, *texts: str, at: datetime = NOW) -> Alert:
    verbatims = tuple(Verbatim(f"e-{number}-{i}", at, "chat", -0.8, text) for i, text in enumerate(texts))
    window = {"window_start": at - HOUR, "window_end": at, "opened_at": at, "raised_at": at}
    return replace(alert(number, key=key), label=label, verbatims=verbatims, **window)  # type: ignore[arg-type]


def detail(engine: sa.Engine, alert_id: str) -> Any:
    with reading(engine) as connection:
        return alert_detail(connection, alert_id)


def courier(engine: sa.Engine) -> None:
    """The chat falls, then a product, then the topic that both fall by."""
    raise_alert(engine, said(1, "channel:chat", "chat"), {"topic:9": (0.6, 0.2), "product:kettle": (0.5, 0.5)})
    raise_alert(engine, said(2, "product:kettle", "kettle"), {"topic:9": (0.7, 0.2), "channel:chat": (0.3, 0.3)})
    raise_alert(engine, said(3, "topic:9", "Parcels", "The parcel is lost"), {"product:kettle": (0.5, 0.5)})


def test_the_migration_makes_the_tables_that_the_code_knows(database: Any) -> None:
    found = sa.inspect(database.engine)
    for name in ("incidents", "incident_members"):
        wanted = metadata.tables[name]
        assert [c["name"] for c in found.get_columns(name)] == [c.name for c in wanted.columns]
        assert {i["name"] for i in found.get_indexes(name)} == {i.name for i in wanted.indexes}


def test_alerts_that_hang_on_one_topic_become_one_incident_when_the_topic_is_raised(database: Any) -> None:
    courier(database.engine)
    found = detail(database.engine, "a-2").incident
    assert (found.incident_id, found.root_key, found.root_label) == ("i-1", "topic:9", "Parcels")
    assert [m.alert_id for m in found.members] == ["a-3", "a-1", "a-2"]
    assert found.explains == pytest.approx((0.5 + 0.625) / 2, abs=1e-3)
    assert (found.members[1].on_root, found.members[1].on_root_before) == (0.6, 0.2)
    with reading(database.engine) as connection:
        page = alert_page(connection)
    assert [(i.root_alert_id, i.alert_ids) for i in page.incidents] == [("a-3", ("a-1", "a-2", "a-3"))]


def test_one_case_is_at_work_on_an_incident_and_the_others_are_linked_to_it(database: Any) -> None:
    raise_alert(database.engine, said(1, "channel:chat", "chat"), {"topic:9": (0.6, 0.2)})
    _, [amended] = raise_alert(database.engine, said(3, "topic:9", "Parcels"), {"channel:chat": (0.3, 0.3)})
    assert (amended.case_id, amended.key, amended.action) == ("c-1", "channel:chat", "amend")
    assert amended.alerts == ("a-1", "a-3") and "same incident: Parcels" in amended.note
    # A repetition, as after a restored backup, changes nothing.
    again, none = raise_alert(database.engine, said(3, "topic:9", "Parcels"), {"channel:chat": (0.3, 0.3)})
    assert (again.incident_id, none) == ("i-1", [])
    # What has nothing to do with it has a case of its own.
    other, [own] = raise_alert(database.engine, said(4, "topic:5", "Prices"), {"channel:chat": (0.3, 0.3)})
    assert (other.incident_id, own.case_id, own.action) == ("i-4", "c-4", "open")


def test_an_incident_that_is_resolved_takes_only_alerts_of_its_own_time(database: Any) -> None:
    raise_alert(database.engine, said(1, "channel:chat", "chat"), {"topic:9": (0.6, 0.2)})
    with database.engine.begin() as connection:
        for action in ("take", "resolve"):
            BOOK.change(connection, "c-1", Step(action, "ana", NOW))  # type: ignore[arg-type]
    soon = NOW + 3 * HOUR
    later, [case] = raise_alert(database.engine, said(3, "topic:9", "Parcels", at=soon), {"channel:chat": (0.3, 0.3)})
    assert (later.incident_id, case.case_id) == ("i-3", "c-3")
    same, _ = raise_alert(database.engine, said(4, "product:kettle", "kettle"), {"channel:chat": (0.6, 0.2)})
    assert same.incident_id == "i-1"


def test_a_customer_stands_by_themselves(database: Any) -> None:
    courier(database.engine)
    raised, [case] = raise_alert(database.engine, said(5, "customer:C-1", "C-1"), None)
    assert raised.incident_id is None and (case.case_id, case.action) == ("c-5", "open")
    assert detail(database.engine, "a-5").incident is None


def test_earlier_alerts_like_it_are_shown_with_how_they_ended(database: Any) -> None:
    long_ago, ago = NOW - timedelta(days=90), NOW - timedelta(days=40)
    for made in (
        said(10, "topic:9", "Parcels", "It went to the neighbour", at=long_ago),
        said(11, "product:kettle", "kettle", "Lid does not close", at=ago),
        said(12, "topic:4", "Courier", "My parcel was lost on the way", at=ago),
        said(13, "topic:5", "Prices", "Far too expensive now", at=ago),
    ):
        raise_alert(database.engine, made, {}, at=made.opened_at)
    with database.engine.begin() as connection:
        BOOK.change(connection, "c-10", Step("take", "ana", long_ago))
        BOOK.change(connection, "c-10", Step("judge", "ana", long_ago, verdict="yes"))
        BOOK.change(connection, "c-10", Step("resolve", "ana", long_ago, note="the depot was flooded"))
    courier(database.engine)
    found = detail(database.engine, "a-3").similar
    assert [(one.alert_id, one.by) for one in found] == [("a-10", "key"), ("a-11", "incident"), ("a-12", "words")]
    assert (found[0].case_state, found[0].verdict, found[0].note) == ("resolved", "yes", "the depot was flooded")


def test_the_page_and_its_twin_show_the_incident(database: Any) -> None:
    raise_alert(
        database.engine, said(20, "topic:9", "Parcels", at=NOW - timedelta(days=40)), {}, at=NOW - timedelta(days=40)
    )
    courier(database.engine)
    with TestClient(create_app(database.engine)) as client:
        page = client.get("/alerts/a-1").text
        assert "Probable root" in page and "/alerts/a-3" in page and "3 alerts" in page
        assert "Similar alerts before" in page and "/alerts/a-20" in page
        assert "root of 3 alerts" in client.get("/alerts").text
        twin = client.get("/api/v1/alerts/a-1").json()
        assert twin["incident"]["root_key"] == "topic:9" and len(twin["incident"]["members"]) == 3
        assert client.get("/api/v1/alerts").json()["incidents"][0]["root_alert_id"] == "a-3"
    with database.engine.connect() as connection:
        assert set(connection.scalars(sa.select(cases_table.c.case_id))) == {"c-1", "c-2", "c-20"}
