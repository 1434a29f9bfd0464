"""The JSON API: `/api/v1` + the address of a page is the same content as JSON."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from vocengine.store.reads import AlertDetail, AlertPage, AlertStatus, EventDetail, Tone
from vocengine.web.query import RangeQuery, range_query
from vocengine.web.views import CustomerView, OverviewView, TopicsView, TopicView, Views

API_PREFIX = "/api/v1"

Asked = Annotated[RangeQuery, Depends(range_query)]
Before = Annotated[
    str | None, Query(description="The value of next_before on the page before: gives what is older.", max_length=600)
]
Key = Annotated[
    str, Query(description="Rollup key such as channel:chat or product:NAME; all by default.", max_length=600)
]
ToneFilter = Annotated[Tone | None, Query(description="Only clauses of this sentiment.", alias="sentiment")]
ChannelFilter = Annotated[str | None, Query(description="Only feedback of this channel.", max_length=256)]
StatusFilter = Annotated[AlertStatus | None, Query(description="Only alerts in this state.")]
# Read as a database integer; a longer number is no topic's id.
TopicId = Annotated[int, Path(ge=0, le=2**31 - 1)]


class ErrorBody(BaseModel):
    """`code` is stable and for machines; `message` is one sentence for people."""

    code: str
    message: str


class ErrorReply(BaseModel):
    """The one shape of every JSON error."""

    error: ErrorBody


REFUSALS: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorReply, "description": "Nothing has that id."},
    422: {"model": ErrorReply, "description": "A parameter is wrong; the message names it."},
    503: {"model": ErrorReply, "description": "The database cannot be reached or its schema is old."},
}


def api_router(views: Views) -> APIRouter:
    """All JSON twins of the pages."""
    router = APIRouter(prefix=API_PREFIX, responses=REFUSALS, tags=["read"])

    @router.get("/", summary="Overview: sentiment over time, channels, what moved, latest alerts")
    def get_overview(asked: Asked, key: Key = "all") -> OverviewView:
        return views.overview(asked, key=key)

    @router.get("/topics", summary="Topics with volume, sentiment, trend and change")
    def get_topics(asked: Asked) -> TopicsView:
        return views.topics(asked)

    @router.get("/topics/{topic_id}", summary="One topic: trend, parts, alerts, verbatims")
    def get_topic(
        topic_id: TopicId,
        asked: Asked,
        tone: ToneFilter = None,
        channel: ChannelFilter = None,
        before: Before = None,
    ) -> TopicView:
        return views.topic(topic_id, asked, tone=tone, channel=channel, before=before)

    @router.get("/alerts", summary="Alerts, latest first")
    def get_alerts(status: StatusFilter = None, before: Before = None) -> AlertPage:
        return views.alerts(status=status, before=before)

    @router.get("/alerts/{alert_id:path}", summary="One alert with the trend around it")
    def get_alert(alert_id: str) -> AlertDetail:
        return views.alert(alert_id)

    @router.get("/customers/{customer_id:path}", summary="One customer: trend, alerts, verbatims")
    def get_customer(customer_id: str, before: Before = None) -> CustomerView:
        return views.customer(customer_id, before=before)

    @router.get("/events/{event_id:path}", summary="One event as it was understood")
    def get_event(event_id: str) -> EventDetail:
        return views.event(event_id)

    return router
