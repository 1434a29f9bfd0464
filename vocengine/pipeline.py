"""The straight line: `list[Feedback] → list[Enriched]`, pure, in order, one for one.

said      what the customer said, cleaned and masked; agents and bots are context
guesses   in which language
clauses   where its clauses begin and end
read      one encoder pass: sentiment, emotions and an embedding for each text and each clause, intents and effort
assigned  which topics each clause speaks of
enriched  all of it, put together
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vocengine import __version__
from vocengine.contracts import Enriched, Feedback, Labelled, ModelUsed, Sentiment, Span
from vocengine.contracts.enriched import MaskedTurn, Status
from vocengine.encoder.interface import Encoder, Encodings
from vocengine.text import LanguageGuess, LanguageIdentifier, NameFinder, clean, mask, segment
from vocengine.topics.assign import TopicIndex
from vocengine.understanding import urgency_of

UNDETERMINED = "und"
# A mapping of a hundred thousand characters an attribute would be a document, not an attribute.
_MAX_NESTING = 20


@dataclass(frozen=True, slots=True)
class Models:
    """Everything loaded that the pipeline reads with."""

    encoder: Encoder
    languages: LanguageIdentifier
    names: NameFinder | None = None
    topics: TopicIndex | None = None
    assumed_language: str | None = None

    def used(self) -> tuple[ModelUsed, ...]:
        """Name, version and digest of each."""
        info = self.encoder.info
        return (ModelUsed(info.name, info.version, info.digest),)


@dataclass(frozen=True, slots=True)
class Said:
    """What the customer said, cleaned and masked."""

    text: str
    turns: tuple[MaskedTurn, ...]


def enrich(
    batch: Sequence[Feedback], models: Models, *, received_at: Sequence[datetime], now: datetime
) -> list[Enriched]:
    """Understand a batch of feedback; the result has its length and order.

    `received_at` tells for each event when it came in; `now` is stamped as `enriched_at`. Cost is one encoder
    pass over all tokens plus time linear in characters.
    """
    said = [what_was_said(event, models.names) for event in batch]
    guesses = models.languages.identify([s.text for s in said])
    languages = [_language(event, guess, models) for event, guess in zip(batch, guesses, strict=True)]
    statuses = [_status(code, models.encoder.info.languages) for code in languages]

    scored = [i for i, status in enumerate(statuses) if status == "scored"]
    clauses = [[(c.start, c.end) for c in segment(said[i].text)] for i in scored]
    read = models.encoder.encode([said[i].text for i in scored], clauses)
    assigned = models.topics.assign(read.span_embedding) if models.topics else [()] * len(read.span_embedding)

    row_of = {i: row for row, i in enumerate(scored)}
    used, enriched = models.used(), []
    for i, event in enumerate(batch):
        row = row_of.get(i)
        sentiment: Sentiment | None = None
        emotions: tuple[Labelled, ...] = ()
        intents: tuple[Labelled, ...] = ()
        effort: float | None = None
        spans: tuple[Span, ...] = ()
        if row is not None:
            sentiment = _sentiment(read.sentiment[row])
            emotions = _emotions(models, read.emotions[row])
            intents = _labelled(models.encoder.intents_over_threshold(read.intents[row]))
            effort = _effort(float(read.effort[row]))
            spans = _spans(models, read, row, clauses[row], assigned)
        enriched.append(
            Enriched(
                event_id=event.event_id,
                source=event.source,
                channel=event.channel,
                occurred_at=event.occurred_at,
                received_at=received_at[i],
                enriched_at=now,
                text=said[i].text,
                content_digest=content_digest(event),
                status=statuses[i],
                language=languages[i],
                language_confidence=round(guesses[i].confidence, 3),
                sentiment=sentiment,
                emotions=emotions,
                intents=intents,
                effort=effort,
                urgency=urgency_of(said[i].text, sentiment, emotions, intents),
                spans=spans,
                models=used,
                pipeline_version=__version__,
                topics_version=models.topics.version if models.topics else None,
                turns=said[i].turns,
                customer_id=event.customer_id,
                account_id=event.account_id,
                rating=event.rating.model_dump() if event.rating else None,
                nps=event.nps,
                csat=event.csat,
                ces=event.ces,
                product=_masked(event.product, models.names),
                journey_stage=_masked(event.journey_stage, models.names),
                segments=_masked(event.segments, models.names),
                url=_masked(event.url, None),
                attributes=_masked(event.attributes, models.names),
                truncated_windows=int(read.windows_skipped[row]) if row is not None else 0,
            )
        )
    return enriched


def what_was_said(event: Feedback, names: NameFinder | None) -> Said:
    """The customer's own words, cleaned and masked: title and text on lines of their own, or the turns."""
    turns = tuple(MaskedTurn(t.role, mask(clean(t.text), names=names).text, t.at) for t in event.turns)
    parts = [mask(clean(part), names=names).text for part in (event.title, event.text) if part]
    parts += [turn.text for turn in turns if turn.role == "customer"]
    return Said("\n".join(part for part in parts if part), turns)


def content_digest(event: Feedback) -> str:
    """Digest of what was said and when, to tell a repetition from other content under the same id."""
    parts = [event.occurred_at.isoformat(), event.channel, event.title or "", event.text or ""]
    parts += [f"{turn.role}:{turn.text}" for turn in event.turns]
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()


def _language(event: Feedback, guess: LanguageGuess, models: Models) -> str:
    """What the words say; where they are too few to tell, what the sender says, or what is assumed."""
    if guess.code != UNDETERMINED:
        return guess.code
    if event.language:
        return event.language.split("-")[0].lower()
    return models.assumed_language or UNDETERMINED


def _status(code: str, languages: Sequence[str]) -> Status:
    if code == UNDETERMINED:
        return "undetermined_language"
    return "scored" if code in languages else "unsupported_language"


def _sentiment(probabilities: Any) -> Sentiment:
    negative, neutral, positive = (round(float(p), 4) for p in probabilities)
    label = ("negative", "neutral", "positive")[int(probabilities.argmax())]
    return Sentiment(label, round(positive - negative, 4), negative, neutral, positive)  # type: ignore[arg-type]


def _emotions(models: Models, probabilities: Any) -> tuple[Labelled, ...]:
    return _labelled(models.encoder.emotions_over_threshold(probabilities))


def _labelled(found: Sequence[tuple[str, float]]) -> tuple[Labelled, ...]:
    return tuple(Labelled(name, round(score, 3)) for name, score in found)


def _effort(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 2)


def _spans(
    models: Models, read: Encodings, row: int, clauses: Sequence[tuple[int, int]], assigned: Sequence[Any]
) -> tuple[Span, ...]:
    first = int(read.span_index[row])
    return tuple(
        Span(
            start=start,
            end=end,
            sentiment=_sentiment(read.span_sentiment[first + k]),
            emotions=_emotions(models, read.span_emotions[first + k]),
            topics=assigned[first + k],
        )
        for k, (start, end) in enumerate(clauses)
        # Clauses in the part of a very long text that was not read have nothing to say.
        if read.span_read[first + k]
    )


def _masked(value: Any, names: NameFinder | None, depth: int = 0) -> Any:
    """Any JSON value with all its texts cleaned and masked: personal data hides in free fields too."""
    if isinstance(value, str):
        return mask(clean(value), names=names).text
    if depth < _MAX_NESTING:
        if isinstance(value, Mapping):
            return {_masked(k, None): _masked(v, names, depth + 1) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [_masked(v, names, depth + 1) for v in value]
    return value
