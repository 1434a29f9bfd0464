"""Policies at work over a real database: what is watched, whose its case is, by when, and who is told when."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from kafka import TopicPartition

from tests.integration.test_detect_role import mention_records, stream
from tests.integration.wire import in_thread, produce, wait_until
from tests.notify.alerts import NOON, alert
from vocengine.alerts.policy_files import policies_from
from vocengine.alerts.policy_source import PolicySource
from vocengine.cases import Step
from vocengine.notify.routes import routes_from
from vocengine.settings import NotifySettings, Settings, load_settings
from vocengine.store.cases import Casebook, load
from vocengine.store.tables import alerts, cases
from vocengine.store.tables import notifications as notifications_table
from vocengine.stream.detect import DetectHandler
from vocengine.stream.inbox import Received
from vocengine.stream.members import run_detect
from vocengine.stream.notify import NotifyHandler
from vocengine.trends.mentions import Monitored, mentions_of

pytestmark = pytest.mark.integration


def settings_with(folder: Path, *policies: dict[str, Any]) -> Settings:
    file = folder / "policies.yaml"
    file.write_text(yaml.safe_dump({"owners": ["shop"], "policies": list(policies)}))
    return load_settings(environ={}, overrides={"alerts.policies": str(file)})


def detect(engine: sa.Engine, settings: Settings) -> None:
    """A product and its channel fall; every mention in one batch."""
    place = TopicPartition("mentions", 0)
    mentions = [m for event in stream(fall_on_day=8) for m in mentions_of(event, Monitored())]
    batch = [Received(place, offset, None, None, NOON, mention) for offset, mention in enumerate(mentions)]
    handler = DetectHandler(settings, partitions=1)
    with engine.begin() as connection:
        assert handler.handle(connection, batch) == []


def raised(engine: sa.Engine) -> dict[str, str]:
    with engine.connect() as connection:
        return {key: severity for key, severity in connection.execute(sa.select(alerts.c.key, alerts.c.severity))}


def test_without_policies_all_is_as_the_settings_say(database: Any) -> None:
    detect(database.engine, Settings())
    assert raised(database.engine) == {"channel:review": "critical", "product:kettle": "critical"}


def test_a_policy_mutes_softens_and_names_owner_and_deadline(database: Any, tmp_path: Path) -> None:
    settings = settings_with(
        tmp_path,
        {"name": "loud", "keys": ["channel:*"], "mute": True},
        {"name": "kitchen", "keys": ["product:*"], "owner": "shop", "severity": {"at_most": "medium"},
         "deadline_h": {"medium": 4}},
    )  # fmt: skip
    detect(database.engine, settings)
    assert raised(database.engine) == {"product:kettle": "medium"}
    with database.engine.connect() as connection:
        [case] = connection.execute(sa.select(cases)).all()
    assert (case.owner, case.state, case.severity) == ("shop", "open", "medium")
    assert case.due_at - case.opened_at == timedelta(hours=4) and case.note == "by the policy kitchen"


def test_a_fall_smaller_than_the_policy_wants_is_not_reported(database: Any, tmp_path: Path) -> None:
    detect(database.engine, settings_with(tmp_path, {"name": "deep", "keys": ["product:*"], "min_effect": 0.9}))
    assert raised(database.engine) == {"channel:review": "critical"}


def test_a_case_that_a_person_reopens_gets_the_deadline_of_its_policy(database: Any, tmp_path: Path) -> None:
    policy = {"name": "p", "keys": ["product:*"], "owner": "shop", "deadline_h": {"high": 3}}
    book = Casebook.of(settings_with(tmp_path, policy))
    with database.engine.begin() as connection:
        [case] = book.take_up(connection, [alert(1)], now=NOON)
        for action in ("take", "resolve", "reopen"):
            book.change(connection, case.case_id, Step(action, "ana", NOON + timedelta(hours=9)))  # type: ignore[arg-type]
        found = load(connection, case.case_id)
    assert (found.state, found.owner, found.due_at) == ("open", "ana", NOON + timedelta(hours=12))


def test_a_policy_narrows_the_routes_and_adds_quiet_hours(database: Any) -> None:
    hook = {"secret": "env:HOOK"}
    routes = routes_from(
        [
            {"name": "all", "to": [{"webhook": "https://a.example.org", **hook}]},
            {"name": "leads", "to": [{"webhook": "https://b.example.org", **hook}]},
        ],
        {"HOOK": "a secret that is long enough"},
    )
    policies = policies_from(
        {
            "p.yaml": {
                "policies": [
                    {"name": "one", "keys": ["product:kettle-1"], "routes": ["leads"]},
                    {"name": "two", "keys": ["product:kettle-2"], "quiet_hours": {"from": "10:00", "to": "15:00"}},
                    {"name": "three", "keys": ["product:kettle-3"], "routes": []},
                ]
            }
        }
    )
    handler = NotifyHandler(routes, NotifySettings(), lambda: NOON, PolicySource.fixed(policies))
    with database.engine.begin() as connection:
        for number in (1, 2, 3, 4):
            handler.take(connection, alert(number))
        t = notifications_table.c
        rows = connection.execute(sa.select(t.change_id, t.route, t.next_attempt_at)).all()
    told = {(row.change_id.partition(":")[0][-1], row.route): row.next_attempt_at - NOON for row in rows}
    after, at_once = timedelta(hours=3), timedelta(0)
    assert told == {
        ("1", "leads"): at_once,
        ("2", "all"): after,
        ("2", "leads"): after,
        ("4", "all"): at_once,
        ("4", "leads"): at_once,
    }


def test_a_running_role_takes_changed_policies_and_keeps_the_old_ones_where_the_new_are_wrong(
    settings: Settings, database: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="vocengine")
    chosen = settings_with(tmp_path, {"name": "kitchen", "keys": ["product:*"], "min_effect": 0.9})
    file = tmp_path / "policies.yaml"
    settings = settings.model_copy(update={"alerts": chosen.alerts})

    def told(words: str) -> bool:
        return any(words in record.getMessage() for record in caplog.records)

    before, after = mention_records(stream(fall_on_day=8, days=8)), mention_records(stream(fall_on_day=8))
    loud = {"name": "loud", "keys": ["channel:*"], "severity": {"at_most": "low"}, "owner": "shop"}
    produce(settings, "mentions", before)
    with in_thread(run_detect, settings):
        wait_until(lambda: told("detect: ready"), timeout_s=20, what="the role")
        settings_with(tmp_path, loud, {"name": "kitchen", "keys": ["product:*"], "owner": "shop"})
        wait_until(lambda: told("in force are loud, kitchen"), timeout_s=20, what="the changed policies")
        file.write_text(file.read_text().replace("at_most: low", "at_most: lowest"))
        wait_until(lambda: told("those of before stay in force"), timeout_s=20, what="the error")
        produce(settings, "mentions", after[len(before) :])
        found = wait_until(lambda: len(found := raised(database.engine)) == 2 and found, what="both alerts")
    assert found == {"channel:review": "low", "product:kettle": "critical"}
    with database.engine.connect() as connection:
        assert connection.scalars(sa.select(cases.c.owner).distinct()).all() == ["shop"]
    assert len([r for r in caplog.records if "those of before stay in force" in r.getMessage()]) == 1
