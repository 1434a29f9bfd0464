"""The JSON API of trends: one topic by dimension, its emotions, and what made up a change."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from vocengine.web.api import API_PREFIX, REFUSALS, Asked, TopicId
from vocengine.web.trend_views import ChangesView, TopicEmotionsView, TopicTrendView, TrendViews

DimensionChoice = Annotated[
    str, Query(description="channel, product, journey_stage or segment:NAME, such as segment:region.", max_length=200)
]


def trends_router(trends: TrendViews) -> APIRouter:
    """What the API tells of trends, besides the twins of the pages."""
    router = APIRouter(prefix=API_PREFIX, responses=REFUSALS, tags=["read"])

    @router.get("/topics/{topic_id}/trend", summary="One topic over time by channel, product, journey stage or segment")
    def get_topic_trend(topic_id: TopicId, asked: Asked, dimension: DimensionChoice = "channel") -> TopicTrendView:
        return trends.split(topic_id, asked, dimension=dimension)

    @router.get("/topics/{topic_id}/emotions", summary="The emotions of one topic over time")
    def get_topic_emotions(topic_id: TopicId, asked: Asked) -> TopicEmotionsView:
        return trends.emotions(topic_id, asked)

    @router.get("/changes", summary="What made up the change of sentiment: each topic's part")
    def get_changes(asked: Asked) -> ChangesView:
        return trends.changes(asked)

    return router
