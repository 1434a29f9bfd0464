"""Customers beside an incident: found when it is looked at, with alerts and cases of their own, and never its root."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from tests.cases.test_life import HOUR, NOW, alert
from tests.integration.test_incidents import BOOK, courier, detail, raise_alert, said
from tests.integration.wire import enriched
from vocengine.cases import Step
from vocengine.contracts import Alert, Verbatim
from vocengine.store.tables import topics
from vocengine.store.writer import EventWriter
from vocengine.trends.mentions import Monitored
from vocengine.web import create_app

pytestmark = pytest.mark.integration

DAY = timedelta(days=1)


def customer(engine: sa.Engine, number: int, about: list[int | None], *, at: datetime = NOW, **fields: Any) -> Alert:
    """A customer who fell by messages on these topics, which are stored, until `at`."""
    told = [
        enriched(1000 * number + i, score=-0.9, at=at - (len(about) - i) * HOUR, topic=topic, **fields)
        for i, topic in enumerate(about)
    ]
    with engine.begin() as connection:
        EventWriter(Monitored()).write(connection, told)
    made = alert(number, key=f"customer:C-{number}")
    verbatims = tuple(Verbatim(e.event_id, e.occurred_at, e.channel, -0.9, e.text) for e in told)
    window = {"window_start": told[0].occurred_at, "window_end": at, "opened_at": at, "raised_at": at}
    made = replace(made, kind="customer_sentiment_fall", label=f"C-{number}", verbatims=verbatims, **window)  # type: ignore[arg-type]
    raised, _ = raise_alert(engine, made, None, at=at)
    return raised


def affected(engine: sa.Engine, alert_id: str = "a-3") -> dict[str, float]:
    return {one.key.removeprefix("customer:"): one.on_root for one in detail(engine, alert_id).incident.customers}


def resolve(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for case_id in ("c-1", "c-2"):
            for action in ("take", "resolve"):
                BOOK.change(connection, case_id, Step(action, "ana", NOW))  # type: ignore[arg-type]


def test_customers_who_mostly_speak_of_the_root_are_beside_it_whether_they_fell_before_or_after(database: Any) -> None:
    customer(database.engine, 20, [9, 9, None], at=NOW - 3 * HOUR)
    courier(database.engine)
    customer(database.engine, 21, [9, 4], at=NOW + 5 * HOUR)
    customer(database.engine, 22, [4, 4, 9])
    assert affected(database.engine) == {"C-20": 0.667, "C-21": 0.5}
    assert affected(database.engine, "a-1") == affected(database.engine), "whichever of its alerts is looked at"


def test_a_customer_keeps_a_case_of_their_own_and_is_neither_member_nor_root(database: Any) -> None:
    courier(database.engine)
    raised = customer(database.engine, 20, [9, 9])
    assert raised.incident_id is None
    whole = detail(database.engine, "a-3").incident
    assert {m.key for m in whole.members} == {"topic:9", "channel:chat", "product:kettle"}
    assert [(c.case_id, c.case_state) for c in whole.customers] == [("c-20", "open")]
    own = detail(database.engine, "a-20")
    assert own.incident is None and own.case.case.alerts == ("a-20",)
    assert [(one.root_key, one.incident_id, one.on_root) for one in own.affected_by] == [("topic:9", "i-1", 1.0)]
    assert detail(database.engine, "a-3").affected_by == ()


def test_what_was_said_at_another_time_is_not_about_the_incident(database: Any) -> None:
    courier(database.engine)
    customer(database.engine, 20, [9, 9], at=NOW - 2 * DAY)
    customer(database.engine, 21, [9, 9], at=NOW + 3 * DAY)
    customer(database.engine, 22, [9, 9], at=NOW + 12 * DAY)
    assert affected(database.engine) == {"C-21": 1.0}, "it is not resolved, and no week has passed"
    resolve(database.engine)
    assert affected(database.engine) == {}
    assert detail(database.engine, "a-21").affected_by == ()


def test_where_somebody_always_writes_says_nothing_of_what_they_complain_of(database: Any) -> None:
    raise_alert(database.engine, said(1, "channel:chat", "chat"), {"topic:4": (0.2, 0.2)})
    customer(database.engine, 20, [9, 9], channel="chat")
    assert affected(database.engine, "a-1") == {} and detail(database.engine, "a-20").affected_by == ()


def test_a_pair_is_touched_by_what_is_on_both_its_parts_and_a_topic_by_what_was_merged_into_it(database: Any) -> None:
    raise_alert(database.engine, said(1, "topic~product:1~kettle", "Parcels × kettle"), {"channel:chat": (0.3, 0.3)})
    with database.engine.begin() as connection:
        made = {"keywords": [], "centroid": b"", "threshold": 0.5, "size": 9, "examples": [], "born_version": 1}
        connection.execute(sa.insert(topics), [{"label": label, **made} for label in ("Parcels", "Courier")])
    customer(database.engine, 20, [1, 1], product="kettle")
    customer(database.engine, 21, [1, 1], product="oven")
    customer(database.engine, 22, [2, 2], product="kettle")
    assert affected(database.engine, "a-1") == {"C-20": 1.0}
    with database.engine.begin() as connection:
        connection.execute(sa.update(topics).where(topics.c.label == "Courier").values(merged_into=1))
    assert affected(database.engine, "a-1") == {"C-20": 1.0, "C-22": 1.0}


def test_the_pages_lead_from_the_incident_to_its_customers_and_back(database: Any) -> None:
    courier(database.engine)
    customer(database.engine, 20, [9, 9])
    with TestClient(create_app(database.engine)) as client:
        page = client.get("/alerts/a-1").text
        assert "Customers affected" in page and "/alerts/a-20" in page and "/cases/c-20" in page
        own = client.get("/alerts/a-20").text
        assert "Affected by" in own and "/alerts/a-3" in own and "Customers affected" not in own
        twin = client.get("/api/v1/alerts/a-1").json()["incident"]["customers"]
        assert [(one["key"], one["on_root"]) for one in twin] == [("customer:C-20", 1.0)]
        [beside] = client.get("/api/v1/alerts/a-20").json()["affected_by"]
        assert beside["root_alert_id"] == "a-3"
