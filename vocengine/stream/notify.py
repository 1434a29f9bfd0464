"""notify: alerts and cases → deliveries in the database → messages.

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
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from vocengine.alerts.policy_source import PolicySource
from vocengine.contracts import Alert, Case, Rejected, decode_alert, decode_case
from vocengine.errors import NotificationError
from vocengine.notify import (
    CALM,
    Event,
    Message,
    Outcome,
    Route,
    Target,
    backoff,
    case_message,
    change_of_alert,
    change_of_case,
    digest_message,
    due_at,
    event_of_alert,
    event_of_case,
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


def decoded_alert(value: bytes | None) -> Alert | Rejected | None:
    """A record of `voc.alerts`; a tombstone of the compacted topic says nothing."""
    return None if value is None else decode_alert(value)


def decoded_case(value: bytes | None) -> Case | Rejected | None:
    """A record of `voc.cases`, likewise."""
    return None if value is None else decode_case(value)


class NotifyHandler:
    """Writes down what each change has to go out as, by the routes and quiet hours of the policy of its key."""

    def __init__(
        self,
        routes: Sequence[Route],
        settings: NotifySettings,
        clock: Clock = utc_now,
        source: PolicySource | None = None,
    ) -> None:
        self._routes, self._clock = routes, clock
        self._source = source or PolicySource(None)
        self._max_age = timedelta(hours=settings.max_age_h)

    def handle(
        self, connection: Connection, batch: Sequence[Received[Alert | Case | None]]
    ) -> list[tuple[Received[Alert | Case | None], Rejected]]:
        """Write the deliveries of a batch of alerts or of cases."""
        for record in batch:
            if record.message is not None:
                self.take(connection, record.message)
        return []

    def take(self, connection: Connection, about: Alert | Case) -> None:
        """Write the deliveries of one change.

        The end of an alert goes to those who heard of its beginning; that a case is resolved to those who did not hear
        of the end of its last alert. What happened long ago is written as suppressed.
        """
        event = event_of_alert(about) if isinstance(about, Alert) else event_of_case(about)
        if event is None:
            return
        now = self._clock()
        stale = event != "alert.resolved" and now - _happened(about) > self._max_age
        # The end of a critical alert is worth telling, but wakes nobody.
        severity = "low" if event in CALM else about.severity
        policy = self._source.current.of(about.key, about.kind)
        for route in self._routes:
            if not route.takes(about, event) or (policy is not None and not policy.tells(route.name)):
                continue
            due = due_at(route, severity, now)
            due = due if policy is None else policy.due(severity, due)
            for target in route.targets:
                if self._needless(connection, route.name, target.target_id, about, event):
                    continue
                notifications.add(
                    connection,
                    route=route.name,
                    target=target.target_id,
                    change_id=change_of_alert(about) if isinstance(about, Alert) else change_of_case(about),
                    about=about,
                    severity=severity,
                    state="suppressed" if stale else "pending",
                    now=now,
                    due=due,
                    error="happened longer ago than notify.max_age_h" if stale else None,
                )

    def _needless(self, connection: Connection, route: str, target: str, about: Alert | Case, event: Event) -> bool:
        def told(change: str) -> bool:
            found = notifications.delivery_id(route, target, change)
            return notifications.state_of(connection, found) not in (None, "suppressed")

        if isinstance(about, Alert):
            return event == "alert.resolved" and not told(change_of_alert(replace(about, status="open")))
        return event == "case.resolved" and told(f"{about.alerts[-1]}:resolved")

    def committed(self) -> None:
        """Nothing is remembered."""

    def rolled_back(self) -> None:
        """Nothing is remembered."""


def _happened(about: Alert | Case) -> datetime:
    return about.raised_at if isinstance(about, Alert) else about.updated_at


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
        about = one.about()
        if one.change_id is None:
            return digest_message(about, at=one.created_at, public_url=self._public_url)
        if isinstance(about[0], Case):
            return case_message(about[0], at=one.created_at, public_url=self._public_url)
        return message_of(about[0], at=one.created_at, public_url=self._public_url)
