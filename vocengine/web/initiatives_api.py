"""Initiatives by API: reading always; opened, given cases and declared fixed only where `web.edits` allows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import AwareDatetime, BaseModel, Field

from vocengine.cases import Step
from vocengine.errors import InputError
from vocengine.store import initiatives
from vocengine.store.cases import Casebook
from vocengine.store.reads import (
    Connection,
    Engine,
    Initiative,
    InitiativeDetail,
    initiative_detail,
    initiative_list,
    reading,
    writing,
)
from vocengine.web.api import API_PREFIX, REFUSALS
from vocengine.web.cases_api import STEP_REFUSALS, Note
from vocengine.web.edits import TEXT, Body, User, guard, who

InitiativeId = Annotated[int, Path(ge=1, le=2**31 - 1)]
CaseName = Annotated[str, Field(min_length=1, max_length=200, pattern=TEXT)]


class InitiativeBody(Body):
    """A root cause, and the key where its effect shows."""

    title: Annotated[str, Field(min_length=1, max_length=200, pattern=TEXT)]
    key: Annotated[str, Field(min_length=1, max_length=600, pattern=TEXT)]
    note: Note = ""


class CasesBody(Body):
    """Cases to be put under an initiative."""

    case_ids: Annotated[list[CaseName], Field(min_length=1, max_length=500)]


class FixedBody(Body):
    """When the root cause was mended; now where that is left out."""

    at: AwareDatetime | None = None


class Initiatives(BaseModel):
    """All initiatives, the latest first."""

    items: tuple[Initiative, ...]


def initiatives_router(engine: Engine, casebook: Casebook, *, allowed: bool) -> APIRouter:
    """Reading of initiatives, and what people do to them."""
    check = Depends(guard("vocengine initiatives", allowed=allowed))
    reads = APIRouter(prefix=f"{API_PREFIX}/initiatives", tags=["read"], responses=REFUSALS)
    edits = APIRouter(prefix=f"{API_PREFIX}/initiatives", tags=["edit"], responses=STEP_REFUSALS, dependencies=[check])

    @reads.get("", summary="Root causes that many cases share, with sentiment before and after the fix")
    def get_initiatives() -> Initiatives:
        with reading(engine) as connection:
            return Initiatives(items=initiative_list(connection))

    @reads.get("/{initiative_id}", summary="One initiative: its cases, and sentiment before and after the fix")
    def get_initiative(initiative_id: InitiativeId) -> InitiativeDetail:
        with reading(engine) as connection:
            return initiative_detail(connection, initiative_id)

    @edits.post("", summary="Open an initiative on a root cause")
    def open_initiative(asked: InitiativeBody, user: User = None) -> InitiativeDetail:
        with writing(engine) as connection:
            number = start(connection, asked, who(asked, user))
            return initiative_detail(connection, number)

    @edits.post("/{initiative_id}/cases", summary="Put cases under an initiative, all or none")
    def add_cases(initiative_id: InitiativeId, asked: CasesBody, user: User = None) -> InitiativeDetail:
        with writing(engine) as connection:
            link(connection, casebook, initiative_id, asked.case_ids, who(asked, user))
            return initiative_detail(connection, initiative_id)

    @edits.post("/{initiative_id}/fixed", summary="Say that the root cause was mended, and when")
    def declare_fixed(initiative_id: InitiativeId, asked: FixedBody, user: User = None) -> InitiativeDetail:
        with writing(engine) as connection:
            fixed(connection, initiative_id, asked, who(asked, user))
            return initiative_detail(connection, initiative_id)

    together = APIRouter()
    together.include_router(reads)
    together.include_router(edits)
    return together


def start(connection: Connection, asked: InitiativeBody, by: str) -> int:
    """Open an initiative; returns its id. Raises InputError."""
    return initiatives.start(connection, asked.title, key=asked.key, by=by, at=datetime.now(UTC), note=asked.note)


def link(connection: Connection, casebook: Casebook, initiative_id: int, case_ids: Sequence[str], by: str) -> None:
    """Put cases under an initiative. Raises CaseUnknown where there is no such case or initiative."""
    now = datetime.now(UTC)
    # In one order, so that two who do this at once do not wait for each other.
    for case_id in sorted(set(case_ids)):
        casebook.change(connection, case_id, Step("link", by, now, initiative_id=initiative_id))


def fixed(connection: Connection, initiative_id: int, asked: FixedBody, by: str) -> None:
    """Declare an initiative fixed. Raises CaseUnknown, CaseError where it is already, InputError for a time to come."""
    now = datetime.now(UTC)
    at = asked.at or now
    if at > now:
        raise InputError(f"at is {at.isoformat()}, which is to come; it should be when the root cause was mended")
    initiatives.fixed(connection, initiative_id, by=by, at=at)
