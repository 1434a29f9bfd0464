"""Pairs of keys over a real database: watched, folded into one incident with their parts, shown, explained."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from fastapi.testclient import TestClient
from kafka import TopicPartition

from tests.integration.wire import START, enriched
from tests.notify.alerts import NOON
from vocengine.cli.main import cli
from vocengine.contracts import Enriched
from vocengine.settings import load_settings
from vocengine.store.reads import alert_page, reading
from vocengine.store.tables import topics
from vocengine.store.writer import EventWriter
from vocengine.stream.detect import DetectHandler
from vocengine.stream.inbox import Received
from vocengine.trends.mentions import Monitored, mentions_of
from vocengine.web import create_app

pytestmark = pytest.mark.integration

PAIR = "topic~product:1~kettle"
# No false alarm of this stream's chance, which the usual budget allows.
SETTINGS = load_settings(
    environ={}, overrides={"monitor.pairs": ["topic~product"], "monitor.channels": False, "alerts.per_days": 700}
)
MONITORED = Monitored(**SETTINGS.monitor.model_dump())


def shop(*, fallen: Sequence[tuple[int, str]]) -> list[Enriched]:
    """Ten days on two topics and two products, of all of which the same is said; then some of them fall together."""
    draw = random.Random(3)
    told = []
    for number in range(12 * 120):
        day, topic, product = number // 120, 1 + number % 2, ("kettle", "oven")[number // 2 % 2]
        sour = draw.random() < (0.85 if day >= 10 and (topic, product) in fallen else 0.25)
        at = START + timedelta(days=number / 120)
        said = f"Number {number} on the {product}."
        told.append(enriched(number, score=-0.9 if sour else 0.8, at=at, text=said, product=product, topic=topic))
    return told


def detect(engine: sa.Engine, told: Sequence[Enriched]) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.insert(topics),
            [
                {"label": label, "keywords": [], "centroid": b"", "threshold": 0.5, "size": 9, "examples": [],
                 "born_version": 1}
                for label in ("Delivery", "Price", "Courier")
            ],
        )  # fmt: skip
        EventWriter(MONITORED).write(connection, told)
        handler, place = DetectHandler(SETTINGS, partitions=1), TopicPartition("mentions", 0)
        mentions = [mention for event in told for mention in mentions_of(event, MONITORED)]
        handler.handle(connection, [Received(place, i, None, None, NOON, m) for i, m in enumerate(mentions)])


def raised(engine: sa.Engine) -> dict[str, str]:
    with reading(engine) as connection:
        return {alert.key: alert.kind for alert in alert_page(connection).items}


def roots(engine: sa.Engine) -> set[str]:
    with TestClient(create_app(engine)) as client:
        ids = [alert["alert_id"] for alert in client.get("/api/v1/alerts").json()["items"]]
        found = [client.get(f"/api/v1/alerts/{alert_id}").json()["incident"] for alert_id in ids]
    return {incident["root_key"] for incident in found}


def test_a_pair_that_falls_alone_is_the_root_of_what_its_parts_raise(database: Any) -> None:
    detect(database.engine, shop(fallen=[(1, "kettle")]))
    found = raised(database.engine)
    assert found[PAIR] == "pair_sentiment_fall"
    assert len(found) > 1 and set(found) <= {PAIR, "topic:1", "product:kettle"}
    assert roots(database.engine) == {PAIR}


def test_a_topic_that_falls_for_all_products_is_the_root_of_its_pairs(database: Any) -> None:
    detect(database.engine, shop(fallen=[(1, "kettle"), (1, "oven")]))
    assert {"topic:1", PAIR, "topic~product:1~oven"} <= set(raised(database.engine))
    assert roots(database.engine) == {"topic:1"}


def test_a_pair_has_a_page_of_its_own_by_the_names_of_today_and_with_what_was_merged(database: Any) -> None:
    detect(database.engine, shop(fallen=[(1, "kettle")]))
    with TestClient(create_app(database.engine)) as client:
        address = {"key": PAIR, "days": 28}
        before = client.get("/api/v1/", params=address).json()["overview"]
        assert (before["label"], before["series"]["n"]) == ("Delivery × kettle", 360)
        assert before["parts"][0] == {"key": "topic:1", "label": "Delivery"}
        with database.engine.begin() as connection:
            connection.execute(sa.update(topics).where(topics.c.topic_id == 1).values(name="Parcels"))
            connection.execute(sa.update(topics).where(topics.c.topic_id == 2).values(merged_into=1))
        after = client.get("/api/v1/", params=address).json()["overview"]
        assert (after["label"], after["series"]["n"]) == ("Parcels × kettle", 720)
        page = client.get("/", params=address).text
        assert "Parcels × kettle" in page and "topic × product" in page and "?key=product:kettle" in page
        [alert_id] = [a["alert_id"] for a in client.get("/api/v1/alerts").json()["items"] if a["key"] == PAIR]
        shown = client.get(f"/alerts/{alert_id}").text
        assert f'href="/?key={PAIR}"' in shown and client.get(f"/?key={PAIR}").status_code == 200


def test_check_explains_a_pair(database: Any, tmp_path: Any) -> None:
    detect(database.engine, shop(fallen=[]))
    file = tmp_path / "p.yaml"
    file.write_text('policies: [{name: all, keys: ["*"]}, {name: pairs, keys: ["topic~product:*"], importance: 2}]')

    def call(*arguments: str) -> str:
        whole = ("--set", f"database.url={database.url}", "alerts", "check", "--policies", str(file), *arguments)
        return CliRunner().invoke(cli, whole, env={"COLUMNS": "250"}).output

    told = json.loads(call(PAIR, "--json"))
    assert (told["policy"], told["known"], told["importance"]) == ("pairs", True, 2)
    assert [one["policy"] for one in told["speaking"]["pair_sentiment_fall"]] == ["pairs", "all"]
    shown = call()
    assert f"{PAIR} (Delivery × kettle)" in shown
    assert "pairs: keys of the kind topic~product are not followed; see the settings monitor" in shown
    assert "'product~topic:a~1' is no key: 'product~topic' is written topic~product" in call("product~topic:a~1")
    assert "'topic~product:1' is no key: a key of a pair has two names" in call("topic~product:1")


def test_a_backtest_tries_pairs_on_history_that_was_stored_without_them(database: Any) -> None:
    with database.engine.begin() as connection:
        EventWriter(Monitored()).write(connection, shop(fallen=[(1, "kettle")]))
    wanted = ("--set", "alerts.per_days=700", "--set", "monitor.pairs=[topic~product]", "alerts", "backtest")
    said = CliRunner().invoke(cli, ("--set", f"database.url={database.url}", *wanted, "--from", "2026-03-09", "--json"))
    told = json.loads(said.output)
    assert PAIR in {one["alert"]["key"] for one in told["alerts"]} and told["keys"]["topic~product"] == 4
