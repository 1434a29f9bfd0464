"""The life of a case: what each state allows, what history makes of it, and when it is escalated."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocengine.cases import LIVE, Policy, Step, Subject, change, escalation, opened, replay, step_for
from vocengine.contracts import Alert, Case, CaseAction, CaseState, Evidence
from vocengine.errors import CaseError, InputError

NOW = datetime(2026, 10, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
POLICY = Policy({"critical": 4 * HOUR, "high": 12 * HOUR, "medium": 24 * HOUR, "low": 72 * HOUR})
STATES: tuple[CaseState, ...] = get_args(CaseState)
PEOPLE: tuple[CaseAction, ...] = ("take", "start", "resolve", "close", "reopen")

# What the pages promise, written out by hand: state → action → state; all else is refused.
PROMISED: dict[CaseState, dict[CaseAction, CaseState]] = {
    "open": {"take": "acknowledged"},
    "acknowledged": {"take": "acknowledged", "start": "in_progress", "resolve": "resolved"},
    "in_progress": {"take": "in_progress", "resolve": "resolved"},
    "resolved": {"close": "closed", "reopen": "open"},
    "closed": {"reopen": "open"},
}


def alert(number: int = 1, *, severity: Any = "medium", key: str = "topic:1") -> Alert:
    return Alert(
        alert_id=f"a-{number}", kind="topic_sentiment_fall", key=key, label="Delivery", window_start=NOW - HOUR,
        window_end=NOW, baseline_mean=0.3, baseline_n=100, baseline_from=NOW - 50 * HOUR, observed_mean=0.6,
        observed_n=20, change=0.3, change_low=0.1, change_high=0.5, evidence=Evidence("m", 300.0, 200.0, "b"),
        severity=severity, drivers=(), verbatims=(), opened_at=NOW, raised_at=NOW,
    )  # fmt: skip


def new_case(**how: Any) -> Case:
    return opened("c-1", step_for(alert(**how), None, POLICY, now=NOW))


def step(action: CaseAction, at: datetime = NOW, **values: Any) -> Step:
    if action == "reopen":
        values |= {"warn_at": at + 18 * HOUR, "due_at": at + 24 * HOUR}
    return Step(action, "ana", at, **values)


@pytest.mark.parametrize("action", PEOPLE)
@pytest.mark.parametrize("state", STATES)
def test_a_state_allows_what_is_promised_and_nothing_else(state: CaseState, action: CaseAction) -> None:
    case = replace(new_case(), state=state)
    if action in PROMISED[state]:
        after = change(case, step(action))
        assert (after.state, after.version, after.by, after.action) == (PROMISED[state][action], 2, "ana", action)
    else:
        with pytest.raises(CaseError, match=f"case c-1 is {state.replace('_', ' ')}: ") as refused:
            change(case, step(action))
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("action", ["note", "judge", "link"])
def test_notes_answers_and_initiatives_go_in_any_state_and_leave_it(state: CaseState, action: CaseAction) -> None:
    case = replace(new_case(), state=state)
    after = change(case, step(action, note="seen", verdict="yes", initiative_id=3))
    assert after.state == state and after.version == 2
    assert (after.verdict, after.initiative_id) == (("yes", None), (None, 3), (None, None))[
        ("judge", "link", "note").index(action)
    ]


@pytest.mark.parametrize("verdict, closes", [("no", True), ("duplicate", True), ("yes", False), (None, False)])
def test_what_was_no_problem_closes_without_a_resolution(verdict: Any, closes: bool) -> None:
    case = replace(new_case(), verdict=verdict)
    if closes:
        assert change(case, step("close")).state == "closed"
    else:
        with pytest.raises(CaseError, match="resolve it or judge it no or duplicate"):
            change(case, step("close"))


@pytest.mark.parametrize(
    "given_step, says",
    [
        (step("note", note="  "), "note is empty"),
        (step("judge"), "verdict is missing"),
        (step("judge", verdict="yes", duplicate_of="c-2"), "only a duplicate has one"),
        (step("judge", verdict="duplicate", duplicate_of="c-1"), "should be another case"),
    ],
)
def test_a_step_that_lacks_something_says_what(given_step: Step, says: str) -> None:
    with pytest.raises(InputError, match=says):
        change(new_case(), given_step)


def test_taking_sets_the_owner_and_again_hands_it_on() -> None:
    taken = change(new_case(), step("take"))
    assert taken.owner == "ana"
    assert change(taken, step("take", owner="ben")).owner == "ben"


def test_an_alert_opens_amends_reopens_or_opens_anew() -> None:
    case = new_case()
    assert (case.alerts, case.due_at, case.warn_at) == (("a-1",), NOW + 24 * HOUR, NOW + 18 * HOUR)

    later = NOW + 2 * HOUR
    graver = change(case, step_for(alert(2, severity="critical"), case, POLICY, now=later))
    assert (graver.alerts, graver.severity, graver.due_at) == (("a-1", "a-2"), "critical", later + 4 * HOUR)
    milder = change(graver, step_for(alert(3, severity="low"), graver, POLICY, now=later))
    assert (milder.severity, milder.due_at, milder.state) == ("critical", graver.due_at, "open")

    ended = replace(change(replace(case, state="in_progress"), step("resolve", later)), escalated="overdue")
    again = change(ended, step_for(alert(4, severity="low"), ended, POLICY, now=later + timedelta(days=14)))
    assert (again.state, again.reopened, again.escalated, again.ended_at) == ("open", 1, None, None)
    assert (again.severity, again.due_at) == ("low", later + timedelta(days=17))
    assert step_for(alert(5), ended, POLICY, now=later + timedelta(days=14, seconds=1)).action == "open"
    for verdict in ("no", "duplicate"):
        assert step_for(alert(5), replace(ended, verdict=verdict), POLICY, now=later).action == "open"


@pytest.mark.parametrize("severity, hours", [("critical", 4), ("high", 12), ("medium", 24), ("low", 72)])
def test_the_deadline_goes_by_severity(severity: Any, hours: int) -> None:
    assert new_case(severity=severity).due_at == NOW + hours * HOUR


@pytest.mark.parametrize(
    "escalated, hours, action",
    [
        (None, 17.99, None),
        (None, 18, "warn"),
        ("due_soon", 18, None),
        ("due_soon", 23.99, None),
        ("due_soon", 24, "escalate"),
        (None, 24, "escalate"),
        ("overdue", 240, None),
    ],
)
def test_a_case_is_escalated_at_three_quarters_and_at_the_deadline(
    escalated: Any, hours: float, action: CaseAction | None
) -> None:
    case = replace(new_case(), escalated=escalated)
    due = escalation(case, NOW + hours * HOUR)
    assert (due.action if due else None) == action
    for state in ("resolved", "closed"):
        assert escalation(replace(case, state=state), NOW + hours * HOUR) is None  # type: ignore[arg-type]


any_step = st.builds(
    lambda action, minutes, verdict, number: (action, minutes, verdict, number),
    st.sampled_from(["alert", "tick", "take", "start", "note", "resolve", "close", "reopen", "judge", "link"]),
    st.integers(0, 3_000),
    st.sampled_from(["yes", "no", "duplicate"]),
    st.integers(2, 9),
)


@given(st.lists(any_step, max_size=40))
def test_whatever_is_tried_the_state_is_allowed_and_the_history_replays_to_it(tried: list[Any]) -> None:
    first = step_for(alert(), None, POLICY, now=NOW)
    case, history, now = opened("c-1", first), [first], NOW
    for action, minutes, verdict, number in tried:
        now += timedelta(minutes=minutes)
        made: Step | None
        if action == "alert":
            made = step_for(alert(number, severity="high"), case, POLICY, now=now)
            if made.action == "open":
                continue  # a case of its own
        elif action == "tick":
            made = escalation(case, now)
            if made is None:
                continue
        else:
            made = step(action, now, note="x", verdict=verdict if action == "judge" else None, initiative_id=number)
        before = case
        try:
            case = change(case, made)
        except CaseError:
            assert case == before
            continue
        history.append(made)
        moved = PROMISED[before.state].get(made.action)
        if made.action in PEOPLE and moved is not None:
            assert case.state == moved
        elif made.action == "close":
            assert before.state in LIVE and before.verdict in ("no", "duplicate")
        else:
            assert made.action not in PEOPLE and case.state == before.state
        assert case.version == len(history) and (case.ended_at is None) == (case.state in LIVE)
        assert case.warn_at < case.due_at and len(set(case.alerts)) == len(case.alerts)
    assert replay("c-1", history) == case


def test_a_history_begins_with_an_opening_on_an_alert() -> None:
    with pytest.raises(InputError, match="begins with take"):
        replay("c-1", [step("take")])
    with pytest.raises(InputError, match="has no history"):
        replay("c-1", [])
    with pytest.raises(InputError, match="with a deadline"):
        replay("c-1", [step("open", subject=Subject("a-1", "topic:1", "topic_sentiment_fall", "x"), severity="low")])
