"""Cases: opened by alerts, moved by people and by time, each change with its history and its record for Kafka.

A change is one transaction, the caller's. Changes on one key wait for each other, so that no two cases are at work on
it and no step is made twice, whoever makes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from pydantic import TypeAdapter

from vocengine import cases as life
from vocengine.alerts.policy_source import PolicySource
from vocengine.cases import LIVE, Policy, Step
from vocengine.contracts import Alert, Case, CaseState, encode
from vocengine.contracts.alert import Severity
from vocengine.contracts.case import MACHINE
from vocengine.errors import CaseError, CaseUnknown
from vocengine.settings import Settings
from vocengine.store import outbox
from vocengine.store.tables import alerts as alerts_table
from vocengine.store.tables import case_history, initiatives
from vocengine.store.tables import cases as table

# With the hash of a key: who changes a case of that key holds it until the end of the transaction.
_KEY_LOCK = 7_018
_ALERT_STATUS: dict[CaseState, str] = {
    "open": "open",
    "acknowledged": "acknowledged",
    "in_progress": "acknowledged",
    "resolved": "resolved",
    "closed": "resolved",
}
_STEP = TypeAdapter(Step)
_COLUMNS = tuple(column.name for column in fields(Case) if column.name != "schema_version")


@dataclass(frozen=True, slots=True)
class Done:
    """A line of a case's history: the step, and the version that it made."""

    version: int
    step: Step


@dataclass(frozen=True, slots=True)
class Casebook:
    """Writes cases by a policy, and puts each change into the outbox for `topic`.

    Where an alert policy in force speaks of a case's key, its owner and its deadlines take the place of those of
    `policy`.
    """

    topic: str
    policy: Policy
    alert_policies: PolicySource = field(default_factory=lambda: PolicySource(None))

    @classmethod
    def of(cls, settings: Settings, alert_policies: PolicySource | None = None) -> Casebook:
        """As the settings say, and the alert policies of that source, otherwise those that the settings name.

        Raises PolicyError where these are wrong.
        """
        chosen = settings.cases
        hours: dict[Severity, float] = chosen.deadline_h.model_dump()  # type: ignore[assignment]
        deadlines = {severity: timedelta(hours=h) for severity, h in hours.items()}
        policy = Policy(deadlines, chosen.warn_at_share, timedelta(days=chosen.reopen_within_days))
        return cls(settings.kafka.topic("cases"), policy, alert_policies or PolicySource(settings.alerts.policies))

    def take_up(
        self,
        connection: sa.Connection,
        raised: Sequence[Alert],
        *,
        now: datetime,
        beside: Mapping[str, Sequence[str]] | None = None,
    ) -> list[Case]:
        """Open, amend or reopen a case for each new alert; returns the cases as they are then.

        `beside` names the alerts of the same incident, by alert: where no case is at work on an alert's own key, the
        one at work on another of these is amended. Alerts that a case already has, as after a restored backup,
        change nothing.
        """
        # In one order everywhere, so that two members never wait for each other.
        for key in sorted({alert.key for alert in raised}):
            _lock(connection, key)
        changed = []
        for alert in raised:
            if connection.scalar(sa.select(table.c.case_id).where(table.c.alerts.contains([alert.alert_id]))):
                continue
            latest = _latest(connection, alert.key)
            if latest is None or latest.state not in LIVE:
                latest = _at_work_on(connection, (beside or {}).get(alert.alert_id, ())) or latest
            step = life.step_for(alert, latest, self._policy(alert.key, alert.kind), now=now)
            if latest is not None and latest.key != alert.key:
                step = replace(step, note=f"part of the same incident: {alert.label}")
            if step.action == "open" or latest is None:
                case = life.opened(life.case_id_of(alert.alert_id), step)
            else:
                case = life.change(latest, step)
            self._write(connection, case, step)
            changed.append(case)
        return changed

    def note(self, connection: sa.Connection, alert_id: str, text: str, *, now: datetime) -> Case | None:
        """Note what became of an alert in the case that has it; None where no case has."""
        case_id = connection.scalar(sa.select(table.c.case_id).where(table.c.alerts.contains([alert_id])))
        if case_id is None:
            return None
        return self.change(connection, case_id, Step("note", MACHINE, now, note=text))

    def change(self, connection: sa.Connection, case_id: str, step: Step, *, version: int | None = None) -> Case:
        """Do a step to a case; returns it as it is then. With `version` only where that is still its version.

        Raises CaseUnknown, CaseError where its state, another's change or another case forbids it, and InputError.
        """
        case = _locked(connection, case_id)
        if version is not None and version != case.version:
            raise CaseError(
                f"case {case_id} is at version {case.version}, not {version}: {case.by} changed it meanwhile "
                f"({case.action}); look at it again"
            )
        if step.action == "reopen":
            _check_alone(connection, case)
            warn_at, due_at = self._policy(case.key, case.kind).times(case.severity, step.at)
            step = replace(step, warn_at=warn_at, due_at=due_at)
        if step.duplicate_of is not None and step.duplicate_of != case_id:
            load(connection, step.duplicate_of)
        if step.initiative_id is not None and not connection.scalar(
            sa.select(initiatives.c.initiative_id).where(initiatives.c.initiative_id == step.initiative_id)
        ):
            raise CaseUnknown(f"there is no initiative {step.initiative_id}")
        after = life.change(case, step)
        self._write(connection, after, step)
        return after

    def escalate(self, connection: sa.Connection, case_id: str, *, now: datetime) -> Case | None:
        """Make the escalation of a case that is due, if one still is: each is made once, whoever asks how often."""
        case = _locked(connection, case_id)
        step = life.escalation(case, now)
        if step is None:
            return None
        after = life.change(case, step)
        self._write(connection, after, step)
        return after

    def recover(self, connection: sa.Connection, alert_id: str, *, note: str, now: datetime) -> Case | None:
        """Resolve the case of an alert whose cause went away by itself, if it is at work; returns it as it is then."""
        case_id = connection.scalar(sa.select(table.c.case_id).where(table.c.alerts.contains([alert_id])))
        case = None if case_id is None else _locked(connection, case_id)
        if case is None or case.state not in LIVE:
            return None
        step = Step("recover", MACHINE, now, note=note)
        after = life.change(case, step)
        self._write(connection, after, step)
        return after

    def _policy(self, key: str, kind: str) -> Policy:
        found = self.alert_policies.current.of(key, kind)
        if found is None:
            return self.policy
        deadlines = {**self.policy.deadlines, **found.deadlines}
        return replace(self.policy, deadlines=deadlines, owner=found.owner, why=f"by the policy {found.name}")

    def _write(self, connection: sa.Connection, case: Case, step: Step) -> None:
        values = {name: getattr(case, name) for name in _COLUMNS} | {"alerts": list(case.alerts)}
        if case.version == 1:
            connection.execute(sa.insert(table).values(**values))
        else:
            connection.execute(sa.update(table).where(table.c.case_id == case.case_id).values(**values))
        connection.execute(
            sa.insert(case_history).values(
                case_id=case.case_id,
                version=case.version,
                action=step.action,
                made_by=step.by,
                made_at=step.at,
                note=step.note,
                body=_body(step),
            )
        )
        connection.execute(
            sa.update(alerts_table)
            .where(
                alerts_table.c.alert_id.in_(case.alerts),
                alerts_table.c.status != _ALERT_STATUS[case.state],
                # Sentiment that is back is back, whatever people still have to do about the case.
                alerts_table.c.body["status"].astext != "resolved",
            )
            .values(status=_ALERT_STATUS[case.state])
        )
        outbox.put(connection, [(self.topic, case.case_id.encode(), encode(case))])


def load(connection: sa.Connection, case_id: str) -> Case:
    """A case. Raises CaseUnknown."""
    row = connection.execute(sa.select(table).where(table.c.case_id == case_id)).first()
    if row is None:
        raise CaseUnknown(f"there is no case {case_id[:80]!r}; `vocengine cases list` shows those there are")
    return of_row(row)


def history(connection: sa.Connection, case_id: str) -> list[Done]:
    """What was done to a case, oldest first. Raises CaseUnknown."""
    rows = connection.execute(
        sa.select(case_history.c.version, case_history.c.body)
        .where(case_history.c.case_id == case_id)
        .order_by(case_history.c.version)
    ).all()
    if not rows:
        load(connection, case_id)
    return [Done(row.version, _STEP.validate_python(row.body)) for row in rows]


def due(connection: sa.Connection, *, now: datetime, most: int = 100) -> list[str]:
    """Ids of the cases that an escalation may be due for, the longest waiting first."""
    waiting = sa.or_(
        sa.and_(table.c.escalated.is_(None), table.c.warn_at <= now),
        sa.and_(table.c.escalated.is_distinct_from("overdue"), table.c.due_at <= now),
    )
    query = sa.select(table.c.case_id).where(table.c.state.in_(LIVE), waiting).order_by(table.c.warn_at).limit(most)
    return list(connection.scalars(query))


def importance_of(connection: sa.Connection, keys: Sequence[str]) -> dict[str, float]:
    """The weight of each of `keys` in the sharing of the budget of false alarms, from the answers of people (`judge`).

    1.0 for a key of which no case was judged; `vocengine.cases.importance` tells how and why. Duplicates repeat the
    answer of another case and count in neither.
    """
    counted = (
        sa.select(table.c.key, table.c.verdict, sa.func.count().label("n"))
        .where(table.c.verdict.in_(("yes", "no")))
        .group_by(table.c.key, table.c.verdict)
        .subquery()
    )
    in_all = sa.select(counted.c.verdict, sa.func.sum(counted.c.n)).group_by(counted.c.verdict)
    whole = {verdict: int(n) for verdict, n in connection.execute(in_all)}
    if not whole:
        return dict.fromkeys(keys, 1.0)
    own: dict[str, dict[str, int]] = {key: {} for key in keys}
    for key, verdict, n in connection.execute(sa.select(counted).where(counted.c.key.in_(own))):
        own[key][verdict] = n
    real, judged = whole.get("yes", 0), sum(whole.values())
    return {
        key: life.importance(found.get("yes", 0), sum(found.values()), all_real=real, all_judged=judged)
        for key, found in own.items()
    }


def of_row(row: sa.Row[Any]) -> Case:
    """The case in a row of its table, times in UTC."""
    values = {name: _plain(getattr(row, name)) for name in _COLUMNS}
    return Case(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return tuple(value) if isinstance(value, list) else value


def _body(step: Step) -> dict[str, Any]:
    told = orjson.loads(orjson.dumps(step, option=orjson.OPT_UTC_Z))
    return {name: value for name, value in told.items() if value is not None}


def _lock(connection: sa.Connection, key: str) -> None:
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_KEY_LOCK, sa.func.hashtext(key))))


def _locked(connection: sa.Connection, case_id: str) -> Case:
    _lock(connection, load(connection, case_id).key)
    # Read again: it may have changed while the lock was waited for.
    return load(connection, case_id)


def _latest(connection: sa.Connection, key: str) -> Case | None:
    """The case at work on a key, else the one that ended last."""
    at_work = sa.case((table.c.state.in_(LIVE), 0), else_=1)
    query = sa.select(table).where(table.c.key == key).order_by(at_work, table.c.ended_at.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else of_row(row)


def _at_work_on(connection: sa.Connection, alert_ids: Sequence[str]) -> Case | None:
    """The earliest case at work on any of the alerts, with its key locked."""
    query = sa.select(table.c.case_id).where(table.c.alerts.overlap(list(alert_ids)), table.c.state.in_(LIVE))
    case_id = connection.scalar(query.order_by(table.c.opened_at, table.c.case_id).limit(1)) if alert_ids else None
    if case_id is None:
        return None
    case = _locked(connection, case_id)
    return case if case.state in LIVE else None


def _check_alone(connection: sa.Connection, case: Case) -> None:
    other = _latest(connection, case.key)
    if other is not None and other.case_id != case.case_id and other.state in LIVE:
        raise CaseError(f"case {case.case_id} cannot be reopened: case {other.case_id} is at work on {case.key}")
