"""`vocengine alerts check` and `vocengine alerts backtest` on a real database with six weeks of a shop's feedback."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from click.testing import CliRunner, Result
from kafka import TopicPartition

from tests.integration.wire import enriched
from tests.web.web_story import END, FALL, START, events, fill
from vocengine.cli.main import cli
from vocengine.contracts import Enriched
from vocengine.errors import InputError, PolicyError
from vocengine.settings import Settings
from vocengine.store.stored_events import stored_events
from vocengine.store.tables import alerts, cases, detector_state, notifications, outbox
from vocengine.store.writer import EventWriter
from vocengine.stream.detect import DetectHandler
from vocengine.stream.inbox import Received
from vocengine.trends.mentions import Monitored, mentions_of

pytestmark = pytest.mark.integration

DELIVERY = {"name": "delivery", "keys": ["topic:1"], "owner": "shop", "importance": 3, "severity": "critical",
            "deadline_h": {"critical": 2}}  # fmt: skip
ALL = {"name": "all", "keys": ["*"]}


def call(database: Any, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ("--set", f"database.url={database.url}", *arguments), env={"COLUMNS": "250"})


def written(folder: Path, *policies: dict[str, Any], name: str = "p.yaml") -> str:
    (folder / name).write_text(yaml.safe_dump({"owners": ["shop"], "policies": list(policies)}))
    return str(folder / name)


def watched(engine: sa.Engine) -> None:
    """As if the role detect had read it all."""
    place = TopicPartition("mentions", 0)
    batch = [Received(place, 0, None, None, m.received_at, m) for e in events() for m in mentions_of(e, Monitored())]
    with engine.begin() as connection:
        DetectHandler(Settings(), partitions=1).handle(connection, batch)


def rows(engine: sa.Engine) -> list[int]:
    with engine.connect() as connection:
        tables = (alerts, cases, outbox, notifications, detector_state)
        return [connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in tables]


def test_stored_events_give_the_mentions_that_they_gave_when_they_came_in(database: Any) -> None:
    fill(database.engine)
    with database.engine.connect() as connection:
        found = list(stored_events(connection, START, END))

    def said(events: Iterable[Enriched]) -> dict[str, set[tuple[Any, ...]]]:
        return {e.event_id: {(m.key, m.score, m.excerpt) for m in mentions_of(e, Monitored())} for e in events}

    assert said(found) == said(events())
    assert [e.occurred_at for e in found] == sorted(e.occurred_at for e in events())


def test_a_backtest_finds_the_fall_and_leaves_no_trace(database: Any, tmp_path: Path) -> None:
    fill(database.engine)
    before = rows(database.engine)
    policies = written(tmp_path, ALL, DELIVERY)
    said = call(database, "alerts", "backtest", "--from", "2026-10-01", "--policies", policies, "--json")
    assert said.exit_code == 0, said.output
    told = json.loads(said.output)
    [delivery] = [one for one in told["alerts"] if one["alert"]["key"] == "topic:1"]
    assert (delivery["policy"], delivery["owner"], delivery["alert"]["severity"]) == ("delivery", "shop", "critical")
    fired = datetime.fromisoformat(delivery["alert"]["opened_at"])
    assert FALL < fired < FALL + timedelta(days=2)
    assert datetime.fromisoformat(delivery["case_due_at"]) == fired + timedelta(hours=2)
    assert told["trained"] > told["replayed"] > 0 and told["keys"]["topic"] == 8
    shown = call(database, "alerts", "backtest", "--from", "2026-10-01", "--policies", policies).output
    assert "topic:1 (Delivery time)" in shown and "the budget of false ones: at most 1 false alarm in 7 days" in shown
    assert rows(database.engine) == before


def test_a_backtest_watches_anger_where_the_settings_have_it(database: Any, tmp_path: Path) -> None:
    fill(database.engine)
    file = written(tmp_path, {"name": "calm", "keys": ["topic:*"], "kinds": ["anger_spike"], "severity": "low"})
    asked = ("alerts", "backtest", "--from", "2026-10-01", "--policies", file, "--json")
    told = json.loads(call(database, "--set", "alerts.signals=[anger]", *asked).output)["alerts"]
    kinds = {(one["alert"]["kind"], one["alert"]["key"], one["policy"]) for one in told}
    assert ("topic_sentiment_fall", "topic:1", None) in kinds and ("anger_spike", "topic:1", "calm") in kinds
    assert {one["alert"]["severity"] for one in told if one["policy"] == "calm"} == {"low"}


def test_a_backtest_says_until_when_a_fall_lasted(database: Any) -> None:
    draw = random.Random(2)
    writer = EventWriter(Monitored())
    said = []
    for number in range(60 * 40):
        day = number // 40
        sour = draw.random() < (0.8 if 40 <= day < 43 else 0.25)
        said.append(enriched(number, score=-0.9 if sour else 0.8, at=START + timedelta(days=number / 40)))
    with database.engine.begin() as connection:
        writer.write(connection, said)
    told = json.loads(call(database, "alerts", "backtest", "--json").output)["alerts"]
    opened = {one["alert"]["opened_at"]: one for one in told if one["alert"]["key"] == "product:kettle"}
    # The budget also allows for false ones; this is about the one that the fall raised.
    [kettle] = [
        one
        for at, one in opened.items()
        if timedelta(days=40) <= datetime.fromisoformat(at) - START < timedelta(days=43)
    ]
    ended = datetime.fromisoformat(kettle["ended_at"])
    assert kettle["ended"] == "recovered"
    assert START + timedelta(days=43) < ended < START + timedelta(days=46)


def test_a_backtest_shows_what_a_policy_would_change(database: Any, tmp_path: Path) -> None:
    fill(database.engine)
    muted = written(tmp_path, ALL, {"name": "no", "keys": ["topic:*"], "mute": True})
    told = json.loads(call(database, "alerts", "backtest", "--policies", muted, "--json").output)
    assert not [one for one in told["alerts"] if one["alert"]["key"].startswith("topic:")] and told["muted"] == 8
    # Before the fall.
    quiet = call(database, "alerts", "backtest", "--from", "2026-09-20", "--to", "2026-10-06", "--json")
    assert not [one for one in json.loads(quiet.output)["alerts"] if one["alert"]["key"] == "topic:1"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ("--from", "2026-10-05", "--to", "2026-10-01"),
            "from is 2026-10-05 00:00 UTC, which is not before to, 2026-10-01",
        ),
        (
            ("--to", "2020-01-01"),
            "there is no scored feedback from 2019-12-04 00:00 UTC to 2020-01-01 00:00 UTC; the newest",
        ),
    ],
)
def test_a_range_with_nothing_in_it_is_one_sentence(options: tuple[str, ...], says: str, database: Any) -> None:
    fill(database.engine, per_day=2)
    said = call(database, "alerts", "backtest", *options)
    assert isinstance(said.exception, InputError) and says in str(said.exception)


def test_an_empty_database_and_a_time_that_is_none(database: Any) -> None:
    said = call(database, "alerts", "backtest")
    assert isinstance(said.exception, InputError) and "there is no feedback to replay yet" in str(said.exception)
    assert "'soon' is no time; write a day, 2026-03-01" in call(database, "alerts", "backtest", "--from", "soon").output
    assert "has no zone" in call(database, "alerts", "backtest", "--from", "2026-03-01T08:00:00").output


def test_check_tells_what_each_policy_holds_for_now(database: Any, tmp_path: Path) -> None:
    fill(database.engine)
    watched(database.engine)
    folder = tmp_path / "alerts"
    folder.mkdir()
    written(folder, ALL, DELIVERY, name="a.yaml")
    written(
        folder,
        {"name": "stages", "keys": ["journey_stage:*"]},
        {"name": "no", "keys": ["channel:*"], "mute": True},
        name="b.yaml",
    )
    told = json.loads(call(database, "alerts", "check", "--policies", str(folder), "--json").output)
    found = {one["policy"]: one for one in told["policies"]}
    assert [found[name]["keys_now"] for name in ("delivery", "stages", "no", None)] == [1, 0, 6, 0]
    assert (
        found["delivery"]["such_as"] == ["topic:1 (Delivery time)"] and found["delivery"]["deadline_h"]["critical"] == 2
    )
    assert found["no"]["budget_share"] == 0
    assert sum(one["budget_share"] for one in told["policies"]) == pytest.approx(1, abs=1e-4)
    shown = call(database, "alerts", "check", "--policies", str(folder)).output
    assert (
        "stages: holds for no key that is watched now" in shown and "Budget: at most 1 false alarm in 7 days" in shown
    )


def test_check_says_of_a_key_which_policy_holds_and_why(database: Any, tmp_path: Path) -> None:
    fill(database.engine, per_day=10)
    watched(database.engine)
    file = written(tmp_path, ALL, DELIVERY, {"name": "topics", "keys": ["topic:*"]})
    shown = call(database, "alerts", "check", "topic:1", "--policies", file).output
    assert f"topic:1: the policy delivery of {file} holds" in shown
    assert "no: a whole key comes before a pattern" in shown
    told = json.loads(call(database, "alerts", "check", "topic:1", "--policies", file, "--json").output)
    assert (told["policy"], told["known"]) == ("delivery", True)
    assert 3 < told["importance"] < 4, "three by the policy, times what people said of its case"
    assert [one["policy"] for one in told["speaking"]["topic_sentiment_fall"]] == ["delivery", "topics", "all"]
    unspoken = call(database, "alerts", "check", "topic:1").output
    assert "topic:1: no policy speaks of it, so all is as the settings say" in unspoken
    assert "'kettle' is no key; one is such as topic:12" in call(database, "alerts", "check", "kettle").output


def test_a_fault_is_one_sentence_also_without_a_database(tmp_path: Path) -> None:
    file = written(tmp_path, {"name": "p", "keys": ["produkt:*"]})
    said = CliRunner().invoke(cli, ("alerts", "check", "--files-only", "--policies", file))
    assert isinstance(said.exception, PolicyError) and "'produkt' is no kind of key" in str(said.exception)
    fine = CliRunner().invoke(cli, ("alerts", "check", "--files-only", "--policies", written(tmp_path, ALL)))
    assert fine.exit_code == 0 and "1 policy, no fault found" in fine.output


def test_check_refuses_a_route_that_is_not_there(database: Any, tmp_path: Path) -> None:
    file = written(tmp_path, {**ALL, "routes": ["leads"]})
    said = call(database, "alerts", "check", "--policies", file)
    assert isinstance(said.exception, PolicyError)
    assert "policy 'all': routes.0 is 'leads', which is unknown; notify.routes names no file" in str(said.exception)
