"""Read models against figures computed from the story itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.web import web_story
from vocengine.contracts import Enriched
from vocengine.store.reads import (
    Cursor,
    CursorError,
    alert_detail,
    alert_page,
    customer_detail,
    decode_cursor,
    encode_cursor,
    event_detail,
    latest_range,
    newest_hour,
    overview,
    range_of,
    reading,
    series_of_key,
    topic_detail,
    topic_trends,
    topic_verbatims,
)

STORY = list(web_story.events())
RANGE = range_of(datetime(2026, 9, 20, tzinfo=UTC), datetime(2026, 10, 10, tzinfo=UTC))
integration = pytest.mark.integration


def inside(event: Enriched) -> bool:
    return RANGE.start <= event.occurred_at < RANGE.end


def topic_scores(event: Enriched, topic_id: int) -> list[float]:
    return [span.sentiment.score for span in event.spans if span.topics[0].topic_id == topic_id]


@integration
def test_the_latest_range_is_the_datas_own_and_not_the_clocks(story: sa.Engine) -> None:
    with reading(story) as connection:
        assert newest_hour(connection) == datetime(2026, 10, 12, 14, tzinfo=UTC)
        within = latest_range(connection)
        assert within is not None
        assert (within.start, within.end) == (datetime(2026, 9, 15, tzinfo=UTC), datetime(2026, 10, 13, tzinfo=UTC))
        assert (within.bucket_h, within.buckets) == (24, 28)
        last_day = latest_range(connection, days=1)
        assert last_day is not None and last_day.end == web_story.END and last_day.bucket_h == 1


@integration
@pytest.mark.parametrize("key", ["all", "channel:chat", "segment:region=north", "product:Shoes"])
def test_a_series_counts_and_averages_each_day(story: sa.Engine, key: str) -> None:
    kind, _, name = key.partition(":")
    fits = {
        "all": lambda e: True,
        "channel": lambda e: e.channel == name,
        "segment": lambda e: e.segments["region"] == name.split("=")[1],
        "product": lambda e: e.product == name,
    }[kind]
    told = [e for e in STORY if inside(e) and fits(e)]
    with reading(story) as connection:
        series = series_of_key(connection, key, RANGE)
    assert series.n == len(told)
    assert series.mean == pytest.approx(sum(e.sentiment.score for e in told if e.sentiment) / len(told), abs=1e-4)
    assert len(series.points) == 20
    for point in series.points:
        day = [e.sentiment.score for e in told if e.sentiment and e.occurred_at.date() == point.at.date()]
        assert point.n == len(day)
        assert point.negative_n == sum(score < -0.25 for score in day)
        assert point.positive_n == sum(score > 0.25 for score in day)


@integration
def test_a_key_that_was_never_mentioned_is_an_empty_series(story: sa.Engine) -> None:
    with reading(story) as connection:
        series = series_of_key(connection, "topic:999", RANGE)
    assert (series.n, series.mean, series.change, len(series.points)) == (0, None, None, 20)


@integration
def test_topics_have_share_and_the_change_of_the_last_quarter(story: sa.Engine) -> None:
    with reading(story) as connection:
        trends = {trend.topic_id: trend for trend in topic_trends(connection, RANGE)}
    assert len(trends) == len(web_story.TOPICS)
    delivery = trends[1]
    told = [e for e in STORY if inside(e)]
    about = [e for e in told if topic_scores(e, 1)]
    assert delivery.series.n == len(about)
    assert delivery.share == pytest.approx(len(about) / len(told))
    change = delivery.series.change
    assert change is not None and change.certain and change.high < -0.1
    last = [s for e in about if e.occurred_at >= RANGE.end - timedelta(days=5) for s in topic_scores(e, 1)]
    before = [
        s
        for e in about
        if RANGE.end - timedelta(days=10) <= e.occurred_at < RANGE.end - timedelta(days=5)
        for s in topic_scores(e, 1)
    ]
    assert (change.before_n, change.after_n) == (len(before), len(last))
    assert change.difference == pytest.approx(sum(last) / len(last) - sum(before) / len(before), abs=1e-3)


@integration
def test_the_overview_leads_with_the_topic_that_fell(story: sa.Engine) -> None:
    with reading(story) as connection:
        shown = overview(connection, RANGE)
    assert shown.topics[0].label == "Delivery time" and shown.moved >= 1
    assert {s.key for s in shown.channels} == {f"channel:{name}" for name in web_story.CHANNELS}
    assert sum(s.n for s in shown.channels) == shown.series.n
    assert [alert.alert_id for alert in shown.latest_alerts][:2] == ["a-social", "a-delivery"]
    assert shown.open_alerts == 2


@integration
@pytest.mark.parametrize("tone", [None, "negative", "positive"])
@pytest.mark.parametrize("channel", [None, "chat"])
def test_paging_shows_each_verbatim_once_newest_first(story: sa.Engine, tone: Any, channel: str | None) -> None:
    wanted = [
        (e.occurred_at, e.event_id)
        for e in STORY
        if inside(e)
        and channel in (None, e.channel)
        and any(s.topics[0].topic_id == 2 and tone in (None, s.sentiment.label) for s in e.spans)
    ]
    seen: list[tuple[datetime, str]] = []
    before = None
    with reading(story) as connection:
        while True:
            page = topic_verbatims(connection, 2, RANGE, tone=tone, channel=channel, before=before, size=7)
            seen += [(said.occurred_at, said.event_id) for said in page.items]
            if page.next_before is None:
                break
            before = decode_cursor(page.next_before)
    assert seen == sorted(wanted, reverse=True)
    assert len(seen) > 7


@integration
def test_quotes_are_the_clauses_on_the_topic(story: sa.Engine) -> None:
    by_id = {e.event_id: e for e in STORY}
    with reading(story) as connection:
        page = topic_verbatims(connection, 3, RANGE, size=50)
    for said in page.items:
        event = by_id[said.event_id]
        spans = [s for s in event.spans if s.topics[0].topic_id == 3]
        assert [said.text[q.start : q.end] for q in said.quotes] == [event.text[s.start : s.end] for s in spans]
        assert said.score == pytest.approx(sum(s.sentiment.score for s in spans) / len(spans))


@integration
def test_a_long_text_is_cut_around_its_quote(database: Any) -> None:
    from dataclasses import replace

    from vocengine.store.writer import EventWriter
    from vocengine.trends.mentions import Monitored

    event = STORY[0]
    lead = "Grüße 🙂 and more. " * 400
    span = replace(event.spans[0], start=event.spans[0].start + len(lead), end=event.spans[0].end + len(lead))
    long = replace(event, text=lead + event.text, spans=(span,))
    with database.engine.begin() as connection:
        EventWriter(Monitored()).write(connection, [long])
    topic_id = span.topics[0].topic_id
    with reading(database.engine) as connection:
        (said,) = topic_verbatims(connection, topic_id, range_of(web_story.START, web_story.END)).items
    assert said.cut and len(said.text) <= 600
    (quote,) = said.quotes
    assert said.text[quote.start : quote.end] == long.text[span.start : span.end]


@integration
def test_a_topics_parts_add_up(story: sa.Engine) -> None:
    with reading(story) as connection:
        detail = topic_detail(connection, 1, RANGE)
        assert topic_detail(connection, 999, RANGE) is None
    assert detail is not None
    clauses = [e for e in STORY if inside(e) and topic_scores(e, 1)]
    assert sum(part.n for part in detail.by_channel) == detail.split_of == len(clauses)
    chat = next(part for part in detail.by_channel if part.name == "chat")
    scores = [topic_scores(e, 1)[0] for e in clauses if e.channel == "chat"]
    assert chat.n == len(scores) and chat.mean == pytest.approx(sum(scores) / len(scores))
    assert sum(part.share for part in detail.by_product) == pytest.approx(1)


@integration
def test_a_customer_has_all_their_events_and_their_trend(story: sa.Engine) -> None:
    theirs = [e for e in STORY if e.customer_id == "C-0012"]
    with reading(story) as connection:
        detail = customer_detail(connection, "C-0012")
        assert customer_detail(connection, "nobody") is None
    assert detail is not None and detail.series is not None
    assert [said.event_id for said in detail.verbatims.items] == [e.event_id for e in reversed(theirs)]
    assert detail.series.n == len(theirs)


@integration
def test_an_event_comes_back_as_it_was_understood(story: sa.Engine) -> None:
    for event in (STORY[7], STORY[100]):
        with reading(story) as connection:
            found = event_detail(connection, event.event_id)
        assert found is not None
        assert (found.text, found.customer_id, found.occurred_at) == (event.text, event.customer_id, event.occurred_at)
        assert [(s.start, s.end, s.score) for s in found.spans] == [
            (s.start, s.end, s.sentiment.score) for s in event.spans
        ]
        assert [s.topic_label for s in found.spans] == [s.topics[0].label for s in event.spans]


@integration
def test_alerts_come_latest_first_with_their_present_state(story: sa.Engine) -> None:
    with reading(story) as connection:
        first = alert_page(connection, size=3)
        assert first.next_before is not None
        rest = alert_page(connection, size=3, before=decode_cursor(first.next_before))
        assert [a.alert_id for a in first.items + rest.items] == ["a-social", "a-delivery", "a/odd id?", "a-jackets"]
        assert rest.next_before is None and rest.items[0].status == "resolved"
        assert [a.alert_id for a in alert_page(connection, status="resolved").items] == ["a-jackets"]
        assert [a.alert_id for a in alert_page(connection, key="topic:1").items] == ["a-delivery"]


@integration
def test_an_alerts_trend_surrounds_its_window(story: sa.Engine) -> None:
    with reading(story) as connection:
        detail = alert_detail(connection, "a-delivery")
    assert detail is not None
    points = detail.series.points
    assert points[0].at <= detail.alert.window_start - timedelta(days=27)
    assert points[-1].at > detail.alert.window_end
    assert detail.series.key == "topic:1" and detail.series.n > 100


@integration
def test_reading_cannot_write(story: sa.Engine) -> None:
    with pytest.raises(sa.exc.InternalError, match="read-only"), reading(story) as connection:
        connection.execute(sa.text("DELETE FROM alerts"))


IDS = st.text(st.characters(blacklist_characters="\x00", blacklist_categories=["Cs"]), max_size=80)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1)), IDS)
def test_a_cursor_survives_the_address(at: datetime, row_id: str) -> None:
    cursor = Cursor(at.replace(tzinfo=UTC), row_id)
    assert decode_cursor(encode_cursor(cursor)) == cursor


@given(st.text(max_size=40))
def test_any_other_text_is_refused_as_a_cursor_or_read_as_one(word: str) -> None:
    try:
        assert decode_cursor(word).at.tzinfo is not None
    except CursorError as error:
        assert "next_before" in str(error)


HOURS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1))


@given(HOURS, st.timedeltas(timedelta(seconds=1), timedelta(days=399)))
def test_a_range_covers_what_was_asked_in_whole_hours(start: datetime, length: timedelta) -> None:
    start = start.replace(tzinfo=UTC)
    within = range_of(start, start + length)
    assert within.start <= start and start + length <= within.end
    assert within.end - within.start < length + timedelta(hours=2)
    assert 1 <= within.buckets <= 121
    assert within.start + within.buckets * within.bucket >= within.end
