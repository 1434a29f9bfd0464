"""Read models: what the pages and the API show, as plain functions of a connection."""

from vocengine.store.reads.alerts import (
    AlertDetail,
    AlertPage,
    AlertStatus,
    CandidateState,
    alert_detail,
    alert_page,
    open_alerts,
)
from vocengine.store.reads.cursor import Cursor, CursorError, decode_cursor, encode_cursor
from vocengine.store.reads.customers import CustomerDetail, customer_detail
from vocengine.store.reads.events import EventDetail, EventSpan, EventTurn, Mark, event_detail
from vocengine.store.reads.overview import Overview, known_key, overview
from vocengine.store.reads.ranges import MAX_DAYS, Range, latest_range, newest_hour, range_of
from vocengine.store.reads.series import Point, Series, empty_series, series_of_key, series_of_kind
from vocengine.store.reads.session import Connection, Engine, reading
from vocengine.store.reads.topics import Part, TopicDetail, TopicTrend, topic_detail, topic_trends
from vocengine.store.reads.verbatims import (
    Page,
    Quote,
    Said,
    Tone,
    customer_verbatims,
    topic_verbatims,
)

__all__ = [
    "MAX_DAYS",
    "AlertDetail",
    "AlertPage",
    "AlertStatus",
    "CandidateState",
    "Connection",
    "Cursor",
    "CursorError",
    "CustomerDetail",
    "Engine",
    "EventDetail",
    "EventSpan",
    "EventTurn",
    "Mark",
    "Overview",
    "Page",
    "Part",
    "Point",
    "Quote",
    "Range",
    "Said",
    "Series",
    "Tone",
    "TopicDetail",
    "TopicTrend",
    "alert_detail",
    "alert_page",
    "customer_detail",
    "customer_verbatims",
    "decode_cursor",
    "empty_series",
    "encode_cursor",
    "event_detail",
    "known_key",
    "latest_range",
    "newest_hour",
    "open_alerts",
    "overview",
    "range_of",
    "reading",
    "series_of_key",
    "series_of_kind",
    "topic_detail",
    "topic_trends",
    "topic_verbatims",
]
