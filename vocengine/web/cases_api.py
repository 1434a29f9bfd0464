"""Cases and initiatives by API: reading always, steps only where `web.edits` allows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from vocengine.cases import Step
from vocengine.contracts import CaseState, Verdict
from vocengine.errors import EditsOff, InputError
from vocengine.store.cases import Casebook
from vocengine.store.reads import (
    CaseDetail,
    CasePage,
    Engine,
    Initiative,
    InitiativeDetail,
    case_detail,
    case_page,
    decode_cursor,
    initiative_detail,
    initiative_list,
    reading,
    writing,
)
from vocengine.web.api import API_PREFIX, REFUSALS, Before, ErrorReply
from vocengine.web.edits import TEXT, Actor, Body, User, who

ApiAction = Literal["take", "start", "note", "resolve", "close", "reopen", "judge"]
Note = Annotated[str, Field(max_length=4_000, pattern=TEXT)]
CaseId = Annotated[str, Path(max_length=200, pattern=TEXT)]
InitiativeId = Annotated[int, Path(ge=1, le=2**31 - 1)]
StateFilter = Annotated[CaseState | None, Query(description="Only cases in this state.")]
OwnerFilter = Annotated[str | None, Query(description="Only cases of this owner.", max_length=200, pattern=TEXT)]
KeyFilter = Annotated[str | None, Query(description="Only cases on this key.", max_length=600, pattern=TEXT)]
# What each action takes besides `by`, `note` and `version`.
_TAKES = {"take": {"owner"}, "judge": {"verdict", "duplicate_of"}}


class CaseStep(Body):
    """What a step takes; what its action has no use for is refused."""

    note: Note = ""
    version: Annotated[int, Field(ge=1)] | None = None
    owner: Actor | None = None
    verdict: Verdict | None = None
    duplicate_of: Annotated[str, Field(max_length=200, pattern=TEXT)] | None = None


class Initiatives(BaseModel):
    """All initiatives, the latest first."""

    items: tuple[Initiative, ...]


_REFUSALS: dict[int | str, dict[str, Any]] = REFUSALS | {
    403: {"model": ErrorReply, "description": "Edits by API are off (`web.edits`)."},
    409: {
        "model": ErrorReply,
        "description": "The case's state, or another's change, forbids it; the message says why.",
    },
}


def cases_router(engine: Engine, casebook: Casebook, *, allowed: bool) -> APIRouter:
    """Reading of cases and initiatives, and the steps of cases."""

    def check() -> None:
        if not allowed:
            raise EditsOff(
                "edits by API are off: set web.edits to true where a proxy asks who is there, or use `vocengine cases`"
            )

    router = APIRouter(prefix=API_PREFIX)

    @router.get("/cases", summary="Cases, latest first, and the precision of alerts", tags=["read"], responses=REFUSALS)
    def get_cases(
        state: StateFilter = None, owner: OwnerFilter = None, key: KeyFilter = None, before: Before = None
    ) -> CasePage:
        cursor = decode_cursor(before) if before else None
        with reading(engine) as connection:
            return case_page(connection, state=state, owner=owner, key=key, before=cursor)

    @router.get("/cases/{case_id}", summary="One case with its history", tags=["read"], responses=REFUSALS)
    def get_case(case_id: CaseId) -> CaseDetail:
        with reading(engine) as connection:
            return case_detail(connection, case_id)

    @router.post(
        "/cases/{case_id}/{action}",
        summary="Do a step: take, start, note, resolve, close, reopen, judge",
        tags=["edit"],
        responses=_REFUSALS,
        dependencies=[Depends(check)],
    )
    def post_step(case_id: CaseId, action: ApiAction, asked: CaseStep, user: User = None) -> CaseDetail:
        by = who(asked, user)
        given = asked.model_fields_set - {"by", "note", "version"} - _TAKES.get(action, set())
        if given:
            raise InputError(f"{sorted(given)[0]} is given, and {action} has no use for it; it should be left out")
        step = Step(
            action,
            by,
            datetime.now(UTC),
            note=asked.note,
            owner=asked.owner,
            verdict=asked.verdict,
            duplicate_of=asked.duplicate_of,
        )
        with writing(engine) as connection:
            casebook.change(connection, case_id, step, version=asked.version)
            return case_detail(connection, case_id)

    @router.get("/initiatives", summary="Root causes that many cases share", tags=["read"], responses=REFUSALS)
    def get_initiatives() -> Initiatives:
        with reading(engine) as connection:
            return Initiatives(items=initiative_list(connection))

    @router.get(
        "/initiatives/{initiative_id}",
        summary="One initiative: its cases, and sentiment before and after the fix",
        tags=["read"],
        responses=REFUSALS,
    )
    def get_initiative(initiative_id: InitiativeId) -> InitiativeDetail:
        with reading(engine) as connection:
            return initiative_detail(connection, initiative_id)

    return router
