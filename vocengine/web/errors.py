"""Errors as answers: one JSON shape for machines, one page with one sentence for people, never a traceback."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from vocengine.errors import (
    CaseError,
    CaseUnknown,
    EditsOff,
    InputError,
    RegistryError,
    SchemaOutdated,
    StoreUnavailable,
    TopicUnknown,
    VocengineError,
)
from vocengine.web.api import API_PREFIX
from vocengine.web.forms import CrossSite
from vocengine.web.render import Renderer
from vocengine.web.views import NotFound

log = logging.getLogger(__name__)

_JSON_PATHS = (API_PREFIX, "/healthz", "/readyz", "/openapi.json")
_RETRY_AFTER_S = 5


def describe(error: Exception) -> tuple[int, str, str]:
    """HTTP status, stable code and sentence for an error."""
    match error:
        case NotFound() | TopicUnknown() | CaseUnknown():
            return 404, "not_found", str(error)
        case EditsOff():
            return 403, "edits_off", str(error)
        case CrossSite():
            return 403, "cross_site", str(error)
        case RegistryError() | CaseError():
            return 409, "conflict", str(error)
        case InputError():
            return 422, "invalid_parameter", str(error)
        case RequestValidationError():
            return 422, "invalid_parameter", _first_fault(error)
        case StoreUnavailable():
            # The driver's own words name hosts and sockets: they go to the log, not to whoever asks.
            return (
                503,
                "database_unavailable",
                "the database cannot be reached at the moment; try again in a few seconds",
            )
        case SchemaOutdated():
            return 503, "schema_outdated", str(error)
        case HTTPException(status_code=404):
            return 404, "not_found", "there is nothing at this address"
        case HTTPException():
            code = HTTPStatus(error.status_code).name.lower()
            return error.status_code, code, str(error.detail).lower()
        case _:
            return 500, "internal_error", "something went wrong here; the log of the web role tells what"


def install_error_answers(app: FastAPI, renderer: Renderer) -> None:
    """Answer every error of `app` in the shape that the asker can read."""

    def answer(request: Request, error: Exception) -> Response:
        status, code, message = describe(error)
        if status >= 500:
            log.error("%s %s: %s", request.method, request.url.path, error, exc_info=_surprise(error))
        headers = dict(getattr(error, "headers", None) or {})
        if status == 503:
            headers["Retry-After"] = str(_RETRY_AFTER_S)
        if request.url.path.removeprefix(request.scope.get("root_path", "")).startswith(_JSON_PATHS):
            return JSONResponse({"error": {"code": code, "message": message}}, status, headers)
        page = renderer.page(
            request, "error.html", status=status, title=_TITLES.get(status, "That did not work"), message=message
        )
        page.status_code = status
        page.headers.update(headers)
        return page

    for kind in (VocengineError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


_TITLES = {
    404: "Not found",
    422: "That address does not work",
    500: "Something went wrong",
    503: "The database is away",
}


def _surprise(error: Exception) -> Exception | None:
    return None if isinstance(error, VocengineError) else error


def _first_fault(error: RequestValidationError) -> str:
    fault = error.errors()[0]
    if fault["type"] == "json_invalid":
        return "the body is not valid JSON"
    name = str(fault["loc"][-1])
    return f"{name} is {str(fault.get('input'))[:80]!r}: {str(fault['msg']).lower()}"
