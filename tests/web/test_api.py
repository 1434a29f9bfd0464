"""The JSON API: typed, described, documented."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from vocengine.store.reads import AlertDetail, AlertPage, EventDetail
from vocengine.web import create_app
from vocengine.web.trend_views import ChangesView, TopicEmotionsView, TopicTrendView
from vocengine.web.views import CustomerView, OverviewView, TopicsView, TopicView


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    """The description of the API; needs no database."""
    engine = sa.create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with TestClient(create_app(engine)) as made:
        described: dict[str, Any] = made.get("/openapi.json").json()
    return described


@pytest.mark.integration
@pytest.mark.parametrize(
    "address, kind",
    [
        ("/", OverviewView),
        ("/?key=channel:chat&days=7", OverviewView),
        ("/topics", TopicsView),
        ("/topics/1?sentiment=negative", TopicView),
        ("/topics/1/trend?by=week&dimension=segment:region", TopicTrendView),
        ("/topics/1/emotions?by=hour&days=3", TopicEmotionsView),
        ("/changes", ChangesView),
        ("/changes?days=1", ChangesView),
        ("/alerts", AlertPage),
        ("/alerts/a-delivery", AlertDetail),
        ("/customers/C-0012", CustomerView),
        ("/events/shop-00100", EventDetail),
    ],
)
def test_an_answer_reads_back_as_its_type(client: TestClient, address: str, kind: type) -> None:
    answer = client.get("/api/v1" + address)
    assert answer.status_code == 200
    read = TypeAdapter(kind).validate_json(answer.content)
    assert TypeAdapter(kind).dump_python(read, mode="json") == answer.json()


@pytest.mark.integration
def test_next_before_leads_to_older_verbatims(client: TestClient) -> None:
    first = client.get("/api/v1/topics/1").json()["verbatims"]
    second = client.get("/api/v1/topics/1", params={"before": first["next_before"]}).json()["verbatims"]
    assert len(first["items"]) == len(second["items"]) == 20
    assert min(i["occurred_at"] for i in first["items"]) >= max(i["occurred_at"] for i in second["items"])
    assert not {i["event_id"] for i in first["items"]} & {i["event_id"] for i in second["items"]}


@pytest.mark.integration
def test_the_last_day_of_a_range_is_included(client: TestClient) -> None:
    shown = client.get("/api/v1/?from=2026-09-01&to=2026-09-03").json()["range"]
    assert (shown["start"], shown["end"]) == ("2026-09-01T00:00:00Z", "2026-09-04T00:00:00Z")


@pytest.mark.integration
def test_an_empty_database_is_an_empty_answer(empty_client: TestClient) -> None:
    assert empty_client.get("/api/v1/").json() == {"range": None, "overview": None}
    assert empty_client.get("/api/v1/changes").json() == {"range": None, "changes": None}
    assert empty_client.get("/api/v1/topics/1/trend").status_code == 404
    assert empty_client.get("/api/v1/alerts").json() == {"items": [], "next_before": None, "incidents": []}


def test_every_answer_of_the_api_has_a_type(schema: dict[str, Any]) -> None:
    paths = [path for path in schema["paths"] if path.startswith("/api/v1")]
    assert len(paths) == 23
    for path in paths:
        for method, operation in schema["paths"][path].items():
            responses = operation["responses"]
            answer = responses["202" if path.endswith("/split") else "200"]
            assert answer["content"]["application/json"]["schema"]["$ref"]
            for status in ("404", "422", "503", *(() if method == "get" else ("403", "409"))):
                assert responses[status]["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorReply")


def test_every_route_and_parameter_is_documented(schema: dict[str, Any]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^### `([A-Z]+ [^`]+)`", text, re.MULTILINE))
    operations = {f"{m.upper()} {path}": op for path, methods in schema["paths"].items() for m, op in methods.items()}
    assert documented == operations.keys()
    for name, operation in operations.items():
        section = text.split(f"### `{name}`")[1].split("\n### ")[0]
        given = [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] != "header"]
        for body in operation.get("requestBody", {}).get("content", {}).values():
            given += schema["components"]["schemas"][body["schema"]["$ref"].rsplit("/", 1)[1]]["properties"]
        for parameter in given:
            assert f"`{parameter}`" in section, f"{name} lacks {parameter}"


def test_every_page_is_documented() -> None:
    engine = sa.create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    text = (Path(__file__).parents[2] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    pages = {
        path.replace(":path", "")
        for path in _paths(create_app(engine).routes)
        if not path.startswith(("/api/", "/static", "/openapi"))
    }
    assert {"/", "/topics/{topic_id}", "/docs"} <= pages
    for path in pages:
        assert f"`{path}`" in text or f"`GET {path}`" in text, path


def _paths(routes: Any) -> set[str]:
    found: set[str] = set()
    for route in routes:
        if inner := getattr(getattr(route, "original_router", None), "routes", None):
            found |= _paths(inner)
        elif path := getattr(route, "path", None):
            found.add(path)
    return found
