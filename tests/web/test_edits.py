"""Edits of topics by API: off by default, recorded with who did them, refused whole where they make no sense."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from tests.integration.wire import START, enriched
from vocengine.store import registry, requests, taxonomies
from vocengine.store.registry import Fit
from vocengine.store.writer import EventWriter
from vocengine.topics.assign import Topic
from vocengine.topics.discover import Discovered, Discovery
from vocengine.topics.lineage import plan
from vocengine.topics.taxonomy import Category
from vocengine.trends.mentions import Monitored
from vocengine.web import create_app

pytestmark = pytest.mark.integration

AXES = np.eye(8, dtype=np.float32)
TOPICS = "/api/v1/topics"


@pytest.fixture
def engine(database: Any) -> sa.Engine:
    """Three discovered topics (1 to 3), a category (4) and thirty events on the topics."""
    groups = tuple(Discovered(f"topic {a}", (f"word{a}",), AXES[a], 0.5, 40, (f"example {a}",)) for a in range(3))
    found = Discovery(groups, 120, 0.0, np.repeat(np.arange(3), 40), np.repeat(AXES[:3], 40, axis=0))
    with database.engine.begin() as connection:
        registry.apply(connection, plan(None, found, min_topic_spans=10), Fit("a", 120, 0.0, {}), base_version=None)
        category = Topic(0, "Kettles", (), AXES[5], 0.5, 0, ("A kettle",), "taxonomy")
        defined = [Category("Kettles", None, ("A kettle",))]
        taxonomies.apply(connection, defined, [category], encoder_digest="a", by="ana")
        told = [enriched(i, topic=1 + i % 3) for i in range(30)]
        EventWriter(Monitored()).write(connection, told)
    engine: sa.Engine = database.engine
    return engine


@pytest.fixture
def editor(engine: sa.Engine) -> Iterator[TestClient]:
    with TestClient(create_app(engine, edits=True)) as made:
        yield made


def version(engine: sa.Engine) -> int | None:
    with engine.begin() as connection:
        return registry.newest_version(connection)


def audit(client: TestClient, topic_id: int) -> list[tuple[str, str]]:
    lines = client.get(f"{TOPICS}/{topic_id}/lineage").json()["lines"]
    return [(line["kind"], line["made_by"]) for line in lines]


def test_edits_are_off_unless_they_are_set_on(engine: sa.Engine) -> None:
    before = version(engine)
    with TestClient(create_app(engine)) as client:
        for method, path, body in (
            ("PATCH", "/1", {"name": "x", "by": "ana"}),
            ("POST", "/1/merge", {"into": 2, "by": "ana"}),
            ("POST", "/1/retire", {"by": "ana"}),
            ("POST", "/1/split", {"into": 2, "by": "ana"}),
            ("POST", "/rollback", {"version": 1, "by": "ana"}),
        ):
            answer = client.request(method, TOPICS + path, json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "edits_off")
            assert "web.edits" in answer.json()["error"]["message"]
        assert audit(client, 1) == [("born", "vocengine")]
    assert version(engine) == before


def test_a_topic_is_renamed_described_and_pinned_at_once_and_it_is_said_who_did_it(editor: TestClient) -> None:
    answer = editor.patch(
        f"{TOPICS}/1", json={"name": "Lamps", "description": "All lamps", "pinned": True, "by": "ana"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "version": 5, "topic_id": 1, "label": "Lamps", "description": "All lamps", "pinned": True,
        "origin": "discovered", "merged_into": None, "retired_version": None,
    }  # fmt: skip
    assert audit(editor, 1) == [("born", "vocengine"), ("renamed", "ana"), ("described", "ana"), ("pinned", "ana")]
    assert editor.patch(f"{TOPICS}/1", json={"description": None, "by": "ana"}).json()["description"] is None


def test_the_user_that_a_proxy_names_counts_for_more_than_the_body(editor: TestClient) -> None:
    editor.post(f"{TOPICS}/1/retire", json={"by": "somebody"}, headers={"X-Forwarded-User": "ben"})
    assert audit(editor, 1)[-1] == ("retired", "ben")


def test_a_merge_shows_at_once_on_trends_and_page(editor: TestClient) -> None:
    assert editor.post(f"{TOPICS}/2/merge", json={"into": 1, "by": "ana"}).json()["merged_into"] == 1
    days = {"from": START.date().isoformat(), "to": (START + timedelta(days=1)).date().isoformat()}
    shown = {t["topic_id"]: t["series"]["n"] for t in editor.get(TOPICS, params=days).json()["topics"]}
    assert shown == {1: 20, 3: 10, 4: 0}
    assert editor.get(f"{TOPICS}/2", params=days).json()["detail"]["topic"]["topic_id"] == 1


def test_categories_have_a_table_and_a_mark_of_their_own_on_the_pages(editor: TestClient) -> None:
    page = editor.get("/topics", params={"from": START.date().isoformat(), "to": START.date().isoformat()}).text
    own, rest = page.split('id="categories"')[1].split('id="topics"')
    assert "<h2>Taxonomy</h2>" in own and ">Kettles<" in own and "topic 1" not in own
    assert "<h2>Discovered</h2>" in rest and ">topic 1<" in rest and "Kettles" not in rest
    assert "taxonomy</span>" in editor.get("/topics/4").text and "taxonomy</span>" not in editor.get("/topics/1").text


def test_a_rollback_goes_back_and_leaves_the_taxonomy_alone(editor: TestClient, engine: sa.Engine) -> None:
    editor.post(f"{TOPICS}/3/retire", json={"by": "ana"})
    answer = editor.post(f"{TOPICS}/rollback", json={"version": 1, "by": "ana"})
    assert answer.json() == {"version": version(engine)}
    with engine.begin() as connection:
        assert {e.topic.topic_id for e in registry.load_topics(connection)} == {1, 2, 3, 4}


@pytest.mark.parametrize(
    "method, path, body, status, code, says",
    [
        ("PATCH", "/1", {"name": "x"}, 422, "invalid_parameter", "by is missing"),
        ("PATCH", "/1", {"by": "ana"}, 422, "invalid_parameter", "the body changes nothing"),
        ("PATCH", "/1", {"name": None, "by": "ana"}, 422, "invalid_parameter", "the body changes nothing"),
        ("PATCH", "/1", {"name": "  ", "by": "ana"}, 422, "invalid_parameter", "name is"),
        ("PATCH", "/1", {"name": "a\x00b", "by": "ana"}, 422, "invalid_parameter", "name is"),
        ("PATCH", "/1", {"title": "x", "by": "ana"}, 422, "invalid_parameter", "title is"),
        ("PATCH", "/1", {"name": "Lamps", "description": "x" * 1_001, "by": "a"}, 422, "invalid_parameter", "descrip"),
        ("PATCH", "/99", {"name": "x", "by": "ana"}, 404, "not_found", "there is no topic 99"),
        ("PATCH", "/1", {"pinned": True, "name": "topic 1", "by": "ana"}, 409, "conflict", "already called"),
        ("PATCH", "/4", {"name": "x", "by": "ana"}, 409, "conflict", "category 'Kettles' of the taxonomy"),
        ("POST", "/1/merge", {"into": 1, "by": "ana"}, 409, "conflict", "cannot be merged into itself"),
        ("POST", "/1/merge", {"into": 3, "by": "ana"}, 409, "conflict", "topic 3 is retired"),
        ("POST", "/1/merge", {"into": 4, "by": "ana"}, 409, "conflict", "of the taxonomy"),
        ("POST", "/1/merge", {"by": "ana"}, 422, "invalid_parameter", "into is"),
        ("POST", "/3/retire", {"by": "ana"}, 409, "conflict", "topic 3 is retired"),
        ("POST", "/1/split", {"into": 3}, 422, "invalid_parameter", "by is missing"),
        ("POST", "/1/split", {"by": "ana"}, 422, "invalid_parameter", "say how to split"),
        ("POST", "/1/split", {"into": 2, "phrases": ["a", "b"], "by": "ana"}, 422, "invalid_parameter", "not both"),
        ("POST", "/1/split", {"into": 11, "by": "ana"}, 422, "invalid_parameter", "into is '11'"),
        ("POST", "/1/split", {"phrases": ["late"], "by": "ana"}, 422, "invalid_parameter", "at least 2 items"),
        ("POST", "/1/split", {"phrases": ["late", " "], "by": "ana"}, 422, "invalid_parameter", "at least 1 char"),
        ("POST", "/1/split", {"phrases": ["late", "Late "], "by": "ana"}, 422, "invalid_parameter", "that differ"),
        ("POST", "/4/split", {"into": 2, "by": "ana"}, 409, "conflict", "category 'Kettles' of the taxonomy"),
        ("POST", "/99/split", {"into": 2, "by": "ana"}, 404, "not_found", "there is no topic 99"),
        ("GET", "/requests/1", None, 404, "not_found", "there is no request 1"),
        ("POST", "/3/split", {"into": 2, "by": "ana"}, 409, "conflict", "topic 3 is retired"),
        ("POST", "/rollback", {"version": 77, "by": "ana"}, 409, "conflict", "there is no registry version 77"),
        ("GET", "/99/lineage", None, 404, "not_found", "there is no topic 99"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence_and_nothing_is_half_done(
    editor: TestClient, engine: sa.Engine, method: str, path: str, body: Any, status: int, code: str, says: str
) -> None:
    editor.post(f"{TOPICS}/3/retire", json={"by": "ana"})
    before = version(engine)
    answer = editor.request(method, TOPICS + path, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert says in answer.json()["error"]["message"] and "\n" not in answer.json()["error"]["message"]
    assert version(engine) == before


def test_a_split_is_a_request_that_waits_for_the_role_discover(editor: TestClient, engine: sa.Engine) -> None:
    before = version(engine)
    answer = editor.post(f"{TOPICS}/1/split", json={"into": 3, "by": "ana"})
    assert answer.status_code == 202, answer.text
    asked = answer.json()
    assert abs(datetime.fromisoformat(asked.pop("asked_at")) - datetime.now(UTC)) < timedelta(minutes=5)
    assert "the role discover does it" in asked.pop("message")
    assert asked == {
        "request_id": 1, "topic_id": 1, "into": 3, "phrases": [], "asked_by": "ana", "status": "pending",
        "version": None, "settled_at": None, "address": f"{TOPICS}/requests/1",
    }  # fmt: skip
    assert editor.get(asked["address"]).json() == answer.json()
    assert version(engine) == before

    again = editor.post(f"{TOPICS}/1/split", json={"into": 2, "by": "ben"})
    assert again.status_code == 409 and "already asked for: wait for request 1" in again.json()["error"]["message"]
    by_phrases = editor.post(
        f"{TOPICS}/2/split", json={"phrases": [" late ", "broken"]}, headers={"X-Forwarded-User": "ben"}
    ).json()
    assert (by_phrases["phrases"], by_phrases["into"], by_phrases["asked_by"]) == (["late", "broken"], None, "ben")


def test_a_request_that_is_settled_says_how_and_another_can_be_made(editor: TestClient, engine: sa.Engine) -> None:
    for topic_id in (1, 2):
        editor.post(f"{TOPICS}/{topic_id}/split", json={"into": 2, "by": "ana"})
    with engine.begin() as connection:
        requests.settle_done(connection, 1, 7)
        requests.settle_refused(connection, 2, "topic 2 does not split")
    done, refused = (editor.get(f"{TOPICS}/requests/{number}").json() for number in (1, 2))
    assert (done["status"], done["version"], done["message"]) == ("done", 7, "done in registry version 7")
    assert (refused["status"], refused["version"], refused["message"]) == ("refused", None, "topic 2 does not split")
    assert done["settled_at"] >= done["asked_at"]
    assert editor.post(f"{TOPICS}/2/split", json={"into": 3, "by": "ana"}).json()["request_id"] == 3
    with TestClient(create_app(engine)) as reader:
        assert reader.get(f"{TOPICS}/requests/3").json()["status"] == "pending", "read whether or not edits are allowed"


def test_a_form_of_another_site_changes_nothing(editor: TestClient, engine: sa.Engine) -> None:
    # A browser sends these without asking first; JSON it sends only where this origin allows it, and none does.
    before, headers = version(engine), {"X-Forwarded-User": "ben"}
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = editor.post(f"{TOPICS}/1/retire", content="{}", headers=headers | {"content-type": kind})
        assert answer.status_code == 422
    assert editor.post(f"{TOPICS}/1/retire", headers=headers).status_code == 422
    broken = editor.post(f"{TOPICS}/1/retire", content="{", headers=headers | {"content-type": "application/json"})
    assert broken.json()["error"]["message"] == "the body is not valid JSON"
    assert version(engine) == before


def test_times_of_the_audit_trail_have_a_zone(editor: TestClient) -> None:
    [line] = editor.get(f"{TOPICS}/4/lineage").json()["lines"]
    assert (line["kind"], line["made_by"], line["evidence"]) == ("defined", "ana", {"name": "Kettles"})
    assert abs(datetime.fromisoformat(line["made_at"]) - datetime.now(UTC)) < timedelta(minutes=5)
