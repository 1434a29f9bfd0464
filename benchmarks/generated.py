"""Understood events as the stream would bring them, made up in any number: for measuring storage, not understanding."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson

from benchmarks.texts import SAMPLE
from vocengine.contracts import Alert, Driver, Enriched, Evidence, Labelled, ModelUsed, Sentiment, Span, SpanTopic
from vocengine.contracts import Verbatim as Quoted
from vocengine.text import segment
from vocengine.topics.assign import Topic
from vocengine.topics.lineage import Change, Plan

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS, PRODUCTS, TOPICS = 90, 40, 30
_CHANNELS = ("review", "survey", "chat", "social", "email", "ticket", "call")
_STAGES = ("discover", "buy", "deliver", "use", "support")
_REGIONS = ("north", "south", "east", "west", "midlands")
_EMOTIONS = ("admiration", "anger", "annoyance", "approval", "disappointment", "gratitude", "joy", "sadness")
_MODEL = (ModelUsed("voc-encoder", "1.0.0", "0" * 64),)


@dataclass(frozen=True, slots=True)
class _Said:
    """A text of the sample with its clauses, segmented once."""

    text: str
    clauses: tuple[tuple[int, int], ...]


def enriched_events(count: int, *, seed: int = 5) -> Iterator[Enriched]:
    """`count` events in order of time over `DAYS` days, each of its own id.

    Texts and clauses are those of the sample, again and again. There are four events a customer, in a long tail: of a
    million events the busiest wrote some 2,000. Products and topics are skewed likewise; 3 in 4 clauses have a topic.
    """
    draw = random.Random(seed)
    said = _sample_texts()
    step = timedelta(days=DAYS) / count
    for number in range(count):
        at = START + number * step
        what = said[draw.randrange(len(said))]
        spans = tuple(_span(start, end, draw) for start, end in what.clauses)
        sentiment = _sentiment(draw)
        received = at + timedelta(seconds=draw.expovariate(1 / 30))
        yield Enriched(
            event_id=f"g-{number:08d}",
            source="generated",
            channel=draw.choice(_CHANNELS),
            occurred_at=at,
            received_at=received,
            enriched_at=received + timedelta(milliseconds=200),
            text=what.text,
            content_digest=f"{number:032x}",
            status="scored",
            language="en",
            language_confidence=0.98,
            sentiment=sentiment,
            emotions=_emotions(draw),
            intents=(Labelled("complaint", 0.8),) if sentiment.label == "negative" else (),
            effort=None,
            urgency="normal",
            spans=spans,
            models=_MODEL,
            pipeline_version="generated",
            topics_version=1,
            customer_id=f"C-{_skewed(draw, max(1, count // 4)):07d}",
            product=f"product-{_skewed(draw, PRODUCTS):02d}",
            journey_stage=draw.choice(_STAGES),
            segments={"region": draw.choice(_REGIONS), "tier": draw.choice(("standard", "plus"))},
            attributes={"order": f"N-{number:08d}"},
        )


def topics(*, seed: int = 5) -> Plan:
    """A first fit of `TOPICS` topics with random centroids; the registry numbers them from 1."""
    draw = np.random.default_rng(seed)
    found, births = [], []
    for number in range(1, TOPICS + 1):
        centroid = draw.normal(size=384).astype(np.float32)
        words = tuple(f"word{number}{letter}" for letter in "abcdefghij")
        centroid /= np.linalg.norm(centroid)
        label = ", ".join(words[:3])
        found.append(Topic(0, label, words, centroid, 0.5, 100, ("an example", "another")))
        births.append(Change("born", None, label))
    return Plan(tuple(found), tuple(births))


def alert(number: int, *, of: int) -> Alert:
    """Alert `number` of `of`, spread over the days."""
    at = START + number * timedelta(days=DAYS) / of
    product = f"product-{number % PRODUCTS:02d}"
    quotes = tuple(Quoted(f"g-{i:08d}", at, "review", -0.8, "The lid broke on the first day.") for i in range(5))
    return Alert(
        alert_id=f"a-{number:08d}",
        kind="product_sentiment_fall",
        key=f"product:{product}",
        label=product,
        window_start=at - timedelta(hours=6),
        window_end=at,
        baseline_mean=0.3,
        baseline_n=500,
        baseline_from=at - timedelta(days=28),
        observed_mean=0.6,
        observed_n=40,
        change=0.3,
        change_low=0.2,
        change_high=0.4,
        evidence=Evidence("generated", 20_000.0, 10_000.0, "generated"),
        severity="high",
        drivers=(Driver("channel", "review", 0.7, 28),),
        verbatims=quotes,
        opened_at=at,
        raised_at=at,
        status="open" if number % 10 == 0 else "resolved",
    )


def _sample_texts() -> list[_Said]:
    found = []
    for line in SAMPLE.read_bytes().splitlines():
        event: dict[str, Any] = orjson.loads(line)
        if text := event.get("text"):
            found.append(_Said(text, tuple((c.start, c.end) for c in segment(text))))
    return found


def _span(start: int, end: int, draw: random.Random) -> Span:
    topic = _skewed(draw, TOPICS) + 1
    named = (SpanTopic(topic, f"topic {topic}", 0.6),) if draw.random() < 0.75 else ()
    return Span(start, end, _sentiment(draw), _emotions(draw), named)


def _skewed(draw: random.Random, count: int) -> int:
    """0 … count − 1, the small ones several times as often."""
    return int(count * draw.random() ** 2)


def _sentiment(draw: random.Random) -> Sentiment:
    negative, neutral, positive = (draw.expovariate(1) for _ in range(3))
    total = negative + neutral + positive
    parts = [round(part / total, 4) for part in (negative, neutral, positive)]
    label = ("negative", "neutral", "positive")[parts.index(max(parts))]
    return Sentiment(label, round(parts[2] - parts[0], 4), *parts)  # type: ignore[arg-type]


def _emotions(draw: random.Random) -> tuple[Labelled, ...]:
    return tuple(Labelled(draw.choice(_EMOTIONS), round(draw.random(), 3)) for _ in range(draw.choice((0, 1, 1, 2))))
