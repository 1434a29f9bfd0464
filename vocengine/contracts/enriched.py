"""Enriched: the event as understood, without raw personal data, as it leaves on `voc.enriched`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Status = Literal["scored", "unsupported_language", "undetermined_language"]
Urgency = Literal["low", "normal", "high"]
Origin = Literal["discovered", "taxonomy"]


@dataclass(frozen=True, slots=True)
class Sentiment:
    """`score` is P(positive) − P(negative), −1..1; the three probabilities sum to one."""

    label: Literal["negative", "neutral", "positive"]
    score: float
    negative: float
    neutral: float
    positive: float


@dataclass(frozen=True, slots=True)
class Labelled:
    """A label that applies, with its probability 0..1."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class SpanTopic:
    """A topic that a span speaks of; `similarity` is the cosine to the topic's centroid.

    `origin` tells what was discovered from a category of the company's own taxonomy.
    """

    topic_id: int
    label: str
    similarity: float
    origin: Origin = "discovered"


@dataclass(frozen=True, slots=True)
class Span:
    """A clause: characters [start, end) of the masked text."""

    start: int
    end: int
    sentiment: Sentiment
    emotions: tuple[Labelled, ...] = ()
    topics: tuple[SpanTopic, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelUsed:
    """Which weights said so."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class MaskedTurn:
    """A turn of the conversation with personal data masked."""

    role: str
    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Enriched:
    """One understood event.

    `text` is masked and is what spans point into: title and text on lines of their own, or the customer's turns.
    `status` says why `sentiment` is null where it is. `effort` is null where the text says nothing of it or
    no loaded model reads it.
    """

    event_id: str
    source: str
    channel: str
    occurred_at: datetime
    received_at: datetime
    enriched_at: datetime
    text: str
    content_digest: str
    status: Status
    language: str
    language_confidence: float
    sentiment: Sentiment | None
    emotions: tuple[Labelled, ...]
    intents: tuple[Labelled, ...]
    effort: float | None
    urgency: Urgency
    spans: tuple[Span, ...]
    models: tuple[ModelUsed, ...]
    pipeline_version: str
    topics_version: int | None = None
    turns: tuple[MaskedTurn, ...] = ()
    customer_id: str | None = None
    account_id: str | None = None
    rating: dict[str, float] | None = None
    nps: int | None = None
    csat: float | None = None
    ces: float | None = None
    product: str | None = None
    journey_stage: str | None = None
    segments: dict[str, str] = field(default_factory=dict)
    url: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    truncated_windows: int = 0
    schema_version: int = 1
