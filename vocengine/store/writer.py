"""Understood events → rows: one ledger insert, three COPYs, two upserts of sums a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import psycopg
import sqlalchemy as sa

from vocengine.contracts import Enriched
from vocengine.store import arrivals
from vocengine.store.schema import ensure_partitions
from vocengine.store.topic_mentions import add_topic_mentions, add_topic_portions
from vocengine.trends.mentions import CLEAR, Monitored, TopicSaid, said_of_topics, scored_keys

_EVENT_COLUMNS = (
    "event_id, occurred_at, received_at, enriched_at, source, channel, text, turns, status, language, "
    "sentiment_label, sentiment_score, emotions, intents, effort, urgency, customer_id, account_id, rating, nps, "
    "csat, ces, product, journey_stage, segments, url, attributes, models, topics_version, pipeline_version"
)
_SPAN_COLUMNS = (
    "event_id, occurred_at, ordinal, start_char, end_char, sentiment_label, sentiment_score, emotions, "
    "topic_id, similarity, category_id, other_topics"
)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch: new events, exact repetitions, and ids that came again with other content."""

    new: int
    repeated: int
    conflicting: tuple[Enriched, ...]


class EventWriter:
    """Writes batches of understood events inside the caller's transaction.

    The first event with an id wins: an exact repetition changes nothing, other content under the same id is
    reported as conflicting. Rollups count each event once; arrivals those that had happened at most `fresh` before they
    came. Cost: about eight statements a batch, linear in events.
    """

    def __init__(self, monitored: Monitored, *, fresh: timedelta = timedelta(hours=48)) -> None:
        self._monitored, self._fresh = monitored, fresh
        self._partitions: set[str] = set()

    def write(self, connection: sa.Connection, batch: Sequence[Enriched]) -> Written:
        """Write `batch`; commit is the caller's."""
        first: dict[str, Enriched] = {}
        others: list[Enriched] = []
        for event in batch:
            if first.setdefault(event.event_id, event) is not event:
                others.append(event)
        raw = connection.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        with raw.cursor() as cursor:
            fresh = _claim_ids(cursor, first.values())
            new = [event for event in first.values() if event.event_id in fresh]
            others += [event for event in first.values() if event.event_id not in fresh]
            conflicting = _conflicts(cursor, others)
            if new:
                ensure_partitions(connection, (event.occurred_at for event in new), self._partitions)
                _copy(cursor, f"COPY events ({_EVENT_COLUMNS}) FROM STDIN", map(_event_row, new))
                _copy(
                    cursor,
                    f"COPY spans ({_SPAN_COLUMNS}) FROM STDIN",
                    (row for event in new for row in _span_rows(event)),
                )
                said = [(event, said_of_topics(event) if self._monitored.topics else []) for event in new]
                add_topic_mentions(cursor, said)
                add_topic_portions(cursor, said)
                _roll_up(cursor, said, self._monitored)
                arrivals.add(cursor, new, fresh=self._fresh)
        return Written(len(new), len(others) - len(conflicting), conflicting)

    def committed(self, batch: Iterable[Enriched]) -> None:
        """Tell that the transaction has committed: the partitions of these months exist for certain now."""
        self._partitions |= {event.occurred_at.strftime("%Y_%m") for event in batch}


def _claim_ids(cursor: psycopg.Cursor[Any], events: Iterable[Enriched]) -> set[str]:
    # Sorted, so that two members that meet on the same ids wait for each other instead of dead-locking.
    ordered = sorted(events, key=lambda event: event.event_id)
    cursor.execute(
        "INSERT INTO event_ids SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::text[]) "
        "ON CONFLICT DO NOTHING RETURNING event_id",
        (
            [event.event_id for event in ordered],
            [event.occurred_at for event in ordered],
            [event.content_digest for event in ordered],
        ),
    )
    return {row[0] for row in cursor.fetchall()}


def _conflicts(cursor: psycopg.Cursor[Any], events: Sequence[Enriched]) -> tuple[Enriched, ...]:
    if not events:
        return ()
    cursor.execute(
        "SELECT event_id, content_digest FROM event_ids WHERE event_id = ANY(%s)",
        ([event.event_id for event in events],),
    )
    stored = dict(cursor.fetchall())
    return tuple(event for event in events if stored[event.event_id] != event.content_digest)


def _copy(cursor: psycopg.Cursor[Any], statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _event_row(e: Enriched) -> tuple[Any, ...]:
    return (
        e.event_id,
        e.occurred_at,
        e.received_at,
        e.enriched_at,
        e.source,
        e.channel,
        e.text,
        _json(e.turns) if e.turns else None,
        e.status,
        e.language,
        e.sentiment.label if e.sentiment else None,
        e.sentiment.score if e.sentiment else None,
        _json(e.emotions),
        _json(e.intents),
        e.effort,
        e.urgency,
        e.customer_id,
        e.account_id,
        _json(e.rating),
        e.nps,
        e.csat,
        e.ces,
        e.product,
        e.journey_stage,
        _json(e.segments),
        e.url,
        _json(e.attributes),
        _json([asdict(model) for model in e.models]),
        e.topics_version,
        e.pipeline_version,
    )


def _span_rows(e: Enriched) -> Iterable[tuple[Any, ...]]:
    for ordinal, span in enumerate(e.spans[:32767]):
        nearest = next((topic for topic in span.topics if topic.origin == "discovered"), None)
        category = next((topic for topic in span.topics if topic.origin == "taxonomy"), None)
        others = [topic for topic in span.topics if topic is not nearest]
        yield (
            e.event_id,
            e.occurred_at,
            ordinal,
            span.start,
            span.end,
            span.sentiment.label,
            span.sentiment.score,
            _json(span.emotions),
            nearest.topic_id if nearest else None,
            nearest.similarity if nearest else None,
            category.topic_id if category else None,
            _json(others) if others else None,
        )


def _roll_up(
    cursor: psycopg.Cursor[Any], events: Iterable[tuple[Enriched, Sequence[TopicSaid]]], monitored: Monitored
) -> None:
    """Add the events to the hourly sums of each monitored key, and of "all"."""
    sums: defaultdict[tuple[str, datetime, str], list[float]] = defaultdict(lambda: [0, 0, 0, 0.0, 0.0])
    for event, said in events:
        if event.sentiment is None:
            continue
        hour = event.occurred_at.replace(minute=0, second=0, microsecond=0)
        touched = [("all", "all", event.sentiment.score), *scored_keys(event, monitored, said)]
        for key, kind, score in touched:
            row = sums[key, hour, kind]
            row[0] += 1
            row[1] += score < -CLEAR
            row[2] += score > CLEAR
            row[3] += score
            row[4] += score * score
    if not sums:
        return
    ordered = sorted(sums)  # the same lock order in every member
    values = [sums[place] for place in ordered]
    cursor.execute(
        "INSERT INTO rollups AS r (key, hour, kind, n, negative_n, positive_n, score_sum, score_square_sum) "
        "SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::text[], %s::int[], %s::int[], %s::int[], "
        "%s::float8[], %s::float8[]) ON CONFLICT (key, hour) DO UPDATE SET n = r.n + excluded.n, "
        "negative_n = r.negative_n + excluded.negative_n, positive_n = r.positive_n + excluded.positive_n, "
        "score_sum = r.score_sum + excluded.score_sum, "
        "score_square_sum = r.score_square_sum + excluded.score_square_sum",
        (
            [key for key, _, _ in ordered],
            [hour for _, hour, _ in ordered],
            [kind for _, _, kind in ordered],
            *([v[i] if i > 2 else int(v[i]) for v in values] for i in range(5)),
        ),
    )
