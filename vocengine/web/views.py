"""What each address shows, once, for its page and its JSON twin alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from vocengine.contracts import Alert
from vocengine.errors import InputError
from vocengine.store.reads import (
    AlertDetail,
    AlertPage,
    AlertStatus,
    Cursor,
    CustomerDetail,
    Engine,
    EventDetail,
    Overview,
    Page,
    Range,
    Tone,
    TopicDetail,
    TopicTrend,
    alert_detail,
    alert_page,
    customer_detail,
    decode_cursor,
    event_detail,
    known_key,
    overview,
    reading,
    topic_detail,
    topic_trends,
    topic_verbatims,
)
from vocengine.web.query import RangeQuery

TOPIC_ALERTS = 5
_T = TypeVar("_T")


class NotFound(InputError):
    """Nothing has that id."""


@dataclass(frozen=True, slots=True)
class OverviewView:
    """`/`: both fields are null as long as the database is empty."""

    range: Range | None
    overview: Overview | None


@dataclass(frozen=True, slots=True)
class TopicsView:
    """`/topics`: all topics over the range, most mentioned first."""

    range: Range | None
    topics: tuple[TopicTrend, ...]


@dataclass(frozen=True, slots=True)
class TopicView:
    """`/topics/{topic_id}`: the topic, its latest alerts, and a page of verbatims."""

    range: Range
    detail: TopicDetail
    alerts: tuple[Alert, ...]
    verbatims: Page


@dataclass(frozen=True, slots=True)
class CustomerView:
    """`/customers/{customer_id}`: the customer, and their latest alerts."""

    detail: CustomerDetail
    alerts: tuple[Alert, ...]


class Views:
    """Opens one read-only snapshot for each view. All methods raise StoreUnavailable and SchemaOutdated."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def overview(self, asked: RangeQuery, *, key: str = "all") -> OverviewView:
        """Raises NotFound where nothing was ever rolled up under `key`."""
        with reading(self._engine) as connection:
            if key != "all" and not known_key(connection, _id(key)):
                raise NotFound(
                    f"key is {key[:80]!r}; nothing was ever said under it (try channel:review or product:NAME)"
                )
            within = asked.resolve(connection)
            return OverviewView(within, overview(connection, within, key=key) if within else None)

    def topics(self, asked: RangeQuery) -> TopicsView:
        """All topics; none before the first fit."""
        with reading(self._engine) as connection:
            within = asked.resolve(connection)
            return TopicsView(within, tuple(topic_trends(connection, within)) if within else ())

    def topic(
        self, topic_id: int, asked: RangeQuery, *, tone: Tone | None, channel: str | None, before: str | None
    ) -> TopicView:
        """Raises NotFound and CursorError."""
        cursor = _cursor(before)
        with reading(self._engine) as connection:
            within = asked.resolve(connection)
            if within is None:
                raise NotFound(f"there is no topic {topic_id}: the database holds no feedback yet")
            detail = topic_detail(connection, topic_id, within)
            if detail is None:
                raise NotFound(f"there is no topic {topic_id}; /topics lists those there are")
            raised = alert_page(connection, key=f"topic:{detail.topic.topic_id}", size=TOPIC_ALERTS).items
            said = topic_verbatims(
                connection, detail.topic.topic_id, within, tone=tone, channel=channel and _id(channel), before=cursor
            )
            return TopicView(within, detail, raised, said)

    def alerts(self, *, status: AlertStatus | None, before: str | None) -> AlertPage:
        """Raises CursorError."""
        cursor = _cursor(before)
        with reading(self._engine) as connection:
            return alert_page(connection, status=status, before=cursor)

    def alert(self, alert_id: str) -> AlertDetail:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            return _found(alert_detail(connection, _id(alert_id)), "alert", alert_id)

    def customer(self, customer_id: str, *, before: str | None) -> CustomerView:
        """Raises NotFound and CursorError."""
        cursor = _cursor(before)
        with reading(self._engine) as connection:
            detail = _found(customer_detail(connection, _id(customer_id), before=cursor), "customer", customer_id)
            raised = alert_page(connection, key=f"customer:{customer_id}", size=TOPIC_ALERTS).items
            return CustomerView(detail, raised)

    def event(self, event_id: str) -> EventDetail:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            return _found(event_detail(connection, _id(event_id)), "event", event_id)


def _cursor(before: str | None) -> Cursor | None:
    return decode_cursor(before) if before else None


def _id(value: str) -> str:
    # PostgreSQL's text holds no zero byte, so no id has one.
    if "\x00" in value:
        raise NotFound("the id holds a zero byte; no id does")
    return value


def _found(value: _T | None, what: str, name: str) -> _T:
    if value is None:
        raise NotFound(f"there is no {what} {name[:80]!r}")
    return value
