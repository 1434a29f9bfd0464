"""notify: alerts → deliveries in the database → messages.

What is to be sent is written down in the transaction that moves the position, so nothing is lost and nothing is
written twice. An attempt is counted before it is made and marked after it: a process that ends between the two makes
the same delivery again, under the same id.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from vocengine.alerts.policies import Policies
from vocengine.contracts import Alert, Rejected, decode_alert
from vocengine.errors import NotificationError
from vocengine.notify import (
    Message,
    Outcome,
    Route,
    Target,
    backoff,
    digest_message,
    due_at,
    message_of,
    quiet_until,
    send,
)
from vocengine.notify.routes import SEVERITIES
from vocengine.settings import NotifySettings
from vocengine.store import notifications
from vocengine.store.engine import Connection, Engine, transaction
from vocengine.store.notifications import Notification
from vocengine.stream.inbox import Received

log = logging.getLogger(__name__)

# Longer than an attempt can take; after it a delivery whose process ended is tried again.
LEASE = timedelta(seconds=60)
_WINDOW = timedelta(hours=1)
# A target that does not answer keeps a thread, not the others.
_THREADS = 8

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def decoded(value: bytes | None) -> Alert | Rejected | None:
    """A record of `voc.alerts`; a tombstone of the compacted topic says nothing."""
    return None if value is None else decode_alert(value)


class NotifyHandler:
    """Writes down what each alert has to go out as, by the routes and quiet hours of the policy of its key."""

    def __init__(
        self,
        routes: Sequence[Route],
        settings: NotifySettings,
        clock: Clock = utc_now,
        policies: Policies | None = None,
    ) -> None:
        self._routes, self._clock = routes, clock
        self._policies = policies or Policies()
        self._max_age = timedelta(hours=settings.max_age_h)

    def handle(
        self, connection: Connection, batch: Sequence[Received[Alert | None]]
    ) -> list[tuple[Received[Alert | None], Rejected]]:
        """Write the deliveries of a batch of alerts."""
        for record in batch:
            if record.message is not None:
                self.take(connection, record.message)
        return []

    def take(self, connection: Connection, alert: Alert) -> None:
        """Write the deliveries of one alert: when it opens, and to those who heard of that, when it is resolved."""
        if alert.status == "acknowledged":
            return
        now = self._clock()
        stale = now - alert.raised_at > self._max_age
        policy = self._policies.of(alert.key, alert.kind)
        for route in self._routes:
            if not route.takes(alert) or (policy is not None and not policy.tells(route.name)):
                continue
            due = due_at(route, alert.severity, now)
            due = due if policy is None else policy.due(alert.severity, due)
            for target in route.targets:
                opened = notifications.delivery_id(route.name, target.target_id, _change(alert, "open"))
                if alert.status == "resolved":
                    if notifications.state_of(connection, opened) in (None, "suppressed"):
                        continue
                    suppressed = False
                else:
                    suppressed = stale
                notifications.add(
                    connection,
                    route=route.name,
                    target=target.target_id,
                    change_id=_change(alert, alert.status),
                    alert=alert,
                    state="suppressed" if suppressed else "pending",
                    now=now,
                    due=due,
                    error="raised longer ago than notify.max_age_h" if suppressed else None,
                )

    def committed(self) -> None:
        """Nothing is remembered."""

    def rolled_back(self) -> None:
        """Nothing is remembered."""


def _change(alert: Alert, status: str) -> str:
    # An alert that is amended while it runs keeps its id and status: people have heard of it.
    return f"{alert.alert_id}:{status}"


class Dispatcher:
    """Sends what is due, a target beside the other; `send` and the clock can be others in tests of time and crashes."""

    def __init__(
        self,
        engine: Engine,
        routes: Sequence[Route],
        settings: NotifySettings,
        *,
        public_url: str | None = None,
        clock: Clock = utc_now,
        send: Callable[[Target, Message, str], Outcome] = send,
        draw: random.Random | None = None,
    ) -> None:
        self._engine, self._clock, self._send = engine, clock, send
        self._routes = {route.name: route for route in routes}
        self._max_attempts, self._public_url = settings.max_attempts, public_url
        self._draw = draw or random.Random()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="notify")
        self._closing = threading.Event()
        self._running: dict[tuple[str, str], Future[int]] = {}

    def step(self) -> int:
        """Set going what is due; returns how many deliveries ended since the last step. Raises StoreUnavailable."""
        ended = [way for way, future in self._running.items() if future.done()]
        done = sum(self._running.pop(way).result() for way in ended)
        with transaction(self._engine) as connection:
            ways = notifications.ways_due(connection, self._clock())
        for way in ways:
            if way not in self._running:
                self._running[way] = self._pool.submit(self._serve, *way)
        return done

    def drain(self) -> int:
        """Send all that is due now; returns how many deliveries were attempted."""
        total, done = 0, self.step()
        while self._running:
            for future in list(self._running.values()):
                future.exception()
            done = self.step()
            total += done
        return total

    def close(self) -> None:
        """Let the attempts in hand come to an end; what is due after them is left to the next member."""
        self._closing.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _serve(self, route_name: str, target_id: str) -> int:
        """What is due to one target, until the first that fails."""
        route = self._routes.get(route_name)
        target = route.target(target_id) if route else None
        with transaction(self._engine) as connection:
            found = notifications.due(connection, route_name, target_id, self._clock())
            if route is None or target is None:
                for one in found:
                    notifications.mark_failed(connection, one.delivery_id, "the routes no longer have this target")
                return len(found)
            ready = self._ready(connection, route, found)
        for place, one in enumerate(ready):
            if self._closing.is_set():
                return place
            if not self._deliver(target, one, [other.delivery_id for other in ready[place + 1 :]]):
                return place + 1
        return len(ready)

    def _ready(self, connection: Connection, route: Route, found: list[Notification]) -> list[Notification]:
        """What may be sent now; the rest is held back, or collected."""
        now = self._clock()
        end = quiet_until(route, now)
        if end is not None:
            waiting = [one for one in found if not route.passes(one.severity)]
            notifications.hold(connection, [one.delivery_id for one in waiting], end)
            found = [one for one in found if route.passes(one.severity)]
        if not found:
            return []
        sent = notifications.sent_after(connection, route.name, found[0].target, now - _WINDOW)
        room = route.at_most - len(sent)
        if room <= 0:
            free = sent[len(sent) - route.at_most] + _WINDOW
            notifications.hold(connection, [one.delivery_id for one in found], free)
            return []
        fresh = [one for one in found if one.fresh and one.change_id is not None]
        # What has been held back, by whatever, would otherwise come as a flood.
        if len(fresh) > 1 and (len(found) > room or any(one.held for one in fresh)):
            worst = max((one.severity for one in fresh), key=SEVERITIES.index)
            digest = notifications.collect(connection, fresh, worst, now)
            found = [*(one for one in found if one not in fresh), digest]
        return found[:room]

    def _deliver(self, target: Target, one: Notification, others: list[str]) -> bool:
        """One attempt; where it fails and is worth another, the target's others wait for that too."""
        with transaction(self._engine) as connection:
            if one.attempts >= self._max_attempts:
                notifications.mark_failed(connection, one.delivery_id, "the process ended in the last attempt")
                return True
            if not notifications.begin(connection, one, self._clock() + LEASE):
                return True
        outcome = self._attempt(target, one)
        with transaction(self._engine) as connection:
            if outcome.error is None:
                notifications.mark_sent(connection, one.delivery_id, self._clock())
                log.info("notify: %s sent by route %s to %s", one.delivery_id, one.route, target.shown)
                return True
            attempts = one.attempts + 1
            if not outcome.again or attempts >= self._max_attempts:
                notifications.mark_failed(connection, one.delivery_id, outcome.error)
                log.error("notify: %s to %s failed for good: %s", one.delivery_id, target.shown, outcome.error)
                return True
            wait_s = backoff(attempts, outcome, self._draw)
            at = self._clock() + timedelta(seconds=wait_s)
            notifications.again(connection, one.delivery_id, at, outcome.error)
            notifications.hold(connection, others, at)
        log.warning(
            "notify: %s to %s: %s; attempt %d of %d in %.0f s",
            one.delivery_id,
            target.shown,
            outcome.error,
            attempts + 1,
            self._max_attempts,
            wait_s,
        )
        return False

    def _attempt(self, target: Target, one: Notification) -> Outcome:
        try:
            return self._send(target, self._message(one), one.delivery_id)
        except NotificationError as error:
            return Outcome(str(error), again=False)
        except Exception as error:  # a fault in one of a hundred services must not end the others
            # The text of such an error may have the address in it.
            log.error("notify: %s to %s broke with %s", one.delivery_id, target.shown, type(error).__name__)
            return Outcome(f"broke: {type(error).__name__}")

    def _message(self, one: Notification) -> Message:
        alerts = one.alerts()
        if one.change_id is None:
            return digest_message(alerts, at=one.created_at, public_url=self._public_url)
        return message_of(alerts[0], at=one.created_at, public_url=self._public_url)
