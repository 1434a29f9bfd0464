"""The schema's life: upgrade by Alembic, a check at start, partitions by month."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from vocengine.errors import SchemaOutdated
from vocengine.store.engine import transaction

_PARTITIONED = ("events", "spans", "topic_mentions")
# Any constant will do; it keeps two members from making the same partition, or migrating, at the same time.
_SCHEMA_LOCK = 7_018_001


def upgrade(engine: sa.Engine) -> str:
    """Bring the schema to this version of vocengine; returns the revision. Harmless to repeat."""
    config = _config()
    with transaction(engine) as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return str(MigrationContext.configure(connection).get_current_revision())


def check(engine: sa.Engine) -> None:
    """Raises SchemaOutdated where the schema is not that of this version, StoreUnavailable where it is away."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with transaction(engine) as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != head:
        state = "is empty" if found is None else f"is at revision {found}"
        raise SchemaOutdated(f"the database {state} and {head} is needed: run `vocengine db upgrade`")


def ensure_partitions(connection: sa.Connection, times: Iterable[datetime], known: set[str]) -> None:
    """Make the monthly partitions that `times` fall into; `known` remembers those seen to exist."""
    months = {t.astimezone(UTC).strftime("%Y_%m") for t in times} - known
    if not months:
        return
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
    for month in sorted(months):
        year, number = map(int, month.split("_"))
        first = f"{year:04d}-{number:02d}-01T00:00:00Z"
        after = f"{year + number // 12:04d}-{number % 12 + 1:02d}-01T00:00:00Z"
        for table in _PARTITIONED:
            connection.exec_driver_sql(
                f"CREATE TABLE IF NOT EXISTS {table}_{month} PARTITION OF {table} "
                f"FOR VALUES FROM ('{first}') TO ('{after}')"
            )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
