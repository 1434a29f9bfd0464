"""Changes of cases → messages: each once, to whom it is news, and what is old is cleaned away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import Database
from tests.integration.test_notifications import ENVIRON, Bench, hooked, told
from tests.integration.test_notifications import hooks as hooks
from tests.notify.alerts import NOON, alert, case
from tests.notify.receivers import HookServer
from vocengine.contracts import Case
from vocengine.notify.routes import routes_from
from vocengine.settings import NotifySettings
from vocengine.store.engine import transaction
from vocengine.store.tables import notifications as table
from vocengine.stream.notify_clean import Cleaner

pytestmark = pytest.mark.integration


def resolved(number: int = 1, **more: Any) -> Case:
    return case(number, **({"action": "resolve", "state": "resolved", "by": "ana", "ended_at": NOON} | more))


def test_each_change_of_a_case_is_told_once_and_a_machines_only_where_time_made_it(
    database: Database, hooks: HookServer
) -> None:
    bench = Bench(database, hooked(hooks.url))
    bench.take(
        case(1, action="open", version=1),
        case(1, action="amend", version=2),
        case(1, action="warn", version=3),
        case(1, version=4),
        case(1, action="take", by="ana", version=5),
        case(1, action="note", by="ana", note="hm", version=6),
        resolved(version=7),
        case(1, action="judge", by="ana", verdict="yes", version=8),
        case(1, action="reopen", version=9),
        case(1, action="reopen", by="ben", version=10),
    )
    for _ in range(2):
        bench.send()
        # Read again from the beginning, as after a lost position.
        bench.take(case(1, action="warn", version=3), case(1, version=4), resolved(version=7))
    assert sorted(told(hooks)) == [
        f"{what}: the case on product Kettle 1 (high)" for what in ("Due soon", "Overdue", "Reopened", "Resolved")
    ]
    assert all(hook.signed for hook in hooks.hooks) and bench.states() == {"sent": 4}
    assert {hook.body["type"] for hook in hooks.hooks} == {
        "case.due_soon", "case.overdue", "case.reopened", "case.resolved",
    }  # fmt: skip


def test_that_a_case_is_resolved_is_no_news_to_who_heard_that_sentiment_is_back(
    database: Database, hooks: HookServer
) -> None:
    both = [
        {"name": "chat", "to": [{"webhook": hooks.url, "secret": "env:HOOK"}]},
        {"name": "duty", "to": [{"webhook": f"{hooks.url}&duty", "secret": "env:HOOK"}], "events": ["case.resolved"]},
    ]
    bench = Bench(database, routes_from(both, ENVIRON))
    bench.take(alert(1), alert(1, status="resolved"), resolved(1), alert(2), resolved(2))
    bench.send()
    heard: dict[str, list[str]] = {}
    for hook in hooks.hooks:
        heard.setdefault("duty" if hook.path.endswith("duty") else "chat", []).append(hook.body["type"])
    assert sorted(heard["chat"]) == ["alert.opened", "alert.opened", "alert.resolved", "case.resolved"]
    assert heard["duty"] == ["case.resolved"] * 2, "who was not told of the recovery is told of this"


def test_what_asks_nobody_to_do_anything_waits_for_the_morning(database: Database, hooks: HookServer) -> None:
    bench = Bench(database, hooked(hooks.url, quiet_hours={"from": "11:00", "to": "14:00"}))
    bench.take(case(1, severity="critical"), resolved(2, severity="critical"), case(3))
    bench.send()
    assert told(hooks) == ["Overdue: the case on product Kettle 1 (critical)"]
    bench.clock.forward(hours=2)
    bench.send()
    assert told(hooks)[1:] == ["2 changes of cases: 1 critical, 1 high"]


def test_a_change_of_long_ago_is_written_down_and_not_sent(database: Database, hooks: HookServer) -> None:
    bench = Bench(database, hooked(hooks.url))
    bench.take(case(1, updated_at=NOON - timedelta(hours=25)), case(2, updated_at=NOON - timedelta(hours=23)))
    bench.send()
    assert len(hooks.hooks) == 1 and bench.states() == {"suppressed": 1, "sent": 1}


def test_old_deliveries_are_cleaned_away_and_what_waits_is_not(database: Database, hooks: HookServer) -> None:
    hooks.answers = [(410, {})]
    bench = Bench(database, hooked(hooks.url, digest="hourly"), keep_days=30)
    bench.take(*(alert(n) for n in range(1, 6)), alert(6, raised_at=NOON - timedelta(days=3)))
    bench.clock.forward(hours=1)
    bench.send()
    bench.take(alert(7))
    assert bench.states() == {"digested": 5, "failed": 1, "suppressed": 1, "pending": 1}
    cleaner = Cleaner(bench.engine, bench.settings, bench.clock)
    bench.clock.now = NOON + timedelta(days=30, minutes=1)
    assert cleaner.step() == 6, "the digest itself was made an hour later"
    bench.clock.forward(minutes=59)
    assert cleaner.step() == 0, "it looks once an hour"
    bench.clock.forward(minutes=1, seconds=1)
    assert cleaner.step() == 1 and bench.states() == {"pending": 1}
    bench.take(alert(1))
    assert bench.states() == {"pending": 1, "suppressed": 1}, "what is forgotten is too old to be told again"


def test_what_could_still_be_told_is_never_forgotten(database: Database, hooks: HookServer) -> None:
    bench = Bench(database, hooked(hooks.url), keep_days=0.001)
    bench.take(alert(1))
    bench.send()
    bench.clock.forward(hours=23)
    assert Cleaner(bench.engine, bench.settings, bench.clock).step() == 0
    bench.take(alert(1))
    assert bench.send() == 0 and bench.states() == {"sent": 1}


def test_many_old_deliveries_go_in_pieces(database: Database) -> None:
    rows = [
        {"delivery_id": f"n-{n}", "route": "a", "target": "b", "severity": "low", "alerts": [], "state": "sent",
         "created_at": NOON - timedelta(days=100), "next_attempt_at": NOON, "sent_at": NOON - timedelta(days=100)}
        for n in range(2_500)
    ]  # fmt: skip
    with transaction(database.engine) as connection:
        connection.execute(sa.insert(table), rows)
    assert Cleaner(database.engine, NotifySettings(), lambda: NOON).step() == 2_500
