"""Initiatives by API: as from the command line, all or nothing, and only where edits are on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from tests.cases.test_casebook import BOOK, raise_alerts
from tests.cases.test_life import HOUR, NOW, alert
from vocengine.store.tables import rollups
from vocengine.web import create_app

pytestmark = pytest.mark.integration

INITIATIVES = "/api/v1/initiatives"
COURIER = {"title": "The courier", "key": "topic:1", "by": "ana", "note": "evenings"}


@pytest.fixture
def engine(database: Any) -> sa.Engine:
    """Two cases, and a topic that was spoken of badly before NOW and well after it."""
    raise_alerts(database.engine, alert(1), alert(2, key="topic:2"))
    rows = [
        {"key": key, "kind": "topic", "hour": NOW + n * HOUR, "n": 2, "negative_n": 0, "positive_n": 0,
         "score_sum": -1.0 if n < 0 else 1.2, "score_square_sum": 1.0}
        for n in range(-40, 40) for key in ("topic:1", "all")
    ]  # fmt: skip
    with database.engine.begin() as connection:
        connection.execute(sa.insert(rollups), rows)
    found: sa.Engine = database.engine
    return found


@pytest.fixture
def editor(engine: sa.Engine) -> Iterator[TestClient]:
    with TestClient(create_app(engine, edits=True, casebook=BOOK)) as made:
        yield made


def test_an_initiative_is_opened_given_cases_and_declared_fixed(editor: TestClient) -> None:
    opened = editor.post(INITIATIVES, json=COURIER)
    assert opened.status_code == 200, opened.text
    made = opened.json()["initiative"]
    number = made["initiative_id"]
    assert (made["title"], made["key"], made["opened_by"], made["note"]) == (
        "The courier",
        "topic:1",
        "ana",
        "evenings",
    )
    assert made["cases"] == 0 and made["effect"] is None and made["fixed_at"] is None
    added = editor.post(
        f"{INITIATIVES}/{number}/cases", json={"case_ids": ["c-2", "c-1"]}, headers={"X-Forwarded-User": "ben"}
    )
    assert [case["case_id"] for case in added.json()["cases"]] == ["c-1", "c-2"]
    assert editor.get("/api/v1/cases/c-2").json()["history"][-1]["by"] == "ben"
    fixed = editor.post(f"{INITIATIVES}/{number}/fixed", json={"by": "ben", "at": "2026-10-01T09:00:00Z"})
    effect = fixed.json()["initiative"]["effect"]
    assert effect["certain"] and (effect["before_mean"], effect["after_mean"]) == pytest.approx((-0.5, 0.6))
    assert editor.get(INITIATIVES).json()["items"] == [fixed.json()["initiative"]]
    assert editor.get(f"{INITIATIVES}/{number}").json() == fixed.json()
    # The chart reaches from as long before the fix as is compared to the end of the data.
    at = [point["at"] for point in fixed.json()["series"]["points"]]
    assert (at[0], at[-1]) == ("2026-09-03T09:00:00Z", "2026-10-02T09:00:00Z")


def test_what_makes_no_sense_changes_nothing(editor: TestClient, engine: sa.Engine) -> None:
    number = editor.post(INITIATIVES, json=COURIER).json()["initiative"]["initiative_id"]
    one = f"{INITIATIVES}/{number}"
    later = (NOW.replace(year=2100) + timedelta(days=1)).isoformat()
    for path, body, status, says in (
        (INITIATIVES, COURIER | {"key": "topic:9"}, 422, "key is 'topic:9'; nothing was ever said under it"),
        (INITIATIVES, COURIER | {"title": "  "}, 422, "title is"),
        (INITIATIVES, {**COURIER, "by": None}, 422, "by is missing"),
        (INITIATIVES, COURIER | {"colour": "red"}, 422, "colour is 'red'"),
        (f"{one}/cases", {"by": "ana", "case_ids": ["c-1", "c-9"]}, 404, "there is no case 'c-9'"),
        (f"{one}/cases", {"by": "ana", "case_ids": []}, 422, "case_ids is"),
        (f"{INITIATIVES}/77/cases", {"by": "ana", "case_ids": ["c-1"]}, 404, "there is no initiative 77"),
        (f"{INITIATIVES}/77/fixed", {"by": "ana"}, 404, "there is no initiative 77"),
        (f"{one}/fixed", {"by": "ana", "at": "2026-10-01T09:00:00"}, 422, "at is '2026-10-01T09:00:00'"),
        (f"{one}/fixed", {"by": "ana", "at": later}, 422, "which is to come"),
    ):
        answer = editor.post(path, json=body)
        assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert editor.get(one).json()["cases"] == [] and len(editor.get(INITIATIVES).json()["items"]) == 1
    assert editor.post(f"{one}/fixed", json={"by": "ana", "at": NOW.isoformat()}).status_code == 200
    again = editor.post(f"{one}/fixed", json={"by": "ben"})
    assert again.status_code == 409 and "was fixed on 2026-10-01 09:00 UTC already, by ana" in again.text


def test_edits_are_off_unless_they_are_set_on(engine: sa.Engine) -> None:
    with TestClient(create_app(engine)) as client:
        for path in ("", "/1/cases", "/1/fixed"):
            answer = client.post(INITIATIVES + path, json={})
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "edits_off")
        assert client.get(INITIATIVES).json() == {"items": []}
