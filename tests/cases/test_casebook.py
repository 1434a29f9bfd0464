"""Cases in a real PostgreSQL: opened once with their alert, changed one at a time, escalated once, judged."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.cases.test_life import HOUR, NOW, alert
from vocengine.cases import Step, replay
from vocengine.contracts import Alert, Case, Rejected, decode_case
from vocengine.errors import CaseError, CaseUnknown, InputError
from vocengine.settings import Settings, load_settings
from vocengine.store import cases, detector_states, initiatives, outbox
from vocengine.store.cases import Casebook
from vocengine.store.reads import alert_detail, alert_page, case_detail, case_page, initiative_detail, reading
from vocengine.store.tables import cases as table
from vocengine.store.tables import metadata, rollups
from vocengine.stream.escalate import EscalateSession

pytestmark = pytest.mark.integration

BOOK = Casebook.of(Settings())


def raise_alerts(engine: sa.Engine, *raised: Alert, at: Any = NOW) -> list[Case]:
    """As the role detect does: the alerts and their cases in one transaction."""
    with engine.begin() as connection:
        detector_states.add_alerts(connection, raised)
        return BOOK.take_up(connection, raised, now=at)


def do(
    engine: sa.Engine, case_id: str, action: Any, *, by: str = "ana", version: int | None = None, **values: Any
) -> Case:
    at = values.pop("at", NOW)
    with engine.begin() as connection:
        return BOOK.change(connection, case_id, Step(action, by, at, **values), version=version)


def published(engine: sa.Engine) -> list[Case]:
    with engine.begin() as connection:
        sent = outbox.after(connection, 0)
    assert {message.topic for message in sent} <= {"voc.cases"}
    found = [decode_case(message.value) for message in sent]
    assert [message.key for message in sent] == [c.case_id.encode() for c in found if not isinstance(c, Rejected)]
    return [case for case in found if isinstance(case, Case)]


def status(engine: sa.Engine, alert_id: str) -> str:
    with reading(engine) as connection:
        found = alert_detail(connection, alert_id)
    assert found is not None
    return found.alert.status


def test_the_migration_makes_the_tables_that_the_code_knows(database: Any) -> None:
    found = sa.inspect(database.engine)
    for name in ("cases", "case_history", "initiatives"):
        wanted = metadata.tables[name]
        assert [c["name"] for c in found.get_columns(name)] == [c.name for c in wanted.columns]
        assert {i["name"] for i in found.get_indexes(name)} == {i.name for i in wanted.indexes}


def test_each_alert_opens_exactly_one_case_and_a_replay_none(database: Any) -> None:
    [opened] = raise_alerts(database.engine, alert(1))
    assert (opened.case_id, opened.state, opened.due_at) == ("c-1", "open", NOW + 24 * HOUR)
    assert raise_alerts(database.engine, alert(1)) == []
    both = raise_alerts(database.engine, alert(2), alert(3, key="topic:2"), alert(4, key="topic:2"))
    assert [(c.case_id, c.action, c.alerts) for c in both] == [
        ("c-1", "amend", ("a-1", "a-2")),
        ("c-3", "open", ("a-3",)),
        ("c-3", "amend", ("a-3", "a-4")),
    ]
    assert [(c.case_id, c.version) for c in published(database.engine)] == [
        ("c-1", 1),
        ("c-1", 2),
        ("c-3", 1),
        ("c-3", 2),
    ]


def test_a_transaction_that_fails_leaves_neither_case_nor_message(database: Any) -> None:
    with pytest.raises(RuntimeError), database.engine.begin() as connection:
        BOOK.take_up(connection, [alert(1)], now=NOW)
        raise RuntimeError
    assert published(database.engine) == []
    with reading(database.engine) as connection:
        assert case_page(connection).items == ()


def test_a_case_lives_from_fall_to_close_with_its_history_and_its_alert_follows(database: Any) -> None:
    engine = database.engine
    raise_alerts(engine, alert(1))
    steps: list[tuple[Any, dict[str, Any], str]] = [
        ("take", {"owner": "ben", "note": "his shop"}, "acknowledged"),
        ("start", {}, "acknowledged"),
        ("note", {"note": "the courier is on strike"}, "acknowledged"),
        ("resolve", {}, "resolved"),
        ("judge", {"verdict": "yes"}, "resolved"),
        ("close", {}, "resolved"),
    ]
    for number, (action, values, alert_status) in enumerate(steps):
        do(engine, "c-1", action, version=number + 1, **values)
        assert status(engine, "a-1") == alert_status
    [again] = raise_alerts(engine, alert(2), at=NOW + timedelta(days=3))
    assert (again.state, again.owner, again.reopened, again.version) == ("open", "ben", 1, 8)
    assert status(engine, "a-1") == status(engine, "a-2") == "open"

    with reading(engine) as connection:
        detail = case_detail(connection, "c-1")
        told = cases.history(connection, "c-1")
        shown = alert_detail(connection, "a-2")
    assert [entry.action for entry in detail.history] == ["open", *(action for action, _, _ in steps), "reopen"]
    assert (detail.history[1].by, detail.history[1].owner, detail.history[1].note) == ("ana", "ben", "his shop")
    assert replay("c-1", [done.step for done in told]) == detail.case == again == published(engine)[-1]
    assert shown is not None and shown.case == detail
    with reading(engine) as connection:
        assert [a.alert_id for a in alert_page(connection, status="open").items] == ["a-2", "a-1"]


def test_a_stale_version_is_refused_in_one_sentence(database: Any) -> None:
    raise_alerts(database.engine, alert(1))
    do(database.engine, "c-1", "take", version=1)
    with pytest.raises(CaseError) as refused:
        do(database.engine, "c-1", "take", by="ben", version=1)
    assert str(refused.value) == ("case c-1 is at version 2, not 1: ana changed it meanwhile (take); look at it again")
    assert len(published(database.engine)) == 2


def test_of_two_at_once_with_the_same_version_one_wins(database: Any) -> None:
    raise_alerts(database.engine, alert(1))
    gate, outcomes = threading.Barrier(8), []

    def attempt(name: str) -> None:
        gate.wait()
        try:
            outcomes.append(do(database.engine, "c-1", "take", by=name, version=1).owner)
        except CaseError:
            outcomes.append(None)

    threads = [threading.Thread(target=attempt, args=(f"p{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8 and outcomes.count(None) == 7
    assert [c.version for c in published(database.engine)] == [1, 2]


def test_no_two_cases_are_at_work_on_a_key(database: Any) -> None:
    engine = database.engine
    raise_alerts(engine, alert(1))
    do(engine, "c-1", "judge", verdict="no")
    do(engine, "c-1", "close")
    [other] = raise_alerts(engine, alert(2))
    assert other.case_id == "c-2"
    with pytest.raises(CaseError, match="c-1 cannot be reopened: case c-2 is at work on topic:1"):
        do(engine, "c-1", "reopen")
    do(engine, "c-2", "judge", verdict="duplicate", duplicate_of="c-1")
    do(engine, "c-2", "close")
    assert do(engine, "c-1", "reopen", at=NOW + HOUR).due_at == NOW + 25 * HOUR


@pytest.mark.parametrize(
    "case_id, step, error, says",
    [
        ("c-9", {"action": "take"}, CaseUnknown, "there is no case 'c-9'"),
        ("c-1", {"action": "start"}, CaseError, "c-1 is open: take it before you start it"),
        ("c-1", {"action": "note", "note": " "}, InputError, "note is empty"),
        ("c-1", {"action": "judge", "verdict": "duplicate", "duplicate_of": "c-9"}, CaseUnknown, "no case 'c-9'"),
        ("c-1", {"action": "link", "initiative_id": 9}, CaseUnknown, "there is no initiative 9"),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    database: Any, case_id: str, step: dict[str, Any], error: type[Exception], says: str
) -> None:
    raise_alerts(database.engine, alert(1))
    with pytest.raises(error, match=says):
        do(database.engine, case_id, **step)
    assert len(published(database.engine)) == 1


def test_each_escalation_is_made_once_however_many_look(database: Any) -> None:
    engine = database.engine
    raise_alerts(engine, *(alert(n, key=f"topic:{n}") for n in range(1, 7)))
    do(engine, "c-6", "take")
    do(engine, "c-6", "resolve")
    members = [EscalateSession(load_settings(environ={}), engine, threading.Event()) for _ in range(4)]
    made: list[int] = []

    def look(hours: float) -> int:
        made.clear()
        threads = [
            threading.Thread(target=lambda m=member: made.append(m.look(NOW + hours * HOUR)))  # type: ignore[misc]
            for member in members
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == len(members)
        return sum(made)

    assert [look(hours) for hours in (17.9, 18, 18.1, 24, 25)] == [0, 5, 0, 5, 0]
    told = [(c.case_id, c.action, c.by) for c in published(engine) if c.action in ("warn", "escalate")]
    assert sorted(told) == sorted((f"c-{n}", a, "vocengine") for n in range(1, 6) for a in ("warn", "escalate"))


def test_the_answers_of_people_give_the_precision(database: Any) -> None:
    engine = database.engine
    raise_alerts(engine, *(alert(n, key=f"topic:{n}") for n in range(1, 14)))
    with reading(engine) as connection:
        nothing = case_page(connection).precision
    assert (nothing.share, nothing.low, nothing.judged) == (None, None, 0)
    for n in range(1, 13):
        do(engine, f"c-{n}", "judge", verdict="yes" if n <= 8 else "no" if n <= 10 else "duplicate")
    with reading(engine) as connection:
        page = case_page(connection, size=3)
    found = page.precision
    assert (found.real, found.judged, found.duplicates, found.share) == (8, 10, 2, 0.8)
    # Wilson's interval of 8 in 10, as in A. Agresti and B. A. Coull (The American Statistician 52, 1998).
    assert (found.low, found.high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert len(page.items) == 3 and page.next_before is not None


def test_the_answers_weigh_the_keys(database: Any) -> None:
    engine, keys = database.engine, ["topic:good", "topic:bad", "topic:twice", "topic:none"]
    with engine.begin() as connection:
        assert cases.importance_of(connection, keys) == dict.fromkeys(keys, 1.0)
    answers = [("topic:good", "yes")] * 6 + [("topic:bad", "no")] * 6 + [("topic:twice", "duplicate")]
    for number, (key, verdict) in enumerate(answers, 1):
        [opened] = raise_alerts(engine, alert(number, key=key), at=NOW + number * HOUR)
        do(engine, opened.case_id, "judge", verdict=verdict)
        do(engine, opened.case_id, "take")
        do(engine, opened.case_id, "resolve")
        with engine.begin() as connection:
            # Long ago, so that the next alert opens a case of its own.
            connection.execute(sa.update(table).values(ended_at=NOW - timedelta(days=90)))
    with engine.begin() as connection:
        found = cases.importance_of(connection, keys)
    # Half of all were real: (6 + 4 / 2) of 10 against a half, and (0 + 4 / 2) of 10.
    assert found == {"topic:good": 1.6, "topic:bad": 0.4, "topic:twice": 1.0, "topic:none": 1.0}


def test_an_initiative_tells_whether_the_fix_helped(database: Any) -> None:
    engine = database.engine
    raise_alerts(engine, alert(1))
    hours = [{"at": NOW + n * HOUR, "mean": -0.6 if n < 0 else 0.4} for n in range(-48, 48)]
    with engine.begin() as connection:
        connection.execute(
            sa.insert(rollups),
            [
                {"key": "topic:1", "kind": "topic", "hour": h["at"], "n": 4, "negative_n": 2, "positive_n": 1,
                 "score_sum": 4 * h["mean"], "score_square_sum": 4 * h["mean"] ** 2 + 0.4}
                for h in hours
            ],
        )  # fmt: skip
        number = initiatives.start(connection, "The courier", key="topic:1", by="ana", at=NOW - 9 * HOUR)
    do(engine, "c-1", "link", initiative_id=number)
    with reading(engine) as connection:
        before = initiative_detail(connection, number)
    assert before.initiative.effect is None and [c.case_id for c in before.cases] == ["c-1"]
    with engine.begin() as connection:
        initiatives.fixed(connection, number, by="ben", at=NOW + timedelta(minutes=5))
    with reading(engine) as connection:
        effect = initiative_detail(connection, number).initiative.effect
        short = initiative_detail(connection, number, days=1).initiative.effect
    assert effect is not None and effect.certain and effect.low > 0.9
    # The hour of the fix is on neither side.
    assert (effect.before_n, effect.after_n, short and short.before_n, short and short.after_n) == (192, 188, 96, 96)
    assert (round(effect.before_mean, 6), round(effect.after_mean, 6)) == (-0.6, 0.4)
    with (
        pytest.raises(CaseError, match="was fixed on 2026-10-01 09:05 UTC already, by ben"),
        engine.begin() as connection,
    ):
        initiatives.fixed(connection, number, by="ana", at=NOW)
    with pytest.raises(InputError, match="nothing was ever said under it"), engine.begin() as connection:
        initiatives.start(connection, "x", key="topic:77", by="ana", at=NOW)


def test_rows_hold_the_case_as_it_was_published(database: Any) -> None:
    raise_alerts(database.engine, alert(1))
    do(database.engine, "c-1", "take")
    with database.engine.begin() as connection:
        row = connection.execute(sa.select(table)).one()
        [_, last] = published(database.engine)
        assert cases.of_row(row) == last == replace(last, schema_version=1)
