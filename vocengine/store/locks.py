"""Locks that are held over transactions, so that one member of the installation does a thing at a time."""

from __future__ import annotations

import sqlalchemy as sa

from vocengine.errors import StaleMember
from vocengine.store.engine import reported

DISCOVER = 7_018_004
REFIT = 7_018_005
NOTIFY = 7_018_006


class SessionLock:
    """An advisory lock on a database session of its own; it goes with the session when the process dies."""

    def __init__(self, engine: sa.Engine, number: int) -> None:
        self._engine, self._number = engine, number
        self._connection: sa.Connection | None = None

    def take(self) -> bool:
        """Have the lock, if nobody else has it. Raises StoreUnavailable."""
        if self._connection is not None:
            return True
        with reported():
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if connection.scalar(sa.select(sa.func.pg_try_advisory_lock(self._number))):
                self._connection = connection
                return True
            connection.close()
            return False

    def check(self) -> None:
        """Raises StaleMember where the lock is not held (any more), StoreUnavailable where its session is gone."""
        if self._connection is None:
            raise StaleMember(f"the lock {self._number} is not held")
        with reported():
            self._connection.scalar(sa.select(1))

    def release(self) -> None:
        """Let go; harmless where it is not held."""
        if self._connection is not None:
            self._connection.invalidate()  # closes the session for good, and with it the lock
            self._connection.close()
            self._connection = None
