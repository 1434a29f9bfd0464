"""A database with a story in it, and the application on it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from tests.web import web_story
from vocengine.store.engine import engine_for
from vocengine.store.schema import upgrade
from vocengine.web import create_app


@pytest.fixture(scope="session")
def story(postgres: Any) -> Iterator[sa.Engine]:
    """Six weeks of feedback; read only, so one for all tests."""
    name = f"story_{uuid.uuid4().hex[:12]}"
    admin = engine_for(postgres.url).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine = engine_for(postgres.url.replace("/postgres?", f"/{name}?"))
    upgrade(engine)
    web_story.fill(engine)
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="session")
def client(story: sa.Engine) -> Iterator[TestClient]:
    """The application on the story."""
    with TestClient(create_app(story)) as made:
        yield made


@pytest.fixture
def empty_client(database: Any) -> Iterator[TestClient]:
    """The application on a database without a row."""
    with TestClient(create_app(database.engine)) as made:
        yield made
