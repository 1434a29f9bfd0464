"""Cases by API: read by all, in order of urgency, moved only where edits are on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from tests.cases.test_casebook import BOOK, do, raise_alerts
from tests.cases.test_life import HOUR, NOW, alert
from vocengine.contracts import encode
from vocengine.store import outbox
from vocengine.store.reads import case_detail, reading
from vocengine.web import create_app

pytestmark = pytest.mark.integration

CASES = "/api/v1/cases"


@pytest.fixture
def engine(database: Any) -> sa.Engine:
    """Two alerts with their cases, on topics that nobody spoke of otherwise."""
    raise_alerts(database.engine, alert(1))
    raise_alerts(database.engine, alert(2, key="topic:2", severity="high"), at=NOW + HOUR)
    found: sa.Engine = database.engine
    return found


@pytest.fixture
def editor(engine: sa.Engine) -> Iterator[TestClient]:
    with TestClient(create_app(engine, edits=True, casebook=BOOK)) as made:
        yield made


def steps(engine: sa.Engine) -> int:
    with engine.begin() as connection:
        return len(outbox.after(connection, 0))


def test_steps_are_off_unless_they_are_set_on_and_reading_is_not(engine: sa.Engine) -> None:
    with TestClient(create_app(engine)) as client:
        answer = client.post(f"{CASES}/c-1/take", json={"by": "ana"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "edits_off")
        assert "`vocengine cases`" in answer.json()["error"]["message"]
        assert client.get(f"{CASES}/c-1").status_code == 200
    assert steps(engine) == 2


def test_a_case_is_worked_on_by_api_and_says_who_did_it(editor: TestClient, engine: sa.Engine) -> None:
    headers = {"X-Forwarded-User": "ben"}
    taken = editor.post(f"{CASES}/c-1/take", json={"by": "nobody", "version": 1, "note": "mine"}, headers=headers)
    assert taken.status_code == 200, taken.text
    assert (taken.json()["case"]["state"], taken.json()["case"]["owner"]) == ("acknowledged", "ben")
    for action, body in (
        ("start", {}), ("note", {"note": "asked the courier"}), ("resolve", {}), ("judge", {"verdict": "yes"}),
        ("close", {}), ("reopen", {"note": "it is back"}),
    ):  # fmt: skip
        answer = editor.post(f"{CASES}/c-1/{action}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
    detail = editor.get(f"{CASES}/c-1").json()
    assert detail == answer.json()
    assert (detail["case"]["state"], detail["case"]["version"], detail["case"]["reopened"]) == ("open", 8, 1)
    assert [(line["action"], line["by"]) for line in detail["history"]] == [
        ("open", "vocengine"), *((a, "ben") for a in ("take", "start", "note", "resolve", "judge", "close", "reopen")),
    ]  # fmt: skip
    with reading(engine) as connection:
        assert encode(case_detail(connection, "c-1").case).count(b'"version":8') == 1


def test_the_list_goes_by_state_owner_and_key_in_pages(editor: TestClient, engine: sa.Engine) -> None:
    do(engine, "c-2", "take", by="ben")

    def ids(**query: Any) -> list[str]:
        return [case["case_id"] for case in editor.get(CASES, params=query).json()["items"]]

    assert ids() == ids(state="at_work") == ids(state="overdue") == ["c-1", "c-2"], "the most urgent first"
    assert ids(order="opened") == ["c-2", "c-1"]
    assert ids(severity="high") == ["c-2"] and ids(severity="low") == []
    assert ids(state="open") == ids(key="topic:1") == ["c-1"]
    assert ids(owner="ben") == ids(state="acknowledged") == ["c-2"]
    raise_alerts(engine, *(alert(n, key=f"topic:{n}") for n in range(100, 160)), at=NOW + 2 * HOUR)
    for n in range(100, 130):
        do(engine, f"c-{n}", "take", at=NOW + n * HOUR)
        do(engine, f"c-{n}", "resolve", at=NOW + n * HOUR)
    pages: dict[str, list[Any]] = {}
    for order in ("deadline", "opened"):
        first = editor.get(CASES, params={"order": order}).json()
        second = editor.get(CASES, params={"order": order, "before": first["next_before"]}).json()
        assert (len(first["items"]), len(second["items"]), second["next_before"]) == (50, 12, None)
        pages[order] = first["items"] + second["items"]
        assert len({c["case_id"] for c in pages[order]}) == 62
    due = [c["due_at"] for c in pages["deadline"] if c["ended_at"] is None]
    ended = [c["ended_at"] for c in pages["deadline"] if c["ended_at"] is not None]
    assert due == sorted(due) and ended == sorted(ended, reverse=True) and len(ended) == 30
    assert all(c["ended_at"] is None for c in pages["deadline"][:32]), "what is at work comes first"
    wrong = editor.get(CASES, params={"order": "deadline", "before": first["next_before"]})
    assert wrong.status_code == 422 and "another order" in wrong.json()["error"]["message"]
    assert first["counts"] == {"at_work": 32, "overdue": 32, "due_soon": 0, "untaken": 31}
    assert first["owners"] == ["ben"]


def test_the_answers_give_a_precision(editor: TestClient) -> None:
    assert editor.get(CASES).json()["precision"] == {
        "share": None, "low": None, "high": None, "real": 0, "judged": 0, "duplicates": 0,
    }  # fmt: skip
    editor.post(f"{CASES}/c-1/judge", json={"by": "ana", "verdict": "yes"})
    editor.post(f"{CASES}/c-2/judge", json={"by": "ana", "verdict": "duplicate", "duplicate_of": "c-1"})
    found = editor.get(CASES).json()["precision"]
    assert (found["share"], found["real"], found["judged"], found["duplicates"]) == (1.0, 1, 1, 1)
    assert found["low"] == pytest.approx(0.2065, abs=1e-4)


@pytest.mark.parametrize(
    "path, body, status, code, says",
    [
        ("/c-1/take", {}, 422, "invalid_parameter", "by is missing"),
        ("/c-1/take", {"by": "ana", "colour": 1}, 422, "invalid_parameter", "colour is"),
        ("/c-1/start", {"by": "ana", "owner": "b"}, 422, "invalid_parameter", "start has no use for it"),
        ("/c-1/judge", {"by": "ana", "verdict": "perhaps"}, 422, "invalid_parameter", "verdict is 'perhaps'"),
        ("/c-1/judge", {"by": "ana"}, 422, "invalid_parameter", "verdict is missing"),
        ("/c-1/note", {"by": "ana", "note": ""}, 422, "invalid_parameter", "note is empty"),
        ("/c-1/note", {"by": "ana", "note": "a\x00"}, 422, "invalid_parameter", "note is"),
        ("/c-1/escalate", {"by": "ana"}, 422, "invalid_parameter", "action is 'escalate'"),
        ("/c-9/take", {"by": "ana"}, 404, "not_found", "there is no case 'c-9'"),
        ("/c-1/take", {"by": "ana", "version": 7}, 409, "conflict", "c-1 is at version 1, not 7"),
        ("/c-1/resolve", {"by": "ana"}, 409, "conflict", "c-1 is open: take it before you resolve it"),
        ("/c-1/close", {"by": "ana"}, 409, "conflict", "c-1 is open: "),
        ("/c-1/reopen", {"by": "ana"}, 409, "conflict", "only a case that is resolved or closed can be reopened"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(
    editor: TestClient, engine: sa.Engine, path: str, body: Any, status: int, code: str, says: str
) -> None:
    answer = editor.post(CASES + path, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert says in answer.json()["error"]["message"] and "\n" not in answer.json()["error"]["message"]
    assert steps(engine) == 2


@pytest.mark.parametrize(
    "path, status",
    [
        ("/cases/c-9", 404), ("/cases/a%00b", 422), ("/cases?state=lost", 422), ("/cases?before=x", 422),
        ("/initiatives/9", 404), ("/initiatives/0", 422),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said(editor: TestClient, path: str, status: int) -> None:
    assert editor.get("/api/v1" + path).status_code == status


def test_the_page_of_an_alert_leads_to_its_case(editor: TestClient, engine: sa.Engine) -> None:
    page = editor.get("/alerts/a-1").text
    assert "nobody yet" in page and 'href="/cases/c-1"' in page and "2 Oct 2026, 09:00" in page
    do(engine, "c-1", "take", by="ana")
    assert "<span>ana</span>" in editor.get("/alerts/a-1").text
    twin = editor.get("/api/v1/alerts/a-1").json()
    assert (twin["alert"]["status"], twin["case"]["case"]["owner"]) == ("acknowledged", "ana")
