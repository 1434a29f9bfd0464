"""Pages of cases and initiatives. Their forms go the way of the API's steps: same checks, same guard, same history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from vocengine.cases import TRANSITIONS, Step
from vocengine.contracts import Case, CaseAction
from vocengine.errors import CaseError, CaseUnknown, InputError
from vocengine.store.cases import Casebook
from vocengine.store.reads import (
    Connection,
    Engine,
    alerts_of,
    case_detail,
    initiative_detail,
    initiative_list,
    reading,
    writing,
)
from vocengine.web import initiatives_api as initiatives
from vocengine.web.cases_api import CaseId, CaseQuery, CaseStep, case_query, step_of
from vocengine.web.edits import Body, User, guard, who
from vocengine.web.errors import describe
from vocengine.web.forms import CrossSite, Submitted, done, known_name
from vocengine.web.initiatives_api import CasesBody, FixedBody, InitiativeBody, InitiativeId
from vocengine.web.pages import link_of
from vocengine.web.render import Renderer
from vocengine.web.wording import path_part

# A button of a case's form → the action, and the fields that go with it.
_BUTTONS: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    "take": ("take", ()),
    "assign": ("take", ("owner",)),
    "start": ("start", ()),
    "note": ("note", ()),
    "resolve": ("resolve", ()),
    "close": ("close", ()),
    "reopen": ("reopen", ()),
    "yes": ("judge", ()),
    "no": ("judge", ()),
    "duplicate": ("judge", ("duplicate_of",)),
}
_B = TypeVar("_B", bound=Body)


def case_pages_router(engine: Engine, renderer: Renderer, casebook: Casebook, *, allowed: bool) -> APIRouter:
    """The pages; where edits are not allowed, they show the commands in place of the forms."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    check_case = guard("vocengine cases", allowed=allowed)
    check_initiative = guard("vocengine initiatives", allowed=allowed)

    def common(request: Request, user: str | None) -> dict[str, Any]:
        name = (user or "").strip()
        return {
            "now": datetime.now(UTC),
            "editable": allowed,
            "logged_in": name,
            "name": name or known_name(request),
            "link": link_of(request),
        }

    def case_answer(
        request: Request, case_id: str, user: str | None, form: Mapping[str, str], refused: Exception | None = None
    ) -> HTMLResponse:
        with reading(engine) as connection:
            detail = case_detail(connection, case_id)
            values = {
                "detail": detail,
                "c": detail.case,
                "alerts": alerts_of(connection, detail.case.alerts),
                "initiatives": initiative_list(connection),
            }
        return _answer(
            renderer, request, "case.html", refused, form=form, can=_can(detail.case), **values, **common(request, user)
        )

    def initiatives_answer(
        request: Request, user: str | None, form: Mapping[str, str], refused: Exception | None = None
    ) -> HTMLResponse:
        with reading(engine) as connection:
            found = initiative_list(connection)
        return _answer(renderer, request, "initiatives.html", refused, form=form, found=found, **common(request, user))

    def initiative_answer(
        request: Request, number: int, user: str | None, form: Mapping[str, str], refused: Exception | None = None
    ) -> HTMLResponse:
        with reading(engine) as connection:
            view = initiative_detail(connection, number)
        return _answer(renderer, request, "initiative.html", refused, form=form, view=view, **common(request, user))

    @router.get("/cases")
    def cases_page(
        request: Request, asked: Annotated[CaseQuery, Depends(case_query)], user: User = None
    ) -> HTMLResponse:
        with reading(engine) as connection:
            found = asked.page(connection)
        return renderer.page(request, "cases.html", found=found, asked=asked, **common(request, user))

    @router.get("/cases/{case_id:path}")
    def case_page(request: Request, case_id: CaseId, user: User = None) -> HTMLResponse:
        return case_answer(request, case_id, user, {})

    @router.post("/cases/{case_id:path}")
    def case_form(request: Request, case_id: CaseId, form: Submitted, user: User = None) -> Response:
        check_case()
        try:
            with writing(engine) as connection:
                _do(connection, casebook, case_id, form, user)
        except (CaseError, InputError, RequestValidationError) as error:
            if isinstance(error, CrossSite):
                raise
            return case_answer(request, case_id, user, form, error)
        return done(request, f"/cases/{path_part(case_id)}", form)

    @router.get("/initiatives")
    def initiatives_page(request: Request, key: str = "", user: User = None) -> HTMLResponse:
        return initiatives_answer(request, user, {"key": key[:600]} if key else {})

    @router.post("/initiatives")
    def initiatives_form(request: Request, form: Submitted, user: User = None) -> Response:
        check_initiative()
        try:
            asked = _read(InitiativeBody, form, "title", "key", "note")
            with writing(engine) as connection:
                number = initiatives.start(connection, asked, who(asked, user))
        except (CaseError, InputError, RequestValidationError) as error:
            return initiatives_answer(request, user, form, error)
        return done(request, f"/initiatives/{number}", form)

    @router.get("/initiatives/{initiative_id}")
    def initiative_page(request: Request, initiative_id: InitiativeId, user: User = None) -> HTMLResponse:
        return initiative_answer(request, initiative_id, user, {})

    @router.post("/initiatives/{initiative_id}")
    def initiative_form(request: Request, initiative_id: InitiativeId, form: Submitted, user: User = None) -> Response:
        check_initiative()
        try:
            with writing(engine) as connection:
                if form.get("action") == "fixed":
                    # The field of a form has no zone; the page says that it is UTC.
                    given = {**form, "at": f"{form['at']}Z"} if "at" in form else form
                    asked = _read(FixedBody, given, "at")
                    initiatives.fixed(connection, initiative_id, asked, who(asked, user))
                else:
                    cases = _body(CasesBody, {"case_ids": form.get("case_id", "").split(), **_by(form)})
                    initiatives.link(connection, casebook, initiative_id, cases.case_ids, who(cases, user))
        except (CaseError, InputError, RequestValidationError) as error:
            return initiative_answer(request, initiative_id, user, form, error)
        return done(request, f"/initiatives/{initiative_id}", form)

    return router


def _do(connection: Connection, casebook: Casebook, case_id: str, form: Mapping[str, str], user: str | None) -> Case:
    """The step that a button of a case's form stands for."""
    button = form.get("action", "")
    if button == "link":
        asked = _read(CaseStep, form, "note", "version")
        number = form.get("initiative_id", "")
        if not number.isdecimal() or not 0 < int(number) < 2**31:
            raise InputError("initiative is not chosen; choose one, or open a new one first")
        step = Step("link", who(asked, user), datetime.now(UTC), note=asked.note, initiative_id=int(number))
        return casebook.change(connection, case_id, step, version=asked.version)
    if button not in _BUTTONS:
        raise InputError(f"action is {button[:80]!r}; it should be one of {', '.join(_BUTTONS)} or link")
    action, names = _BUTTONS[button]
    if button == "assign" and "owner" not in form:
        raise InputError("owner is missing; write whose case it should be")
    given = {**form, "verdict": button} if action == "judge" else form
    asked = _read(CaseStep, given, "note", "version", "verdict", *names)
    return casebook.change(connection, case_id, step_of(action, asked, who(asked, user)), version=asked.version)


def _can(case: Case) -> frozenset[CaseAction]:
    """The actions that the case's state and verdict allow."""
    allowed = {action for action, moves in TRANSITIONS.items() if case.state in moves}
    if case.ended_at is None and case.verdict not in ("no", "duplicate"):
        allowed.discard("close")
    return frozenset(allowed)


def _answer(
    renderer: Renderer, request: Request, template: str, refused: Exception | None, **values: Any
) -> HTMLResponse:
    """The page; where a form was refused, with the reason on it, and with what was written in the form."""
    if isinstance(refused, CaseUnknown) and "case.html" in template:
        # Not the case of the page, which was found just now, but one that the form names.
        refused = InputError(str(refused))
    status, _, said = describe(refused) if refused is not None else (200, "", "")
    page = renderer.page(request, template, refused=said, **values)
    page.status_code = status
    return page


def _read(shape: type[_B], form: Mapping[str, str], *names: str) -> _B:
    return _body(shape, {name: form[name] for name in names if name in form} | _by(form))


def _by(form: Mapping[str, str]) -> dict[str, str]:
    return {"by": form["by"]} if "by" in form else {}


def _body(shape: type[_B], values: Mapping[str, object]) -> _B:
    """Checked as a body of the API is. Raises RequestValidationError."""
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
