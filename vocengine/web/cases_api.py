"""Cases by API: reading always, steps only where `web.edits` allows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from vocengine.cases import Step
from vocengine.contracts import Verdict
from vocengine.contracts.alert import Severity
from vocengine.errors import InputError
from vocengine.store.cases import Casebook
from vocengine.store.reads import (
    CaseDetail,
    CaseFilter,
    CaseOrder,
    CasePage,
    Connection,
    Engine,
    case_detail,
    case_page,
    decode_cursor,
    reading,
    writing,
)
from vocengine.web.api import API_PREFIX, REFUSALS, Before, ErrorReply
from vocengine.web.edits import TEXT, Actor, Body, User, guard, who

ApiAction = Literal["take", "start", "note", "resolve", "close", "reopen", "judge"]
Note = Annotated[str, Field(max_length=4_000, pattern=TEXT)]
CaseId = Annotated[str, Path(max_length=200, pattern=TEXT)]
# What each action takes besides `by`, `note` and `version`.
_TAKES = {"take": {"owner"}, "judge": {"verdict", "duplicate_of"}}


class CaseStep(Body):
    """What a step takes; what its action has no use for is refused."""

    note: Note = ""
    version: Annotated[int, Field(ge=1)] | None = None
    owner: Actor | None = None
    verdict: Verdict | None = None
    duplicate_of: Annotated[str, Field(max_length=200, pattern=TEXT)] | None = None


STEP_REFUSALS: dict[int | str, dict[str, Any]] = REFUSALS | {
    403: {"model": ErrorReply, "description": "Edits by API are off (`web.edits`)."},
    409: {
        "model": ErrorReply,
        "description": "The case's state, or another's change, forbids it; the message says why.",
    },
}


@dataclass(frozen=True, slots=True)
class CaseQuery:
    """Which cases are asked for, and in which order."""

    state: CaseFilter | None
    severity: Severity | None
    owner: str | None
    key: str | None
    order: CaseOrder
    before: str | None

    def page(self, connection: Connection) -> CasePage:
        """Those cases. Raises CursorError."""
        return case_page(
            connection,
            state=self.state,
            severity=self.severity,
            owner=self.owner,
            key=self.key,
            order=self.order,
            before=decode_cursor(self.before) if self.before else None,
        )


def case_query(
    state: Annotated[
        CaseFilter | Literal[""] | None,
        Query(description="Only cases in this state; at_work is open, acknowledged or in progress, overdue too late."),
    ] = None,
    severity: Annotated[Severity | Literal[""] | None, Query(description="Only cases of this severity.")] = None,
    owner: Annotated[str | None, Query(description="Only cases of this owner.", max_length=200, pattern=TEXT)] = None,
    key: Annotated[str | None, Query(description="Only cases on this key.", max_length=600, pattern=TEXT)] = None,
    order: Annotated[
        CaseOrder, Query(description="By deadline, ended cases last, or by when they were opened, the latest first.")
    ] = "deadline",
    before: Before = None,
) -> CaseQuery:
    """The parameters of a list of cases as a FastAPI dependency; an empty field of a form asks for nothing."""
    return CaseQuery(state or None, severity or None, owner or None, key or None, order, before)


def step_of(action: ApiAction, asked: CaseStep, by: str) -> Step:
    """The step that a body asks for. Raises InputError for a field that its action has no use for."""
    given = asked.model_fields_set - {"by", "note", "version"} - _TAKES.get(action, set())
    if given:
        raise InputError(f"{sorted(given)[0]} is given, and {action} has no use for it; it should be left out")
    return Step(
        action,
        by,
        datetime.now(UTC),
        note=asked.note,
        owner=asked.owner,
        verdict=asked.verdict,
        duplicate_of=asked.duplicate_of,
    )


def cases_router(engine: Engine, casebook: Casebook, *, allowed: bool) -> APIRouter:
    """Reading of cases, and their steps."""

    check = guard("vocengine cases", allowed=allowed)
    router = APIRouter(prefix=API_PREFIX)

    @router.get(
        "/cases", summary="Cases, the most urgent first, and the precision of alerts", tags=["read"], responses=REFUSALS
    )
    def get_cases(asked: Annotated[CaseQuery, Depends(case_query)]) -> CasePage:
        with reading(engine) as connection:
            return asked.page(connection)

    @router.get("/cases/{case_id}", summary="One case with its history", tags=["read"], responses=REFUSALS)
    def get_case(case_id: CaseId) -> CaseDetail:
        with reading(engine) as connection:
            return case_detail(connection, case_id)

    @router.post(
        "/cases/{case_id}/{action}",
        summary="Do a step: take, start, note, resolve, close, reopen, judge",
        tags=["edit"],
        responses=STEP_REFUSALS,
        dependencies=[Depends(check)],
    )
    def post_step(case_id: CaseId, action: ApiAction, asked: CaseStep, user: User = None) -> CaseDetail:
        step = step_of(action, asked, who(asked, user))
        with writing(engine) as connection:
            casebook.change(connection, case_id, step, version=asked.version)
            return case_detail(connection, case_id)

    return router
