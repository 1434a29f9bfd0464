"""notify as it runs in a process: one member at work in the installation, the others stand by."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from vocengine.alerts.policy_source import PolicySource
from vocengine.contracts import Alert, Case
from vocengine.errors import SettingsError
from vocengine.metrics import RoleMetrics
from vocengine.notify import Route, load_routes
from vocengine.settings import Settings
from vocengine.store import locks
from vocengine.store.engine import Engine
from vocengine.store.locks import SessionLock
from vocengine.stream import role
from vocengine.stream.alert_policies import source_of
from vocengine.stream.members import new_instance, ready_database
from vocengine.stream.notify import Dispatcher, NotifyHandler, decoded_alert, decoded_case
from vocengine.stream.notify_clean import Cleaner
from vocengine.stream.to_database import DatabaseSession

log = logging.getLogger(__name__)

_NOT_MINE_S = 2.0


class NotifySession:
    """Waits for its turn; then writes down what comes in, and sends what is due."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        routes: Sequence[Route],
        stop: threading.Event,
        *,
        instance: str,
        source: PolicySource | None = None,
    ) -> None:
        self._settings, self._engine, self._routes, self._source = settings, engine, routes, source
        self._stop, self._instance = stop, instance
        self._lock = SessionLock(engine, locks.NOTIFY)
        self._sessions: list[DatabaseSession[Alert | Case | None]] = []
        self._dispatcher: Dispatcher | None = None
        self._cleaner = Cleaner(engine, settings.notify)

    def step(self) -> int:
        """A batch of alerts and one of cases, and a look at what is due; waits a moment while another is at work."""
        if self._dispatcher is None and not self._take_over():
            self._stop.wait(_NOT_MINE_S)
            return 0
        assert self._dispatcher is not None
        self._lock.check()
        taken = sum(session.step() for session in self._sessions) + self._dispatcher.step()
        self._cleaner.step()
        return taken

    def close(self) -> None:
        """Finish the attempts in hand, then let another member take over."""
        if self._dispatcher is not None:
            self._dispatcher.close()
            self._dispatcher = None
        while self._sessions:
            self._sessions.pop().close()
        self._lock.release()

    def _take_over(self) -> bool:
        if not self._lock.take():
            return False
        settings = self._settings
        handler = NotifyHandler(self._routes, settings.notify, source=self._source)
        # Alerts first: what a case's change need not repeat is known by then, as a rule.
        for group, topic, decode in (("notify", "alerts", decoded_alert), ("notify-cases", "cases", decoded_case)):
            session: DatabaseSession[Alert | Case | None] = DatabaseSession(
                group, settings, self._engine, handler, topic=topic, decode=decode, instance=self._instance
            )
            self._sessions.append(session)
        self._dispatcher = Dispatcher(self._engine, self._routes, settings.notify, public_url=settings.web.public_url)
        log.info("notify: at work, %d routes", len(self._routes))
        return True


def run_notify(settings: Settings, stop: threading.Event) -> None:
    """Run a notify member until `stop`.

    Raises SettingsError without routes, RouteError or PolicyError where these or the alert policies are wrong.
    """
    routes = routes_of(settings)
    policies = source_of(settings, routes)
    engine = ready_database(settings, stop)
    instance = settings.instance or new_instance()
    with policies, RoleMetrics("notify", settings.metrics) as metrics:
        role.run(
            "notify",
            lambda: NotifySession(settings, engine, routes, stop, instance=instance, source=policies),
            stop,
            retry_max_s=settings.stream.retry_max_s,
            on_step=metrics.stepped,
        )


def routes_of(settings: Settings) -> tuple[Route, ...]:
    """The routes that the settings name. Raises SettingsError without any, RouteError where they are wrong."""
    if settings.notify.routes is None:
        raise SettingsError("notify.routes is not set: name a file of routes, such as configs/routes/example.yaml")
    return load_routes(settings.notify.routes)
