"""A connection for the pages and the API: bounded in time, with errors in words; read-only but for edits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from vocengine.errors import StoreUnavailable
from vocengine.store.engine import transaction

__all__ = ["STATEMENT_TIMEOUT_MS", "Connection", "Engine", "reading", "writing"]

STATEMENT_TIMEOUT_MS = 5_000


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A read-only snapshot of the database; every query in it sees the same moment.

    Raises StoreUnavailable where the database cannot be reached, is overloaded or takes longer than
    `STATEMENT_TIMEOUT_MS`; SchemaOutdated where tables are missing.
    """
    with _bounded(engine, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
        yield connection


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that commits at its end, with the errors and the bound of `reading`."""
    with _bounded(engine) as connection:
        yield connection


@contextlib.contextmanager
def _bounded(engine: Engine, *first: str) -> Iterator[Connection]:
    try:
        with transaction(engine) as connection:
            for statement in first:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")
            # The planner's just-in-time compiler costs more than these short queries take.
            connection.exec_driver_sql("SET LOCAL jit = off")
            yield connection
    except sa.exc.TimeoutError as error:
        raise StoreUnavailable("the database is busy: no connection came free in time") from error
