"""discover: enriched events → the pool of the newest clauses → candidates for new topics, and their alerts.

Embeddings do not travel with the events, so clauses are read again here: at most so many a pass; the rest is passed
over.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from vocengine.alerts.emerging import Emerged, Voice, to_alert
from vocengine.alerts.policy_source import PolicySource
from vocengine.contracts import Alert, Enriched, Rejected, decode_enriched, encode
from vocengine.encoder.interface import Encoder
from vocengine.settings import Settings
from vocengine.store import candidates, detector_states, outbox, pool, references, registry
from vocengine.store.candidates import Candidate
from vocengine.store.cases import Casebook
from vocengine.store.engine import Connection, Engine
from vocengine.store.pool import Pooled
from vocengine.store.references import Reference
from vocengine.stream.alert_policies import source_of
from vocengine.stream.inbox import Received
from vocengine.stream.to_database import DatabaseSession
from vocengine.topics.discover import MIN_WORDS
from vocengine.topics.emerging import WINDOWS, Group, Policy, Window, describe, find, numbered, wording

log = logging.getLogger(__name__)

POOL_SPANS = max(WINDOWS)


class DiscoverHandler:
    """Keeps the pool and looks for new groups in it; what it remembers between batches, a rollback empties."""

    def __init__(self, settings: Settings, encoder: Encoder, source: PolicySource | None = None) -> None:
        emerging = settings.topics.emerging
        self._encoder, self._automatic = encoder, emerging.adopt == "automatic"
        self._policy = Policy(emerging.one_false_in_spans, emerging.min_authors)
        self._most = emerging.most_spans
        self._lateness = timedelta(hours=settings.alerts.allowed_lateness_h)
        self._alerts_topic = settings.kafka.topic("alerts")
        self._source = source or source_of(settings)
        self._casebook = Casebook.of(settings, self._source)
        self._left = self._most
        self._passed_over = 0
        self._reference: Reference | None = None
        self._reference_id: int | None = None
        self._pool: list[Pooled] | None = None
        self._said_missing = False

    def begin_pass(self) -> None:
        """Allow as many clauses anew as a pass may read."""
        if self._passed_over:
            log.info("discover: %d clauses were passed over, more than topics.emerging.most_spans", self._passed_over)
        self._left, self._passed_over = self._most, 0

    def handle(
        self, connection: Connection, batch: Sequence[Received[Enriched | None]]
    ) -> list[tuple[Received[Enriched | None], Rejected]]:
        """Read the clauses of a batch, look for new groups, write down what is found."""
        reference = self._current_reference(connection)
        if reference is None:
            return []
        digest = self._encoder.info.digest
        arrived = self._read([record.message for record in batch if record.message is not None])
        if not arrived:
            return []
        if self._pool is None:
            self._pool = pool.load(connection, digest)
        known = candidates.load_known(connection, digest, since=reference.created_at)
        arrived = self._without_known(connection, arrived, known)
        self._pool = [*self._pool, *arrived][-POOL_SPANS:]
        pool.add(connection, arrived, digest, most=POOL_SPANS)
        self._look(connection, reference, min(len(arrived), len(self._pool)), known)
        return []

    def committed(self) -> None:
        """What is remembered is what the database holds."""

    def rolled_back(self) -> None:
        """The pool in memory is ahead of the database: drop it."""
        self._pool = None

    def _current_reference(self, connection: Connection) -> Reference | None:
        newest = references.newest_id(connection)
        if self._reference is None or newest != self._reference_id:
            self._reference, self._reference_id = references.load(connection), newest
        if self._reference is not None and self._reference.encoder_digest == self._encoder.info.digest:
            self._said_missing = False
            return self._reference
        if not self._said_missing:
            why = "no fit has left a sample yet" if self._reference is None else "the fit was made with another encoder"
            log.warning("discover: new topics are not looked for: %s; run `vocengine topics refit`", why)
            self._said_missing = True
        return None

    def _read(self, events: Sequence[Enriched]) -> list[Pooled]:
        """The clauses of these events with their embeddings, as many as the pass still allows."""
        taken, clauses = [], []
        for event in events:
            # What happened long before it came in is history, and no news.
            if event.status != "scored" or event.received_at - event.occurred_at > self._lateness:
                continue
            long = [
                (ordinal, span)
                for ordinal, span in enumerate(event.spans)
                if len(event.text[span.start : span.end].split()) >= MIN_WORDS
            ]
            if len(long) > self._left:
                self._passed_over += len(long)
            elif long:
                self._left -= len(long)
                taken.append(event)
                clauses.append(long)
        if not taken:
            return []
        read = self._encoder.encode(
            [event.text for event in taken], [[(span.start, span.end) for _, span in found] for found in clauses]
        )
        rows = zip(read.span_embedding, read.span_read, strict=True)
        arrived = []
        for event, found in zip(taken, clauses, strict=True):
            for (ordinal, span), (embedding, was_read) in zip(found, rows, strict=False):
                if was_read:
                    arrived.append(_pooled(event, ordinal, span.start, span.end, span.sentiment.score, embedding))
        return arrived

    def _without_known(self, connection: Connection, arrived: list[Pooled], known: Sequence[Candidate]) -> list[Pooled]:
        """What is not of a candidate already; what is, counts there."""
        for candidate in known:
            inside = [span for span in arrived if span.embedding @ candidate.centroid >= candidate.threshold]
            if inside:
                candidates.grow(connection, candidate.candidate_id, len(inside))
                arrived = [span for span in arrived if span.embedding @ candidate.centroid < candidate.threshold]
        return arrived

    def _look(self, connection: Connection, reference: Reference, arrived: int, known: Sequence[Candidate]) -> None:
        assert self._pool is not None
        if not arrived:
            return
        window = Window(
            np.stack([span.embedding for span in self._pool]),
            numbered(span.author for span in self._pool),
            numbered(wording(span.text) for span in self._pool),
        )
        compared = reference.embeddings
        for candidate in known:
            # What was taken out of the pool is no longer expected in it either.
            compared = compared[compared @ candidate.centroid < candidate.threshold]
        index = registry.load_index(connection)
        centroids = [topic.centroid for topic in index.topics] if index else []
        centroids += [candidate.centroid for candidate in known]
        apart = np.stack(centroids) if centroids else np.zeros((0, window.embeddings.shape[1]), dtype=np.float32)
        groups = find(window, arrived, compared, apart, self._policy)
        # What a policy mutes is a candidate all the same, for people to look at.
        raised = self._source.current.applied(self._write_down(connection, reference, group) for group in groups)
        detector_states.add_alerts(connection, raised)
        self._casebook.take_up(connection, raised, now=datetime.now(UTC))
        outbox.put(connection, [(self._alerts_topic, a.alert_id.encode(), encode(a)) for a in raised])
        for group in groups:
            inside = [span for span in self._pool if span.embedding @ group.centroid >= group.threshold]
            pool.remove(connection, inside)
            self._pool = [span for span in self._pool if span.embedding @ group.centroid < group.threshold]

    def _write_down(self, connection: Connection, reference: Reference, group: Group) -> Alert:
        """A candidate, its alert, and where so configured its topic."""
        assert self._pool is not None
        members = [self._pool[place] for place in group.members]
        inside = set(group.members)
        others = [span.text for place, span in enumerate(self._pool) if place not in inside]
        label, keywords, examples = describe([span.text for span in members], others)
        now = datetime.now(UTC)
        found = candidates.add(
            connection,
            Candidate(
                candidate_id=0,
                label=label,
                keywords=keywords,
                centroid=group.centroid,
                threshold=group.threshold,
                size=len(members),
                examples=examples,
                encoder_digest=self._encoder.info.digest,
                first_seen=min(span.occurred_at for span in members),
                found_at=now,
                evidence={
                    "chance": float(f"{group.chance:.2g}"),
                    "needed": float(f"{group.needed:.2g}"),
                    "neighbours": group.neighbours,
                    "newest": group.newest,
                    "window": group.window,
                    "reference": group.reference,
                    "new_share": group.new_share,
                    "authors": len({span.author for span in members}),
                },
            ),
        )
        log.info("discover: candidate %d, %s: %d clauses", found.candidate_id, label, len(members))
        if self._automatic:
            topic_id, version = candidates.adopt(connection, found.candidate_id, by=registry.MACHINE)
            log.info("discover: adopted as topic %d, registry version %d", topic_id, version)
        emerged = Emerged(
            candidate_id=found.candidate_id,
            label=label,
            voices=[Voice(s.event_id, s.occurred_at, s.channel, s.product, s.score, s.text) for s in members],
            window=group.window,
            reference=group.reference,
            reference_from=reference.created_at,
            new_share=group.new_share,
            chance=group.chance,
            needed=group.needed,
        )
        return to_alert(emerged, budget=str(self._policy), raised_at=now)


def open_discover(
    settings: Settings, engine: Engine, handler: DiscoverHandler, *, instance: str
) -> DatabaseSession[Enriched | None]:
    """A session of the role."""
    return DatabaseSession("discover", settings, engine, handler, topic="enriched", decode=_decoded, instance=instance)


def _decoded(value: bytes | None) -> Enriched | None:
    event = decode_enriched(value)
    # A record that cannot be read becomes a dead letter of the role store, once.
    return None if isinstance(event, Rejected) else event


def _pooled(
    event: Enriched, ordinal: int, start: int, end: int, score: float, embedding: npt.NDArray[np.float32]
) -> Pooled:
    return Pooled(
        event_id=event.event_id,
        ordinal=ordinal,
        # An event that names nobody is a voice of its own.
        author=f"customer:{event.customer_id}" if event.customer_id else f"event:{event.event_id}",
        text=event.text[start:end],
        occurred_at=event.occurred_at,
        channel=event.channel,
        product=event.product,
        score=score,
        embedding=embedding,
    )
