"""The pages: each a thin wrapper over the view that its JSON twin shows too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse

from vocengine.contracts import CHANNELS
from vocengine.store.reads import Range, TopicTrend
from vocengine.web.api import Asked, Before, ChannelFilter, Key, StatusFilter, ToneFilter, TopicId
from vocengine.web.render import Renderer
from vocengine.web.trend_views import TrendViews
from vocengine.web.trends_api import DimensionChoice
from vocengine.web.views import Views

PRESETS = ((1, "24 h"), (7, "7 days"), (28, "28 days"), (90, "90 days"))
SORTS = {"volume": "Volume", "sentiment": "Lowest sentiment", "change": "Largest fall", "name": "Name"}
# How alerts that are no falls are shown.
_TEMPLATES = {"emerging_topic": "emerging.html", "volume_spike": "volume.html", "data_silence": "volume.html"}
Sort = Annotated[str, Query(pattern="^(volume|sentiment|change|name)$")]
Search = Annotated[str, Query(max_length=100)]


def pages_router(views: Views, trends: TrendViews, renderer: Renderer) -> APIRouter:
    """All pages for people."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @router.get("/")
    def overview_page(request: Request, asked: Asked, key: Key = "all") -> HTMLResponse:
        view = views.overview(asked, key=key)
        return renderer.page(request, "overview.html", view=view, key=key, **_ranged(request, view.range))

    @router.get("/topics")
    def topics_page(request: Request, asked: Asked, sort: Sort = "volume", q: Search = "") -> HTMLResponse:
        view = views.topics(asked)
        shown = sorted((t for t in view.topics if _matches(t, q)), key=_ORDER[sort])
        return renderer.page(
            request,
            "topics.html",
            view=view,
            shown=shown,
            sort=sort,
            q=q,
            sorts=SORTS,
            changes=trends.changes(asked).changes,
            **_ranged(request, view.range),
        )

    @router.get("/topics/{topic_id}")
    def topic_page(
        request: Request,
        topic_id: TopicId,
        asked: Asked,
        tone: ToneFilter = None,
        channel: ChannelFilter = None,
        before: Before = None,
        dimension: DimensionChoice = "channel",
    ) -> HTMLResponse:
        view = views.topic(topic_id, asked, tone=tone, channel=channel, before=before)
        return renderer.page(
            request,
            "topic.html",
            view=view,
            trend=trends.split(topic_id, asked, dimension=dimension),
            emotions=trends.emotions(topic_id, asked).emotions,
            tone_asked=tone,
            channel=channel,
            before=before,
            channels=CHANNELS,
            **_ranged(request, view.range),
        )

    @router.get("/alerts")
    def alerts_page(request: Request, status: StatusFilter = None, before: Before = None) -> HTMLResponse:
        found = views.alerts(status=status, before=before)
        return renderer.page(request, "alerts.html", found=found, status=status, before=before, link=link_of(request))

    @router.get("/alerts/{alert_id:path}")
    def alert_page(request: Request, alert_id: str) -> HTMLResponse:
        view = views.alert(alert_id)
        template = _TEMPLATES.get(view.alert.kind, "alert.html")
        return renderer.page(request, template, view=view, moment=datetime.now(UTC), link=link_of(request))

    @router.get("/customers/{customer_id:path}")
    def customer_page(request: Request, customer_id: str, before: Before = None) -> HTMLResponse:
        view = views.customer(customer_id, before=before)
        return renderer.page(request, "customer.html", view=view, before=before, link=link_of(request))

    @router.get("/events/{event_id:path}")
    def event_page(request: Request, event_id: str) -> HTMLResponse:
        return renderer.page(request, "event.html", event=views.event(event_id), link=link_of(request))

    @router.get("/docs")
    def docs_page(request: Request) -> HTMLResponse:
        app: FastAPI = request.app
        return renderer.page(request, "docs.html", operations=_operations(app.openapi()), link=link_of(request))

    return router


def _change_order(topic: TopicTrend) -> tuple[bool, float]:
    change = topic.series.change
    return (change is None, change.difference if change else 0.0)


_ORDER: dict[str, Any] = {
    "volume": lambda t: (-t.series.n, t.topic_id),
    "sentiment": lambda t: (t.series.mean is None, t.series.mean or 0.0),
    "change": _change_order,
    "name": lambda t: t.label.casefold(),
}


def _matches(topic: TopicTrend, q: str) -> bool:
    words = " ".join((topic.label, *topic.keywords)).casefold()
    return all(part in words for part in q.casefold().split())


def link_of(request: Request) -> Any:
    """A function for templates: this address with some parameters changed (None takes one away)."""

    def link(**changes: object) -> str:
        query = {**request.query_params, **{name.rstrip("_"): value for name, value in changes.items()}}
        kept = {name: str(value) for name, value in query.items() if value not in (None, "")}
        return f"?{urlencode(kept)}" if kept else request.url.path

    return link


def _ranged(request: Request, within: Range | None) -> dict[str, Any]:
    """What the range picker and the links of a page need."""
    fixed = bool(request.query_params.get("from") or request.query_params.get("to"))
    days = request.query_params.get("days", "28")
    kept = {name: request.query_params[name] for name in ("from", "to", "days", "by") if request.query_params.get(name)}
    return {
        "within": within,
        "presets": PRESETS,
        "days_now": None if fixed else int(days or 28),
        "link": link_of(request),
        "carry": f"?{urlencode(kept)}" if kept else "",
    }


def _operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            found.append(
                {
                    "method": method.upper(),
                    "path": path,
                    "summary": operation.get("summary", ""),
                    "parameters": operation.get("parameters", []),
                }
            )
    return found
