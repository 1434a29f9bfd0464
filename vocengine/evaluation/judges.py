"""Who is put to the behaviour tests: the whole pipeline, with its languages and clauses, or any other reader."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from vocengine.contracts import Enriched, Feedback, Sentiment
from vocengine.encoder.interface import Floats
from vocengine.evaluation.behaviour import Judge, Reading
from vocengine.evaluation.readers import Reader
from vocengine.pipeline import Models, enrich

Asked = Sequence[tuple[str, Sequence[tuple[int, int]]]]


def pipeline_judge(models: Models) -> Judge:
    """The engine as it serves: it may refuse a text for its language, and reads clauses where it cuts them.

    A span that is asked about is judged by the clause that overlaps it most.
    """

    def judge(asked: Asked) -> list[Reading]:
        now = datetime.now(UTC)
        batch = [
            Feedback(event_id=str(number), source="behaviour", channel="review", occurred_at=now, text=text)
            for number, (text, _) in enumerate(asked)
        ]
        read = enrich(batch, models, received_at=[now] * len(batch), now=now)
        return [_reading(event, spans) for event, (_, spans) in zip(read, asked, strict=True)]

    return judge


def reader_judge(reader: Reader) -> Judge:
    """A reader of whole texts: it scores whatever it is given, and spans as if they were texts."""

    def judge(asked: Asked) -> list[Reading]:
        pieces = [piece for text, spans in asked for piece in (text, *(text[start:end] for start, end in spans))]
        rows = iter(reader.sentiment(pieces))
        return [Reading(next(rows), tuple(next(rows) for _ in spans)) for _, spans in asked]

    return judge


def _reading(event: Enriched, spans: Sequence[tuple[int, int]]) -> Reading:
    if event.sentiment is None:
        return Reading(None, ())
    found = []
    for start, end in spans:
        overlaps = [min(end, span.end) - max(start, span.start) for span in event.spans]
        best = event.spans[int(np.argmax(overlaps))].sentiment if max(overlaps, default=0) > 0 else event.sentiment
        found.append(_probabilities(best))
    return Reading(_probabilities(event.sentiment), tuple(found))


def _probabilities(sentiment: Sentiment) -> Floats:
    return np.array([sentiment.negative, sentiment.neutral, sentiment.positive], dtype=np.float32)
