"""The JSON API of trends: one topic by dimension, its emotions, and what made up a change."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from vocengine.web.query import RangeQuery, range_query
from vocengine.web.trend_views import ChangesView, TopicEmotionsView, TopicTrendView, TrendViews

_Asked = Annotated[RangeQuery, Depends(range_query)]
_TopicId = Annotated[int, Path(ge=0, le=2**31 - 1)]
DimensionChoice = Annotated[
    str, Query(description="channel, product, journey_stage or segment:NAME, such as segment:region.", max_length=200)
]


def trends_router(trends: TrendViews) -> APIRouter:
    """The routes, to be included under the prefix of the API."""
    router = APIRouter(tags=["read"])

    @router.get("/topics/{topic_id}/trend", summary="One topic over time by channel, product, journey stage or segment")
    def get_topic_trend(topic_id: _TopicId, asked: _Asked, dimension: DimensionChoice = "channel") -> TopicTrendView:
        return trends.split(topic_id, asked, dimension=dimension)

    @router.get("/topics/{topic_id}/emotions", summary="The emotions of one topic over time")
    def get_topic_emotions(topic_id: _TopicId, asked: _Asked) -> TopicEmotionsView:
        return trends.emotions(topic_id, asked)

    @router.get("/changes", summary="What made up the change of sentiment: each topic's part")
    def get_changes(asked: _Asked) -> ChangesView:
        return trends.changes(asked)

    return router
