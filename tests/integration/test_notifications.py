"""Alerts → messages: what is due when, what comes together, what a crash and a receiver that is away can do."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from click.testing import CliRunner

from tests.conftest import Database
from tests.integration.processes import RoleProcess
from tests.integration.wire import in_thread, produce, read_all, wait_until
from tests.notify.alerts import NOON, alert
from tests.notify.receivers import SECRET, HookServer, hook_server, mail_server
from vocengine.cli.main import cli
from vocengine.contracts import Alert, encode
from vocengine.errors import NotificationError
from vocengine.notify import Message, Outcome, Route, Target, send
from vocengine.notify.routes import routes_from
from vocengine.settings import NotifySettings, Settings
from vocengine.store import notifications
from vocengine.store.engine import transaction
from vocengine.store.tables import notifications as table
from vocengine.stream.notify import LEASE, Dispatcher, NotifyHandler
from vocengine.stream.notify_member import run_notify

pytestmark = pytest.mark.integration

ENVIRON = {"HOOK": SECRET}


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


class Bench:
    """The handler and the dispatcher over a real database, with a clock of the test's."""

    def __init__(self, database: Database, routes: tuple[Route, ...], **settings: Any) -> None:
        self.engine, self.routes, self.clock = database.engine, routes, Clock()
        self.settings = NotifySettings(**settings)
        self.handler = NotifyHandler(routes, self.settings, self.clock)

    def take(self, *alerts: Alert) -> None:
        with transaction(self.engine) as connection:
            for one in alerts:
                self.handler.take(connection, one)

    def send(self, how: Any = send, routes: tuple[Route, ...] | None = None) -> int:
        """What is due now, by a dispatcher that ends after it."""
        dispatcher = Dispatcher(
            self.engine, routes or self.routes, self.settings, clock=self.clock, send=how, draw=random.Random(3)
        )
        try:
            return dispatcher.drain()
        finally:
            dispatcher.close()

    def states(self) -> dict[str, int]:
        with transaction(self.engine) as connection:
            counted = sa.select(table.c.state, sa.func.count()).group_by(table.c.state)
            return {state: n for state, n in connection.execute(counted)}

    def next_attempt(self) -> datetime:
        with transaction(self.engine) as connection:
            at = connection.scalar(sa.select(sa.func.min(table.c.next_attempt_at)).where(table.c.state == "pending"))
        assert at is not None
        return at


def hooked(url: str, **more: Any) -> tuple[Route, ...]:
    return routes_from([{"name": "leads", "to": [{"webhook": url, "secret": "env:HOOK"}], **more}], ENVIRON)


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    """A receiver of webhooks."""
    with hook_server() as server:
        yield server


def told(server: HookServer) -> list[str]:
    return [hook.body["data"]["title"] for hook in server.hooks]


def test_one_change_is_told_once_whatever_is_repeated(database: Database, hooks: HookServer) -> None:
    bench = Bench(database, hooked(hooks.url))
    bench.take(alert(1), alert(2))
    # Replayed, amended while it runs, and acknowledged: no news.
    bench.take(alert(1), alert(1, observed_mean=0.8, severity="critical"), alert(2, status="acknowledged"))
    assert bench.send() == 2
    bench.take(alert(1))
    assert bench.send() == 0
    assert sorted(told(hooks)) == [f"Sentiment fell: product Kettle {n} (high)" for n in (1, 2)]
    assert all(hook.signed for hook in hooks.hooks)
    assert len({hook.webhook_id for hook in hooks.hooks}) == 2 and bench.states() == {"sent": 2}


def test_the_end_of_an_alert_is_told_to_those_who_heard_of_it(database: Database, hooks: HookServer) -> None:
    bench = Bench(database, hooked(hooks.url))
    bench.take(alert(1), alert(2, status="resolved"))
    bench.send()
    bench.take(alert(1, status="resolved"))
    bench.clock.forward(days=3)
    bench.send()
    assert told(hooks) == [
        "Sentiment fell: product Kettle 1 (high)",
        "Resolved: Sentiment fell: product Kettle 1 (high)",
    ]


def test_what_was_raised_long_ago_is_written_down_and_not_sent(database: Database, hooks: HookServer) -> None:
    bench = Bench(database, hooked(hooks.url))
    bench.take(alert(1, raised_at=NOON - timedelta(hours=25)), alert(2, raised_at=NOON - timedelta(hours=23)))
    bench.send()
    assert len(hooks.hooks) == 1 and bench.states() == {"suppressed": 1, "sent": 1}


def test_a_receiver_that_fails_twice_gets_it_with_the_third_attempt(database: Database, hooks: HookServer) -> None:
    hooks.answers = [(503, {}), (500, {"Retry-After": "90"})]
    bench = Bench(database, hooked(hooks.url))
    bench.take(alert(1))
    assert bench.send() == 1 and bench.send() == 0, "not before its time"
    assert NOON < bench.next_attempt() <= NOON + timedelta(seconds=10)
    bench.clock.now = bench.next_attempt()
    bench.send()
    assert bench.next_attempt() == bench.clock.now + timedelta(seconds=90)
    bench.clock.now = bench.next_attempt()
    bench.send()
    assert [hook.signed for hook in (*hooks.refused, *hooks.hooks)] == [True] * 3
    assert len({hook.webhook_id for hook in (*hooks.refused, *hooks.hooks)}) == 1
    assert hooks.refused[0].body == hooks.hooks[0].body and bench.states() == {"sent": 1}


def test_what_cannot_be_delivered_fails_and_can_be_tried_again(database: Database, hooks: HookServer) -> None:
    with hook_server() as gone:
        away = gone.url
    bench = Bench(database, hooked(away), max_attempts=3)
    bench.take(alert(1))
    for _ in range(3):
        bench.clock.now = bench.next_attempt()
        bench.send()
    with transaction(bench.engine) as connection:
        [failed] = notifications.listed(connection, state="failed")
        assert failed.attempts == 3 and "127.0.0.1 cannot be reached" in (failed.error or "")
    runner = CliRunner(env={"VOCENGINE_DATABASE__URL": database.url, "COLUMNS": "300"})
    listed = runner.invoke(cli, ["notifications", "list", "--failed"])
    assert failed.delivery_id in listed.output and "cannot be reached" in listed.output
    assert "is due again" in runner.invoke(cli, ["notifications", "retry", failed.delivery_id]).output
    bench.clock.now = datetime.now(UTC) + timedelta(seconds=1)
    with transaction(bench.engine) as connection:
        connection.execute(sa.update(table).values(target=hooked(hooks.url)[0].targets[0].target_id))
    bench.send(routes=hooked(hooks.url))
    assert [hook.webhook_id for hook in hooks.hooks] == [failed.delivery_id]
    with transaction(bench.engine) as connection, pytest.raises(NotificationError, match="it is sent; only what"):
        notifications.retry(connection, failed.delivery_id)
    assert "no failed notifications" in runner.invoke(cli, ["notifications", "list", "--failed"]).output


def test_a_lasting_refusal_is_not_repeated(database: Database, hooks: HookServer) -> None:
    hooks.answers = [(410, {})]
    bench = Bench(database, hooked(hooks.url))
    bench.take(alert(1), alert(2))
    bench.send()
    assert bench.states() == {"failed": 1, "sent": 1}


def test_a_target_that_is_away_holds_up_no_other(database: Database, hooks: HookServer) -> None:
    with hook_server() as gone:
        away = gone.url
    to = [{"webhook": url, "secret": "env:HOOK"} for url in (away, hooks.url)]
    bench = Bench(database, routes_from([{"name": "both", "to": to}], ENVIRON))
    bench.take(*(alert(n) for n in range(1, 6)))
    # One attempt for the one that is away: its others wait for the next.
    assert bench.send() == 6
    assert len(hooks.hooks) == 5 and bench.states() == {"sent": 5, "pending": 5}


def test_quiet_hours_hold_back_until_they_end_and_critical_passes(database: Database, hooks: HookServer) -> None:
    bench = Bench(database, hooked(hooks.url, quiet_hours={"from": "11:00", "to": "14:00"}))
    bench.take(alert(1), alert(2), alert(3, severity="critical"))
    bench.send()
    assert told(hooks) == ["Sentiment fell: product Kettle 3 (critical)"]
    bench.clock.forward(minutes=119)
    assert bench.send() == 0
    bench.clock.forward(minutes=1)
    assert bench.send() == 1
    assert told(hooks)[1:] == ["2 alerts: 2 high"] and bench.states() == {"sent": 2, "digested": 2}


def test_a_retry_waits_for_the_end_of_quiet_hours(database: Database, hooks: HookServer) -> None:
    hooks.answers = [(503, {"Retry-After": "60"})]
    bench = Bench(database, hooked(hooks.url, quiet_hours={"from": "12:01", "to": "14:00"}))
    bench.take(alert(1))
    bench.send()
    bench.clock.forward(minutes=2)
    assert bench.send() == 0 and bench.next_attempt() == NOON + timedelta(hours=2)
    bench.clock.forward(hours=2)
    bench.send()
    assert len(hooks.hooks) == 1


def test_a_digest_comes_once_an_hour_with_all_in_it(database: Database, hooks: HookServer) -> None:
    bench = Bench(database, hooked(hooks.url, digest="hourly"))
    for number in (1, 2, 3):
        bench.take(alert(number))
        bench.clock.forward(minutes=15)
        assert bench.send() == 0
    bench.clock.forward(minutes=15)
    assert bench.send() == 1
    [digest] = hooks.hooks
    assert digest.webhook_id.startswith("d-") and digest.body["type"] == "alert.digest"
    assert {a["label"] for a in digest.body["data"]["alerts"]} == {"Kettle 1", "Kettle 2", "Kettle 3"}
    with transaction(bench.engine) as connection:
        carried = connection.execute(sa.select(table.c.digest_id).where(table.c.state == "digested")).scalars().all()
    assert carried == [digest.webhook_id] * 3
    bench.take(alert(1), alert(2))
    bench.clock.forward(hours=1)
    assert bench.send() == 0, "told once"
    bench.take(alert(4))
    bench.clock.forward(hours=1)
    bench.send()
    assert told(hooks)[1:] == ["Sentiment fell: product Kettle 4 (high)"], "one alone needs no digest"


def test_a_flood_becomes_one_message_and_the_rate_holds(database: Database, hooks: HookServer) -> None:
    bench = Bench(database, hooked(hooks.url, at_most=3))
    bench.take(alert(1), alert(2))
    bench.send()
    bench.take(*(alert(n) for n in range(3, 40)))
    bench.send()
    assert told(hooks)[2:] == ["37 alerts: 37 high"]
    bench.clock.forward(minutes=10)
    bench.take(alert(50), alert(51), alert(52, severity="critical"))
    assert bench.send() == 0 and len(hooks.hooks) == 3, "the hour is full"
    bench.clock.forward(minutes=49)
    assert bench.send() == 0
    bench.clock.forward(minutes=1)
    bench.send()
    assert told(hooks)[3:] == ["3 alerts: 1 critical, 2 high"]


class Crash(BaseException):
    """The process ends here."""


def test_a_crash_between_sending_and_marking_repeats_the_same_id(database: Database, hooks: HookServer) -> None:
    bench = Bench(database, hooked(hooks.url))
    bench.take(alert(1))

    def send_and_end(target: Target, message: Message, delivery_id: str) -> Outcome:
        send(target, message, delivery_id)
        raise Crash

    with pytest.raises(Crash):
        bench.send(send_and_end)
    assert len(hooks.hooks) == 1 and bench.send() == 0, "in hand until the lease ends"
    bench.clock.forward(seconds=LEASE.total_seconds())
    # What may have arrived already goes into no digest: its id would be another.
    bench.take(alert(2), alert(3))
    with transaction(bench.engine) as connection:
        connection.execute(sa.update(table).where(table.c.attempts == 0).values(held=True))
    bench.send()
    first, again, digest = hooks.hooks
    assert first.webhook_id == again.webhook_id and first.body == again.body
    assert digest.body["type"] == "alert.digest"


def test_a_message_that_ends_the_process_each_time_is_given_up(database: Database, hooks: HookServer) -> None:
    bench = Bench(database, hooked(hooks.url), max_attempts=2)
    bench.take(alert(1))

    def end(target: Target, message: Message, delivery_id: str) -> Outcome:
        raise Crash

    for _ in range(2):
        with pytest.raises(Crash):
            bench.send(end)
        bench.clock.forward(seconds=LEASE.total_seconds())
    bench.send(end)
    assert bench.states() == {"failed": 1}


def test_a_member_that_stops_ends_with_the_attempt_in_hand(database: Database, hooks: HookServer) -> None:
    bench = Bench(database, hooked(hooks.url))
    bench.take(*(alert(n) for n in range(1, 11)))
    hooks.answering.clear()
    dispatcher = Dispatcher(bench.engine, bench.routes, bench.settings, clock=bench.clock)
    dispatcher.step()
    wait_until(lambda: hooks.hooks, what="the first attempt")
    threading.Timer(0.3, hooks.answering.set).start()
    dispatcher.close()
    assert bench.states() == {"sent": 1, "pending": 9}
    bench.send()
    assert len(hooks.hooks) == 10 and bench.states() == {"sent": 10}


def test_a_target_that_left_the_routes_and_a_service_that_breaks_end_nothing(
    database: Database, hooks: HookServer
) -> None:
    bench = Bench(database, hooked(hooks.url, name="old") + hooked(f"{hooks.url}&other"))
    bench.take(alert(1))

    def breaks(target: Target, message: Message, delivery_id: str) -> Outcome:
        raise KeyError("a fault of the library")

    bench.send(breaks, routes=hooked(f"{hooks.url}&other"))
    with transaction(bench.engine) as connection:
        by_route = {one.route: one for one in notifications.listed(connection)}
    assert (by_route["old"].state, by_route["old"].error) == ("failed", "the routes no longer have this target")
    assert (by_route["leads"].state, by_route["leads"].error) == ("pending", "broke: KeyError")


def test_a_role_that_is_killed_in_an_attempt_repeats_the_same_delivery(
    settings: Settings, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hooks: HookServer
) -> None:
    monkeypatch.setenv("VOC_TEST_HOOK", SECRET)
    file = write_routes(
        tmp_path / "routes.yaml", [{"name": "hook", "to": [{"webhook": hooks.url, "secret": "env:VOC_TEST_HOOK"}]}]
    )
    with_routes = settings.model_copy(update={"notify": NotifySettings(routes=file)})
    hooks.answering.clear()
    with RoleProcess("notify", with_routes, tmp_path, instance="notify-1") as member:
        produce(settings, "alerts", [(b"a", encode(alert(1, raised_at=datetime.now(UTC))))])
        wait_until(lambda: hooks.hooks, what="the first attempt", explain=member.tail)
        member.kill()
        hooks.answering.set()
        with transaction(database.engine) as connection:
            # The lease need not be waited for here.
            assert connection.execute(sa.update(table).values(next_attempt_at=sa.func.now())).rowcount == 1
        member.start()
        wait_until(lambda: len(hooks.hooks) == 2, what="the repetition", explain=member.tail)
        with transaction(database.engine) as connection:
            one = sa.select(table.c.state, table.c.attempts)
            wait_until(lambda: connection.execute(one).one() == ("sent", 2), what="the mark")
        member.terminate()
    first, repeated = hooks.hooks
    assert first.webhook_id == repeated.webhook_id and first.body == repeated.body
    assert SECRET not in member.log.read_text()


def write_routes(path: Path, entries: list[dict[str, Any]]) -> Path:
    path.write_text(yaml.safe_dump(entries))
    return path


def test_alerts_of_the_stream_reach_mail_and_webhook_and_a_bad_record_stops_nothing(
    settings: Settings, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hooks: HookServer
) -> None:
    monkeypatch.setenv("VOC_TEST_HOOK", SECRET)
    with mail_server() as server:
        monkeypatch.setenv("VOC_TEST_MAIL", f"mailto://127.0.0.1:{server.port}?from=voc@example.org&to=a@example.org")
        file = write_routes(
            tmp_path / "routes.yaml",
            [
                {"name": "mail", "to": ["env:VOC_TEST_MAIL"], "severities": ["critical"]},
                {"name": "hook", "to": [{"webhook": hooks.url, "secret": "env:VOC_TEST_HOOK"}]},
            ],
        )
        notify = NotifySettings(routes=file)
        with_routes = settings.model_copy(update={"notify": notify})
        now = datetime.now(UTC)
        alerts = [alert(n, raised_at=now, severity="critical" if n == 2 else "high") for n in (1, 2)]
        records: list[tuple[bytes | None, bytes | None]] = [(a.alert_id.encode(), encode(a)) for a in alerts]
        produce(settings, "alerts", [records[0], (b"x", b"{broken"), (b"y", None), records[1], records[0]])
        with in_thread(run_notify, with_routes):
            wait_until(lambda: len(hooks.hooks) == 2 and server.mails, what="both messages")
        # A second life reads nothing twice.
        with in_thread(run_notify, with_routes):
            produce(settings, "alerts", [(b"z", encode(alert(3, raised_at=now)))])
            wait_until(lambda: len(hooks.hooks) == 3, what="the third message")
    assert {hook.body["data"]["alert"]["alert_id"] for hook in hooks.hooks} == {alert(n).alert_id for n in (1, 2, 3)}
    [mail] = server.mails
    assert mail.message["Subject"] == "Sentiment fell: product Kettle 2 (critical)"
    with transaction(database.engine) as connection:
        from vocengine.store import outbox

        letters = [json.loads(message.value) for message in outbox.after(connection, 0)]
    assert [(letter["role"], letter["code"]) for letter in letters] == [("notify", "invalid_json")]
    assert read_all(settings, "dead-letter") == [], "the relay of store and detect sends it"
