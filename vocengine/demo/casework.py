"""What people do about the planted incidents: their cases, from the alert to the close."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from vocengine.cases import Step
from vocengine.demo.incidents import Outcome
from vocengine.settings import Settings
from vocengine.store import engine as store_engine
from vocengine.store.cases import Casebook
from vocengine.store.reads import CaseDetail, Precision, case_of_alert, precision_of_cases

_BY = "demo"


def work_off(settings: Settings, outcomes: Sequence[Outcome]) -> tuple[dict[str, CaseDetail], Precision]:
    """Take, resolve, judge and close the case of each incident that was reported; those at work already stay.

    Returns the cases by the id of their alert as they are then, and the precision that the answers give.
    """
    engine, book = store_engine.connect(settings), Casebook.of(settings)
    worked: dict[str, CaseDetail] = {}
    with store_engine.transaction(engine) as connection:
        for outcome in outcomes:
            if outcome.alert is None:
                continue
            found = case_of_alert(connection, outcome.alert.alert_id)
            if found is not None and found.case.state == "open":
                case_id, now = found.case.case_id, datetime.now(UTC)
                book.change(connection, case_id, Step("take", _BY, now))
                book.change(connection, case_id, Step("start", _BY, now))
                book.change(connection, case_id, Step("resolve", _BY, now, note=outcome.incident.title))
                book.change(connection, case_id, Step("judge", _BY, now, verdict="yes"))
                book.change(connection, case_id, Step("close", _BY, now))
                found = case_of_alert(connection, outcome.alert.alert_id)
            if found is not None:
                worked[outcome.alert.alert_id] = found
        return worked, precision_of_cases(connection)
