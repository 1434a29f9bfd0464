"""detect: mentions become alerts, each published once; state and offsets move together."""

from __future__ import annotations

import random
import time
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.wire import START, enriched, in_thread, produce, read_all, wait_until
from vocengine.contracts import Alert, Case, Enriched, decode_alert, decode_case, encode
from vocengine.settings import Settings, load_settings
from vocengine.store.tables import alerts, outbox
from vocengine.store.tables import cases as cases_table
from vocengine.stream.members import run_detect
from vocengine.trends.mentions import Monitored, mentions_of

pytestmark = pytest.mark.integration

# Overdue before anybody looks.
_SECONDS = {f"cases.deadline_h.{severity}": 1e-6 for severity in ("critical", "high", "medium", "low")}


def stream(*, fall_on_day: int | None, back_on_day: int = 1_000, days: int = 10, a_day: int = 60) -> list[Enriched]:
    """Feedback on one product, whose sentiment falls on a day and is back on a later one."""
    draw = random.Random(5)
    events = []
    for number in range(days * a_day):
        at = START + timedelta(days=number / a_day)
        fallen = fall_on_day is not None and fall_on_day <= number // a_day < back_on_day
        score = -0.9 if draw.random() < (0.8 if fallen else 0.25) else 0.8
        events.append(enriched(number, score=score, at=at, text=f"Said on the kettle, number {number}."))
    return events


def mention_records(events: list[Enriched]) -> list[tuple[bytes, bytes]]:
    return [(m.key.encode(), encode(m)) for event in events for m in mentions_of(event, Monitored())]


def revisions(settings: Settings) -> list[Alert]:
    return [alert for record in read_all(settings, "alerts") if isinstance(alert := decode_alert(record.value), Alert)]


def published(settings: Settings) -> list[Alert]:
    """The alerts as they were raised."""
    return [alert for alert in revisions(settings) if alert.revision == 0]


def case_records(settings: Settings) -> list[Case]:
    return [case for record in read_all(settings, "cases") if isinstance(case := decode_case(record.value), Case)]


def test_a_fall_is_reported_once_with_its_evidence(settings: Settings, database: object) -> None:
    records = mention_records(stream(fall_on_day=8))
    produce(settings, "mentions", records)
    with in_thread(run_detect, settings):
        raised = wait_until(
            lambda: len(found := published(settings)) >= 2 and found, what="alerts on product and channel"
        )
    by_key = {alert.key: alert for alert in raised}
    assert sorted(alert.key for alert in raised) == ["channel:review", "product:kettle"]
    alert = by_key["product:kettle"]
    assert alert.kind == "product_sentiment_fall"
    assert START + timedelta(days=7, hours=12) < alert.window_start <= alert.opened_at < START + timedelta(days=9)
    assert alert.change_low > 0.05 and alert.evidence.value >= alert.evidence.threshold
    assert 1 <= len(alert.verbatims) <= 5 and all("kettle" in verbatim.text for verbatim in alert.verbatims)
    with database.engine.connect() as connection:  # type: ignore[attr-defined]
        assert set(connection.scalars(sa.select(alerts.c.alert_id))) == {a.alert_id for a in raised}
        assert connection.scalar(sa.select(sa.func.count()).select_from(outbox)) == 0


def test_a_fall_that_ends_amends_its_alert_and_is_noted_in_its_case(settings: Settings, database: Any) -> None:
    """It falls on day 8 and is back on day 11: one alert on each key, in revisions; the last says resolved."""
    produce(settings, "mentions", mention_records(stream(fall_on_day=8, back_on_day=11, days=16)))
    with in_thread(run_detect, settings):
        wait_until(
            lambda: len([a for a in revisions(settings) if a.status == "resolved"]) >= 2, what="two alerts resolved"
        )
    told = revisions(settings)
    with database.engine.connect() as connection:
        stored = dict(connection.execute(sa.select(alerts.c.alert_id, alerts.c.status)).tuples().all())
    for key in ("product:kettle", "channel:review"):
        course = [alert for alert in told if alert.key == key]
        assert len({alert.alert_id for alert in course}) == 1, "it is one incident"
        assert [alert.revision for alert in course] == list(range(len(course))) and len(course) >= 3
        assert [alert.status for alert in course[:-1]] == ["open"] * (len(course) - 1)
        assert course[-1].course[-1].mean < course[0].observed_mean - 0.2
        assert stored[course[0].alert_id] == "resolved"
    cases = case_records(settings)
    assert sorted(case.action for case in cases) == ["amend", "note", "note", "open"], "both are one incident"
    assert all("Sentiment is back" in case.note and case.state == "open" for case in cases if case.action == "note")


def test_alerts_of_one_incident_leave_with_a_case_that_is_escalated_once_by_all_members(
    settings: Settings, database: Any
) -> None:
    hasty = settings.model_copy(update={"cases": load_settings(environ={}, overrides=_SECONDS).cases})
    produce(settings, "mentions", mention_records(stream(fall_on_day=8)))
    with in_thread(run_detect, hasty), in_thread(run_detect, hasty):
        told = wait_until(
            lambda: len(found := case_records(settings)) >= 3 and found, what="a case, opened, amended and escalated"
        )
        time.sleep(7)  # each member looks once more
    assert case_records(settings) == told
    # The product and the channel tell of one thing, so there is one case.
    assert sorted(c.action for c in told) == ["amend", "escalate", "open"]
    raised = published(settings)
    assert len({c.case_id for c in told}) == 1 and len({alert.incident_id for alert in raised}) == 1
    assert max((c.alerts for c in told), key=len) in permutations(alert.alert_id for alert in raised)
    with database.engine.connect() as connection:
        assert set(connection.scalars(sa.select(cases_table.c.escalated))) == {"overdue"}


def test_an_unchanged_stream_raises_nothing(settings: Settings, database: object) -> None:
    """At one false alarm a week one in sixteen such streams raises one, as is allowed; at one in ten years none."""
    settings = settings.model_copy(update={"alerts": settings.alerts.model_copy(update={"per_days": 3650.0})})
    produce(settings, "mentions", mention_records(stream(fall_on_day=None)))
    produce(settings, "mentions", [(b"end", b"{broken")])
    with in_thread(run_detect, settings):
        wait_until(lambda: read_all(settings, "dead-letter"), what="the end of the stream")
    assert published(settings) == []
