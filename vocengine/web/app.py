"""The web application: pages, API, assets, health; put together here and nowhere else."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import vocengine
from vocengine.settings import Settings
from vocengine.store.cases import Casebook
from vocengine.store.reads import Engine
from vocengine.store.schema import check
from vocengine.web.api import ErrorReply, api_router
from vocengine.web.assets import FOLDER, plotly_script
from vocengine.web.case_pages import case_pages_router
from vocengine.web.cases_api import cases_router
from vocengine.web.edits import edits_router
from vocengine.web.errors import install_error_answers
from vocengine.web.initiatives_api import initiatives_router
from vocengine.web.pages import pages_router
from vocengine.web.render import Renderer
from vocengine.web.trend_views import TrendViews
from vocengine.web.trends_api import trends_router
from vocengine.web.views import Views

# Scripts only as files of our own. Styles inline too: plotly.js sets them on what it draws.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
_FOR_GOOD = "public, max-age=31536000, immutable"


def create_app(
    engine: Engine, *, root_path: str = "", edits: bool = False, casebook: Casebook | None = None
) -> FastAPI:
    """The application on `engine`; `root_path` is the prefix that a proxy strips before it asks here.

    With `edits` topics and cases can be edited by API, cases on their pages too; there is no log-in, so a proxy should
    ask who is there. Changes of cases are made by `casebook`, otherwise by the settings' defaults.

    It needs no running database to be made: what it cannot read it answers with 503.
    """
    app = FastAPI(
        title="vocengine",
        version=vocengine.__version__,
        summary="What customers say: topics, sentiment over time, alerts, verbatims.",
        docs_url=None,
        redoc_url=None,
        root_path=root_path,
    )
    renderer, views, trends = Renderer(), Views(engine), TrendViews(engine)
    install_error_answers(app, renderer)

    @app.get("/healthz", tags=["health"], summary="The process is up")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get(
        "/readyz",
        tags=["health"],
        summary="The database answers and its schema is current",
        responses={503: {"model": ErrorReply, "description": "It does not; the message says why."}},
    )
    def readiness() -> dict[str, str]:
        check(engine)
        return {"status": "ready"}

    @app.get("/static/plotly.js", include_in_schema=False)
    def plotly(request: Request) -> Response:
        zipped = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"Cache-Control": _FOR_GOOD, "Vary": "Accept-Encoding"}
        if zipped:
            headers["Content-Encoding"] = "gzip"
        return Response(plotly_script(zipped=zipped), media_type="text/javascript", headers=headers)

    app.mount("/static", _Assets(directory=FOLDER / "static"), name="static")
    app.include_router(api_router(views))
    app.include_router(edits_router(engine, allowed=edits))
    book = casebook or Casebook.of(Settings())
    app.include_router(cases_router(engine, book, allowed=edits))
    app.include_router(initiatives_router(engine, book, allowed=edits))
    app.include_router(trends_router(trends))
    app.include_router(pages_router(views, trends, renderer))
    app.include_router(case_pages_router(engine, renderer, book, allowed=edits))
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(_SecurityHeaders)
    return app


class _Assets(StaticFiles):
    """Files whose address carries their version."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = _FOR_GOOD
        return response


class _SecurityHeaders:
    """Puts the security headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                # What customers said is not for caches on the way.
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)
