"""The forms of cases and initiatives: what a button does, who may press it, and what a refusal leaves on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from tests.cases.test_casebook import BOOK, do, raise_alerts
from tests.cases.test_life import HOUR, NOW, alert
from vocengine.contracts import Case
from vocengine.store.reads import case_detail, initiative_detail, reading
from vocengine.store.tables import rollups
from vocengine.web import create_app

pytestmark = pytest.mark.integration

BROWSER = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def engine(database: Any) -> sa.Engine:
    """Two alerts with their cases, and something said on the topic of the first."""
    raise_alerts(database.engine, alert(1), alert(2, key="topic:2"))
    row = {"key": "topic:1", "kind": "topic", "hour": NOW, "n": 1, "negative_n": 0, "positive_n": 0}
    with database.engine.begin() as connection:
        connection.execute(sa.insert(rollups).values(**row, score_sum=0.0, score_square_sum=0.0))
    found: sa.Engine = database.engine
    return found


@pytest.fixture
def reader(engine: sa.Engine) -> Iterator[TestClient]:
    with TestClient(create_app(engine, edits=True, casebook=BOOK), headers=BROWSER, follow_redirects=False) as made:
        yield made


def case(engine: sa.Engine, case_id: str = "c-1") -> Case:
    with reading(engine) as connection:
        return case_detail(connection, case_id).case


def press(reader: TestClient, action: str, case_id: str = "c-1", **fields: str) -> Any:
    return reader.post(f"/cases/{case_id}", data={"by": "ana", "action": action, **fields})


def buttons(page: str) -> set[str]:
    return set(re.findall(r'<button[^>]* name="action" value="(\w+)"', page))


def test_a_case_is_led_to_its_close_by_the_buttons_of_its_page(reader: TestClient, engine: sa.Engine) -> None:
    always = {"note", "yes", "no", "duplicate"}
    seen = []
    for action, fields in (
        ("take", {"note": "mine\r\nnow"}), ("start", {}), ("note", {"note": "<b>strike</b>"}),
        ("assign", {"owner": "ben"}), ("resolve", {}), ("yes", {}), ("close", {}), ("reopen", {}),
    ):  # fmt: skip
        offered = buttons(reader.get("/cases/c-1").text)
        assert action in offered and always <= offered
        seen.append(offered - always)
        answer = press(reader, action, version=str(case(engine).version), **fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/cases/c-1"), answer.text
    assert seen == [
        {"take", "assign"}, {"start", "resolve", "assign"}, {"resolve", "assign"}, {"resolve", "assign"},
        {"resolve", "assign"}, {"close", "reopen"}, {"close", "reopen"}, {"reopen"},
    ]  # fmt: skip
    with reading(engine) as connection:
        detail = case_detail(connection, "c-1")
    assert [(e.action, e.by, e.owner, e.verdict) for e in detail.history[1:]] == [
        ("take", "ana", None, None), ("start", "ana", None, None), ("note", "ana", None, None),
        ("take", "ana", "ben", None), ("resolve", "ana", None, None), ("judge", "ana", None, "yes"),
        ("close", "ana", None, None), ("reopen", "ana", None, None),
    ]  # fmt: skip
    assert detail.history[1].note == "mine\nnow" and detail.case.state == "open"
    page = reader.get("/cases/c-1").text
    for words in ("gave it to ben", "judged it a real problem", "&lt;b&gt;strike", 'href="/alerts/a-1"', "reopened"):
        assert words in page
    assert "<b>strike" not in page


def test_a_duplicate_names_its_case_and_can_be_closed(reader: TestClient, engine: sa.Engine) -> None:
    assert "close" not in buttons(reader.get("/cases/c-1").text)
    assert press(reader, "duplicate", duplicate_of="c-2").status_code == 303
    assert (case(engine).verdict, case(engine).duplicate_of) == ("duplicate", "c-2")
    assert 'href="/cases/c-2"' in reader.get("/cases/c-1").text
    assert press(reader, "close").status_code == 303 and case(engine).state == "closed"


@pytest.mark.parametrize(
    "fields, status, says",
    [
        ({"action": "start"}, 409, "Case c-1 is open: take it before you start it."),
        ({"action": "take", "version": "7"}, 409, "Case c-1 is at version 1, not 7"),
        ({"action": "take", "by": ""}, 422, "By is missing"),
        ({"action": "take", "by": "x" * 201}, 422, "By is"),
        ({"action": "note"}, 422, "Note is empty"),
        ({"action": "assign"}, 422, "Owner is missing"),
        ({"action": "duplicate", "duplicate_of": "c-9"}, 422, "There is no case &#39;c-9&#39;"),
        ({"action": "link"}, 422, "Initiative is not chosen"),
        ({"action": "link", "initiative_id": "9"}, 422, "There is no initiative 9"),
        ({"action": "escalate"}, 422, "Action is &#39;escalate&#39;"),
        ({}, 422, "Action is"),
    ],
)
def test_a_refusal_is_told_on_the_page_and_what_was_written_stays(
    reader: TestClient, engine: sa.Engine, fields: dict[str, str], status: int, says: str
) -> None:
    written = {"by": "ana", "note": "" if fields.get("action") == "note" else "a word", **fields}
    answer = reader.post("/cases/c-1", data=written)
    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert 'role="alert"' in answer.text and case(engine).version == 1
    assert written["note"] in answer.text and f'value="{written["by"]}"' in answer.text


def test_the_name_of_the_proxy_counts_and_otherwise_the_last_one_is_kept(reader: TestClient, engine: sa.Engine) -> None:
    press(reader, "take", by="Änne")
    assert 'name="by" maxlength="200" required autocomplete="name" value="Änne"' in reader.get("/cases/c-2").text
    cookie = press(reader, "note", by="Änne", note="x").headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie
    logged_in = {"X-Forwarded-User": "ben"}
    page = reader.get("/cases/c-2", headers=logged_in).text
    assert "As ben" in page and 'name="by"' not in page
    reader.post("/cases/c-2", data={"by": "ana", "action": "take"}, headers=logged_in)
    assert case(engine, "c-2").owner == "ben"


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://testserver"}, 303),
        ({}, 303),
    ],
)
def test_a_form_of_another_site_is_refused(engine: sa.Engine, headers: dict[str, str], status: int) -> None:
    with TestClient(create_app(engine, edits=True, casebook=BOOK), follow_redirects=False) as anybody:
        answer = anybody.post("/cases/c-1", data={"by": "ana", "action": "take"}, headers=headers)
    assert answer.status_code == status
    assert case(engine).version == (2 if status == 303 else 1)


@pytest.mark.parametrize(
    "body, kind, says",
    [
        (b'{"action": "take"}', "application/json", "Content-type is"),
        (b"note=" + b"x" * 70_000, "application/x-www-form-urlencoded", "64,000 bytes"),
        (b"note=%ff", "application/x-www-form-urlencoded", "cannot be read"),
        (b"note=a%00&action=note&by=ana", "application/x-www-form-urlencoded", "Note is"),
    ],
)
def test_what_is_no_form_is_refused_in_words(reader: TestClient, body: bytes, kind: str, says: str) -> None:
    answer = reader.post("/cases/c-1", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, says in answer.text) == (422, True), answer.text


def test_without_edits_the_pages_show_the_commands_and_take_no_form(engine: sa.Engine) -> None:
    with TestClient(create_app(engine), headers=BROWSER) as client:
        for address in ("/cases/c-1", "/initiatives"):
            page = client.get(address).text
            assert '<form method="post"' not in page and "<code>vocengine " in page
            assert client.post(address, data={"by": "ana", "action": "take"}).status_code == 403
        assert "vocengine cases take c-1" in client.get("/cases/c-1").text
    assert case(engine).version == 1


def test_an_initiative_is_opened_from_a_case_and_declared_fixed(reader: TestClient, engine: sa.Engine) -> None:
    assert 'href="/initiatives?key=topic%3A1#open"' in reader.get("/cases/c-1").text
    assert 'value="topic:1"' in reader.get("/initiatives?key=topic:1").text
    refused = reader.post("/initiatives", data={"by": "ana", "title": "Courier", "key": "topic:9"})
    assert refused.status_code == 422 and "nothing was ever said under it" in refused.text and "Courier" in refused.text
    opened = reader.post("/initiatives", data={"by": "ana", "title": "Courier", "key": "topic:1"})
    assert (opened.status_code, opened.headers["location"]) == (303, "/initiatives/1")
    assert press(reader, "link", initiative_id="1").headers["location"] == "/cases/c-1"
    assert 'href="/initiatives/1">Courier' in reader.get("/cases/c-1").text
    added = reader.post("/initiatives/1", data={"by": "ana", "action": "add", "case_id": "c-2"})
    assert added.status_code == 303
    wrong = reader.post("/initiatives/1", data={"by": "ana", "action": "add", "case_id": "c-7"})
    assert "There is no case" in wrong.text and 'value="c-7"' in wrong.text
    fixed = reader.post("/initiatives/1", data={"by": "ana", "action": "fixed", "at": "2026-10-01T09:00"})
    assert fixed.status_code == 303, fixed.text
    with reading(engine) as connection:
        found = initiative_detail(connection, 1)
    assert (found.initiative.fixed_at, found.initiative.cases) == (NOW, 2)
    page = reader.get("/initiatives/1").text
    assert "Too little was said on either side" in page and "/cases/c-2" in page and "It is fixed" not in page


def test_the_list_has_what_is_late_first_and_says_so(reader: TestClient, engine: sa.Engine) -> None:
    do(engine, "c-2", "take", by="ben")
    do(engine, "c-2", "resolve", at=NOW + 5 * HOUR)
    page = reader.get("/cases").text
    assert page.index("/cases/c-1") < page.index("/cases/c-2")
    assert "overdue by" in page and "took 5 h" in page
    assert "not judged yet" in page
    press(reader, "yes", "c-2")
    assert re.search(r"100\s%.*1 of 1", reader.get("/cases").text)
    assert "/cases/c-1" not in reader.get("/cases?state=resolved&severity=&owner=ben").text
