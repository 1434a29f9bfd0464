"""A whole installation for a measurement: Kafka, PostgreSQL and all roles, in a folder of its own, on free ports."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from pydantic import SecretStr

from benchmarks.usage import POSTGRESQL
from vocengine.errors import StreamError
from vocengine.settings import Settings, load_settings
from vocengine.store import counts, schema
from vocengine.store import engine as store_engine
from vocengine.store.tables import consumer_positions
from vocengine.stream import topology
from vocengine.stream.broker import LocalBroker, choose, free_port
from vocengine.stream.supervisor import Supervisor, environment_of


@dataclass
class Installation:
    """A running broker and database; the roles run inside `roles()`."""

    folder: Path
    settings: Settings
    broker: LocalBroker
    engine: store_engine.Engine
    _supervisor: Supervisor | None = field(default=None)

    @contextlib.contextmanager
    def roles(self) -> Iterator[Supervisor]:
        """The four roles of the stream, one member of each, as `vocengine run` starts them."""
        with Supervisor(
            self.settings, without=frozenset({"discover"}), log_file=self.folder / "roles.log"
        ) as supervisor:
            self._supervisor = supervisor
            yield supervisor
            self._supervisor = None

    def pids(self) -> dict[str, list[int]]:
        """Process ids by role, with `kafka` and `postgresql` (its first process)."""
        found = dict(self._supervisor.pids()) if self._supervisor else {}
        if self.broker.pid is not None:
            found["kafka"] = [self.broker.pid]
        found[POSTGRESQL] = [int((self.folder / "data" / "postgres" / "postmaster.pid").read_text().split("\n")[0])]
        return found

    def command(self, *arguments: str) -> None:
        """Run `vocengine ARGUMENTS` with these settings. Raises StreamError with the end of what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "vocengine.cli", *arguments],
            env={**os.environ, **environment_of(self.settings)},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise StreamError(f"vocengine {' '.join(arguments)} failed: {(done.stdout + done.stderr)[-1_000:]}")

    def stored(self) -> int:
        """Events in the database."""
        with store_engine.transaction(self.engine) as connection:
            return counts.stored_events(connection)

    def raised(self) -> int:
        """Alerts in the database."""
        with store_engine.transaction(self.engine) as connection:
            return len(counts.raised_alerts(connection))

    def positions(self, role: str) -> dict[int, int]:
        """Next offset of each partition that a role has written down."""
        rows = sa.select(consumer_positions.c.partition, consumer_positions.c.next_offset).where(
            consumer_positions.c.group_name == self.settings.kafka.group(role)
        )
        with store_engine.transaction(self.engine) as connection:
            return {partition: offset for partition, offset in connection.execute(rows)}

    def check_alive(self) -> None:
        """Raises StreamError where a role has died, with the end of the roles' log."""
        assert self._supervisor is not None, "no roles were started"
        if missing := {"enrich", "store", "detect", "web"} - self._supervisor.pids().keys():
            self._supervisor.tend()  # logs the status that each ended with
            log = (self.folder / "roles.log").read_text(errors="replace")[-2_000:]
            raise StreamError(f"{', '.join(sorted(missing))} ended while it was measured:\n{log}")


@contextlib.contextmanager
def installed() -> Iterator[Installation]:
    """A broker and a database with topics and schema applied. Settings come from the environment as ever."""
    folder = Path(tempfile.mkdtemp(prefix="voc-bench-"))
    # Runs after the database has stopped: what is registered first runs last.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    overrides = {"data_dir": folder / "data", "web.port": free_port(), "instance": "bench", "log_level": "warning"}
    settings = load_settings(overrides=overrides)
    url = store_engine.start_embedded(settings.data_dir)
    with LocalBroker(folder / "kafka", kind=choose("apache")) as broker:
        settings = settings.model_copy(
            update={
                "kafka": settings.kafka.model_copy(update={"bootstrap": broker.bootstrap}),
                "database": settings.database.model_copy(update={"url": SecretStr(url)}),
            }
        )
        engine = store_engine.connect(settings)
        schema.upgrade(engine)
        topology.apply(settings.kafka)
        yield Installation(folder, settings, broker, engine)
        engine.dispose()
