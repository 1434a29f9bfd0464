"""Which monitored keys an understood event touches, and with which sentiment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from vocengine.contracts import SIGNALS, Enriched, Labelled, Mention, Span
from vocengine.pairs import label_of, pairs_among

# A score nearer to zero than this is neither praise nor complaint.
CLEAR = 0.25
EXCERPT_CHARS = 280


@dataclass(frozen=True, slots=True)
class Monitored:
    """Which kinds of keys are followed; `segments` names the segment fields, `pairs` what is followed together."""

    topics: bool = True
    customers: bool = True
    products: bool = True
    channels: bool = True
    journey_stages: bool = True
    segments: tuple[str, ...] = ("region",)
    pairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicSaid:
    """What an event says of one topic: mean score −1..1 of its spans on it, and the emotions that any of them shows."""

    topic_id: int
    score: float
    emotions: tuple[str, ...]


def mentions_of(event: Enriched, monitored: Monitored) -> list[Mention]:
    """The mentions that an event gives rise to: one for each monitored key, none where it was not scored.

    A topic's mention has the mean score of the event's spans on that topic; every other key has that of the
    whole event. A pair with a topic is as its topic. Pure: the same event gives the same mentions.
    """
    if event.sentiment is None:
        return []
    score = event.sentiment.score
    whole = _excerpt(event.text, _most_telling(event.spans, score))
    shown = _signals(event.emotions, event.intents)
    keys = _keys_but_topics(event, monitored)
    found = [_mention(event, kind, name, label, score, whole, shown) for kind, name, label in keys]
    if monitored.topics:
        found += _topic_mentions(event)
    singles = found[:]
    parts = {}
    for key, i, j in pairs_among([mention.key for mention in singles], monitored.pairs):
        # A topic stands first in a pair.
        one, other = singles[i], singles[j]
        kind = key.partition(":")[0]
        found.append(replace(one, kind=kind, key=key, label=label_of(one.label, other.label)))
        parts[key] = {key, one.key, other.key}
    also = {mention.key: mention.label for mention in found if mention.kind != "customer"}
    return [replace(m, also=_others(m.key, also, parts)) for m in found]


def scored_keys(event: Enriched, monitored: Monitored, said: Sequence[TopicSaid]) -> list[tuple[str, str, float]]:
    """(key, kind, score) of each of `mentions_of`, without the excerpts; `said` is the event's `said_of_topics`."""
    if event.sentiment is None:
        return []
    score = round(event.sentiment.score, 4)
    found = [(f"{kind}:{name}", kind, score) for kind, name, _ in _keys_but_topics(event, monitored)]
    found += [(f"topic:{one.topic_id}", "topic", one.score) for one in said]
    paired = pairs_among([key for key, _, _ in found], monitored.pairs)
    return found + [(key, key.partition(":")[0], found[i][2]) for key, i, _ in paired]


def said_of_topics(event: Enriched) -> list[TopicSaid]:
    """What an event says of each topic that it speaks of; nothing where it was not scored."""
    if event.sentiment is None:
        return []
    return [
        TopicSaid(topic_id, round(_mean_score(spans), 4), tuple(sorted({e.label for s in spans for e in s.emotions})))
        for topic_id, spans in _spans_by_topic(event).items()
    ]


def _others(key: str, also: Mapping[str, str], parts: Mapping[str, set[str]]) -> dict[str, str]:
    """The labels of the keys beside one: without its own parts, and pairs with one of these, which tell nothing new."""
    if not parts:
        return {other: label for other, label in also.items() if other != key}
    own = parts.get(key, {key})
    return {other: label for other, label in also.items() if own.isdisjoint(parts.get(other, (other,)))}


def _keys_but_topics(event: Enriched, monitored: Monitored) -> list[tuple[str, str, str]]:
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
    return keys


def _spans_by_topic(event: Enriched) -> dict[int, list[Span]]:
    by_topic: dict[int, list[Span]] = {}
    for span in event.spans:
        for topic in span.topics:
            by_topic.setdefault(topic.topic_id, []).append(span)
    return by_topic


def _mean_score(spans: Sequence[Span]) -> float:
    return sum(span.sentiment.score for span in spans) / len(spans)


def _topic_mentions(event: Enriched) -> list[Mention]:
    labels = {topic.topic_id: topic.label for span in event.spans for topic in span.topics}
    found = []
    for topic_id, spans in _spans_by_topic(event).items():
        score = _mean_score(spans)
        excerpt = _excerpt(event.text, _most_telling(spans, score))
        # An intent is of the whole message; anger may be about something else that it speaks of.
        shown = _signals([emotion for span in spans for emotion in span.emotions], event.intents)
        found.append(_mention(event, "topic", str(topic_id), labels[topic_id], score, excerpt, shown))
    return found


def _mention(
    event: Enriched, kind: str, name: str, label: str, score: float, excerpt: str, signals: tuple[str, ...]
) -> Mention:
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
        signals=signals,
    )


def _signals(emotions: Iterable[Labelled], intents: Iterable[Labelled]) -> tuple[str, ...]:
    """Which of `SIGNALS` are shown."""
    anger = any(emotion.label == "anger" for emotion in emotions)
    leaving = any(intent.label == "cancel" for intent in intents)
    return tuple(name for name, shown in zip(SIGNALS, (anger, leaving), strict=True) if shown)


def _most_telling(spans: Sequence[Span], score: float) -> Span | None:
    """The span that says most strongly what the whole says."""
    if not spans:
        return None
    sign = -1.0 if score < 0 else 1.0
    return max(spans, key=lambda span: sign * span.sentiment.score)


def _excerpt(text: str, span: Span | None) -> str:
    words = text if span is None else text[span.start : span.end]
    return words if len(words) <= EXCERPT_CHARS else words[: EXCERPT_CHARS - 1].rstrip() + "…"
