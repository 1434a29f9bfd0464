"""store and detect as they run in a process: with the database ready, the relay and escalations beside them."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable

from vocengine.errors import StoreUnavailable
from vocengine.metrics import RoleMetrics
from vocengine.settings import Settings
from vocengine.store import engine as store_engine
from vocengine.store import schema
from vocengine.store.engine import Engine
from vocengine.stream import role, topology
from vocengine.stream.alert_policies import source_of
from vocengine.stream.detect import open_detect
from vocengine.stream.escalate import EscalateSession
from vocengine.stream.relay import RelaySession
from vocengine.stream.silence import SilenceSession
from vocengine.stream.store import open_store

log = logging.getLogger(__name__)


def run_store(settings: Settings, stop: threading.Event) -> None:
    """Run a store member until `stop`."""
    engine = ready_database(settings, stop)
    instance = settings.instance or new_instance()
    with (
        RoleMetrics("store", settings.metrics) as metrics,
        _Beside("relay", lambda: RelaySession(settings, engine, stop), stop),
    ):
        role.run(
            "store",
            lambda: open_store(settings, engine, instance=instance),
            stop,
            retry_max_s=settings.stream.retry_max_s,
            on_step=metrics.stepped,
        )


def run_detect(settings: Settings, stop: threading.Event) -> None:
    """Run a detect member until `stop`. Raises PolicyError where the alert policies are wrong at the beginning."""
    engine = ready_database(settings, stop)
    instance = settings.instance or new_instance()
    # One for all that runs here, also where a session is opened anew while a file is wrong.
    policies = source_of(settings)

    def open_session() -> role.Session:
        partitions = topology.check(settings.kafka)["mentions"]
        return open_detect(settings, engine, instance=instance, partitions=partitions, source=policies)

    with (
        policies,
        RoleMetrics("detect", settings.metrics) as metrics,
        _Beside("relay", lambda: RelaySession(settings, engine, stop), stop),
        _Beside("escalate", lambda: EscalateSession(settings, engine, stop, policies), stop),
        _Beside("silence", lambda: SilenceSession(settings, engine, stop, policies), stop),
    ):
        role.run("detect", open_session, stop, retry_max_s=settings.stream.retry_max_s, on_step=metrics.stepped)


class _Beside:
    """Work in a thread beside the role: the outbox relay, escalations, the watch for silence."""

    def __init__(self, name: str, open_session: Callable[[], role.Session], stop: threading.Event) -> None:
        self._thread = threading.Thread(target=role.run, args=(name, open_session, stop), name=name, daemon=True)
        self._stop = stop

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=10)


def ready_database(settings: Settings, stop: threading.Event) -> Engine:
    """Wait for the database, and refuse a schema that is not ours (SchemaOutdated)."""
    engine = store_engine.connect(settings)
    while True:
        try:
            schema.check(engine)
            return engine
        except StoreUnavailable as error:
            log.warning("%s; trying again", error)
            if stop.wait(1.0):
                return engine


def new_instance() -> str:
    """A name for a member that was given none."""
    return uuid.uuid4().hex[:12]
