"""Which mentions of an event show anger, or the intent to cancel."""

from __future__ import annotations

from dataclasses import replace

from tests.integration.wire import START, enriched
from vocengine.contracts import Labelled, Span, SpanTopic
from vocengine.trends.mentions import Monitored, mentions_of

ANGER, LEAVING = Labelled("anger", 0.8), Labelled("cancel", 0.7)


def test_a_topic_shows_the_anger_of_its_own_clauses_and_every_key_the_intent_of_the_whole() -> None:
    event = enriched(1, score=-0.8, at=START, text="The kettle is fine. The courier is a liar, I cancel.")
    assert event.sentiment is not None
    calm = Span(0, 19, event.sentiment, (), (SpanTopic(1, "kettle", 0.9),))
    angry = Span(20, 52, event.sentiment, (ANGER,), (SpanTopic(2, "courier", 0.9),))
    event = replace(event, spans=(calm, angry), emotions=(ANGER,), intents=(LEAVING,))
    shown = {mention.key: mention.signals for mention in mentions_of(event, Monitored())}
    assert shown["topic:1"] == ("cancel_intent",)
    assert shown["topic:2"] == shown["channel:review"] == ("anger", "cancel_intent")


def test_what_shows_nothing_has_no_signals() -> None:
    event = enriched(1, score=-0.8, at=START, text="The kettle leaks.")
    assert {m.signals for m in mentions_of(event, Monitored())} == {()}
