"""Which monitored keys an understood event touches, and with which sentiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vocengine.contracts import Enriched, Mention, Span

# A score nearer to zero than this is neither praise nor complaint.
CLEAR = 0.25
EXCERPT_CHARS = 280


@dataclass(frozen=True, slots=True)
class Monitored:
    """Which kinds of keys are followed; `segments` names the segment fields."""

    topics: bool = True
    customers: bool = True
    products: bool = True
    channels: bool = True
    journey_stages: bool = True
    segments: tuple[str, ...] = ("region",)


def mentions_of(event: Enriched, monitored: Monitored) -> list[Mention]:
    """The mentions that an event gives rise to: one for each monitored key, none where it was not scored.

    A topic's mention has the mean score of the event's spans on that topic; every other key has that of the
    whole event. Pure: the same event gives the same mentions.
    """
    if event.sentiment is None:
        return []
    score = event.sentiment.score
    whole = _excerpt(event.text, _most_telling(event.spans, score))
    keys: list[tuple[str, str, str]] = []
    if monitored.customers and event.customer_id:
        keys.append(("customer", event.customer_id, event.customer_id))
    if monitored.products and event.product:
        keys.append(("product", event.product, event.product))
    if monitored.channels:
        keys.append(("channel", event.channel, event.channel))
    if monitored.journey_stages and event.journey_stage:
        keys.append(("journey_stage", event.journey_stage, event.journey_stage))
    for name in monitored.segments:
        if value := event.segments.get(name):
            keys.append(("segment", f"{name}={value}", f"{name} {value}"))
    found = [_mention(event, kind, name, label, score, whole) for kind, name, label in keys]
    if monitored.topics:
        found += _topic_mentions(event)
    return found


def _topic_mentions(event: Enriched) -> list[Mention]:
    by_topic: dict[int, list[Span]] = {}
    labels: dict[int, str] = {}
    for span in event.spans:
        for topic in span.topics:
            by_topic.setdefault(topic.topic_id, []).append(span)
            labels[topic.topic_id] = topic.label
    found = []
    for topic_id, spans in by_topic.items():
        score = sum(span.sentiment.score for span in spans) / len(spans)
        excerpt = _excerpt(event.text, _most_telling(spans, score))
        found.append(_mention(event, "topic", str(topic_id), labels[topic_id], score, excerpt))
    return found


def _mention(event: Enriched, kind: str, name: str, label: str, score: float, excerpt: str) -> Mention:
    return Mention(
        kind=kind,
        key=f"{kind}:{name}",
        occurred_at=event.occurred_at,
        event_id=event.event_id,
        customer_id=event.customer_id,
        score=round(score, 4),
        weight=1.0,
        negative=score < -CLEAR,
        channel=event.channel,
        product=event.product,
        label=label,
        excerpt=excerpt,
        received_at=event.received_at,
    )


def _most_telling(spans: Sequence[Span], score: float) -> Span | None:
    """The span that says most strongly what the whole says."""
    if not spans:
        return None
    sign = -1.0 if score < 0 else 1.0
    return max(spans, key=lambda span: sign * span.sentiment.score)


def _excerpt(text: str, span: Span | None) -> str:
    words = text if span is None else text[span.start : span.end]
    return words if len(words) <= EXCERPT_CHARS else words[: EXCERPT_CHARS - 1].rstrip() + "…"
