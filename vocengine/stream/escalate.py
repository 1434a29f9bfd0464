"""Escalations of cases by time, beside the role detect.

Every member looks; the one that has the case's lock first makes the step, and the others find it made.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

from vocengine.alerts.policy_source import PolicySource
from vocengine.settings import Settings
from vocengine.store import cases
from vocengine.store.cases import Casebook
from vocengine.store.engine import Engine, transaction

log = logging.getLogger(__name__)

_EVERY_S = 5.0


class EscalateSession:
    """Looks now and then for cases whose time is running out or has passed."""

    def __init__(
        self, settings: Settings, engine: Engine, stop: threading.Event, source: PolicySource | None = None
    ) -> None:
        self._engine, self._stop = engine, stop
        self._casebook = Casebook.of(settings, source)

    def step(self) -> int:
        """One look and a pause; returns how many escalations were made. Raises StoreUnavailable."""
        made = self.look(datetime.now(UTC))
        self._stop.wait(_EVERY_S)
        return made

    def look(self, now: datetime) -> int:
        """Make the escalations that are due at `now`, each in a transaction of its own."""
        with transaction(self._engine) as connection:
            waiting = cases.due(connection, now=now)
        made = 0
        for case_id in waiting:
            with transaction(self._engine) as connection:
                case = self._casebook.escalate(connection, case_id, now=now)
            if case is not None:
                made += 1
                log.info("escalate: case %s on %s is %s", case_id, case.label, case.escalated)
        return made

    def close(self) -> None:
        """Nothing is held between two looks."""
