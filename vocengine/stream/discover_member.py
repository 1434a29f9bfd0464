"""discover as it runs in a process: one member at work in the installation, a pass now and then, refits by schedule.

It has the encoder loaded, so it also does the splits of topics that were asked for by API.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from vocengine.alerts.policy_source import PolicySource
from vocengine.contracts import Enriched
from vocengine.encoder.interface import Encoder
from vocengine.errors import StoreUnavailable, VocengineError
from vocengine.metrics import RoleMetrics
from vocengine.settings import Settings
from vocengine.store import engine as store_engine
from vocengine.store import locks, registry
from vocengine.store.engine import Engine
from vocengine.store.locks import SessionLock
from vocengine.stream import role, topic_discovery, topic_split
from vocengine.stream.alert_policies import source_of
from vocengine.stream.discover import DiscoverHandler, open_discover
from vocengine.stream.enrich_member import load_models
from vocengine.stream.members import new_instance, ready_database
from vocengine.stream.to_database import DatabaseSession

log = logging.getLogger(__name__)

_NOT_MINE_S = 2.0
_TICK_S = 0.2
_LOOK_AT_REQUESTS_S = 1.0
_LOOK_AT_SCHEDULE_S = 5.0
# After a refit that could not be made, as for want of text, the next is tried after this or the set time.
_TRY_AGAIN = timedelta(hours=1)


class DiscoverSession:
    """Waits for its turn, then takes what has arrived through the handler every so often.

    The pool is one for the whole installation, so one member works and the others stand by.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        encoder: Encoder,
        stop: threading.Event,
        *,
        instance: str,
        source: PolicySource | None = None,
    ) -> None:
        self._settings, self._engine, self._stop, self._instance = settings, engine, stop, instance
        self._encoder = encoder
        self._handler = DiscoverHandler(settings, encoder, source)
        self._lock = SessionLock(engine, locks.DISCOVER)
        self._session: DatabaseSession[Enriched | None] | None = None
        self._next_pass = float("-inf")
        self._in_pass = False
        self._next_look = float("-inf")

    def step(self) -> int:
        """At most one split that was asked for, and a batch of the pass under way.

        Waits a moment between passes, or while another member is at work.
        """
        if self._session is None and not self._take_over():
            self._stop.wait(_NOT_MINE_S)
            return 0
        assert self._session is not None
        self._look_at_requests()
        if time.monotonic() >= self._next_pass:
            # Also where the pass before has not come to an end: what a pass may read goes by time.
            self._lock.check()
            self._handler.begin_pass()
            self._in_pass, self._next_pass = True, time.monotonic() + self._settings.topics.emerging.every_s
        elif not self._in_pass:
            self._stop.wait(_TICK_S)
            return 0
        taken = self._session.step()
        self._in_pass = taken > 0
        return taken

    def close(self) -> None:
        """Let another member take over."""
        if self._session is not None:
            self._session.close()
            self._session = None
        self._lock.release()

    def _look_at_requests(self) -> None:
        if time.monotonic() < self._next_look:
            return
        self._lock.check()
        if not topic_split.settle_next(self._settings, self._engine, self._encoder):
            self._next_look = time.monotonic() + _LOOK_AT_REQUESTS_S

    def _take_over(self) -> bool:
        if not self._lock.take():
            return False
        self._session = open_discover(self._settings, self._engine, self._handler, instance=self._instance)
        log.info("discover: at work")
        return True


class _Refitting:
    """Refits by schedule in a thread beside the role, where that is set; only one in the installation at a time."""

    def __init__(self, settings: Settings, engine: Engine, stop: threading.Event) -> None:
        self._settings, self._engine, self._stop = settings, engine, stop
        self._every = timedelta(hours=settings.topics.refit_every_h)
        self._not_before = datetime.min.replace(tzinfo=UTC)
        self._thread = threading.Thread(target=self._run, name="refits", daemon=True)

    def __enter__(self) -> None:
        if self._every:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        # A fit under way is given up: it writes at its end alone, in one transaction.
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(min(_LOOK_AT_SCHEDULE_S, self._every.total_seconds())):
            lock = SessionLock(self._engine, locks.REFIT)
            try:
                if self._due() and lock.take() and self._due():
                    report = topic_discovery.refit(self._settings)
                    log.info("discover: refit, registry version %d, %d topics", report.version, report.topics)
            except StoreUnavailable as error:
                log.warning("discover: no refit: %s", error)
            except VocengineError as error:
                self._not_before = datetime.now(UTC) + min(_TRY_AGAIN, self._every)
                log.warning("discover: no refit: %s", error)
            finally:
                lock.release()

    def _due(self) -> bool:
        now = datetime.now(UTC)
        if now < self._not_before:
            return False
        with store_engine.transaction(self._engine) as connection:
            last = registry.newest_fit_at(connection)
        return last is None or now - last >= self._every


def run_discover(
    settings: Settings, stop: threading.Event, *, load_encoder: Callable[[], Encoder] | None = None
) -> None:
    """Run a discover member until `stop`, with the encoder that the settings name or another."""
    engine = ready_database(settings, stop)
    instance = settings.instance or new_instance()
    encoder = load_encoder() if load_encoder else load_models(settings).encoder
    with (
        source_of(settings) as policies,
        RoleMetrics("discover", settings.metrics) as metrics,
        _Refitting(settings, engine, stop),
    ):
        role.run(
            "discover",
            lambda: DiscoverSession(settings, engine, encoder, stop, instance=instance, source=policies),
            stop,
            retry_max_s=settings.stream.retry_max_s,
            on_step=metrics.stepped,
        )
