"""What notify forgets: deliveries that are done with."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from vocengine.settings import NotifySettings
from vocengine.store import notifications
from vocengine.store.engine import Engine, transaction
from vocengine.stream.notify import Clock, utc_now

log = logging.getLogger(__name__)

_EVERY = timedelta(hours=1)


class Cleaner:
    """Deletes deliveries that are done with, once they are older than `notify.keep_days`."""

    def __init__(self, engine: Engine, settings: NotifySettings, clock: Clock = utc_now) -> None:
        self._engine, self._clock = engine, clock
        # What could still be told must be remembered, or it would be told twice.
        self._keep = max(timedelta(days=settings.keep_days), timedelta(hours=settings.max_age_h))
        self._next: datetime | None = None

    def step(self) -> int:
        """Look once an hour; returns how many were deleted. Raises StoreUnavailable."""
        now = self._clock()
        if self._next is not None and now < self._next:
            return 0
        self._next = now + _EVERY
        total = 0
        while True:
            with transaction(self._engine) as connection:
                deleted = notifications.clean(connection, now - self._keep)
            total += deleted
            if not deleted:
                break
        if total:
            log.info("notify: %d old deliveries deleted", total)
        return total
