"""Candidates for topics, found in the pool: open until a person, a setting or a refit settles them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from vocengine.errors import RegistryError
from vocengine.store import registry, topic_edits
from vocengine.store.tables import topic_candidates as candidates
from vocengine.topics.assign import Topic
from vocengine.topics.discover import TOGETHER

CandidateStatus = Literal["open", "adopted", "dismissed"]
REFIT = "refit"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A new dense group. `size` counts its spans so far; times of spans are event times, `found_at` is the wall clock.

    `evidence` are counts of spans, shares 0..1 and the probability of such a count by chance. `topic_id` is the topic
    that it was adopted as.
    """

    candidate_id: int
    label: str
    keywords: tuple[str, ...]
    centroid: npt.NDArray[np.float32]
    threshold: float
    size: int
    examples: tuple[str, ...]
    encoder_digest: str
    first_seen: datetime
    found_at: datetime
    evidence: dict[str, Any]
    status: CandidateStatus = "open"
    topic_id: int | None = None
    settled_by: str | None = None
    settled_at: datetime | None = None


def add(connection: sa.Connection, found: Candidate) -> Candidate:
    """Write a new candidate down; returns it with its id."""
    values = {
        "label": found.label,
        "keywords": list(found.keywords),
        "centroid": np.asarray(found.centroid, dtype="<f4").tobytes(),
        "threshold": found.threshold,
        "size": found.size,
        "examples": list(found.examples),
        "encoder_digest": found.encoder_digest,
        "first_seen": found.first_seen,
        "found_at": found.found_at,
        "evidence": found.evidence,
    }
    added = sa.insert(candidates).values(**values).returning(candidates.c.candidate_id)
    return replace(found, candidate_id=int(connection.execute(added).scalar_one()))


def load(connection: sa.Connection, *, status: CandidateStatus | None = None) -> list[Candidate]:
    """The candidates of that status, or all, oldest first."""
    query = sa.select(candidates).order_by(candidates.c.candidate_id)
    if status is not None:
        query = query.where(candidates.c.status == status)
    return [_candidate(row) for row in connection.execute(query)]


def load_one(connection: sa.Connection, candidate_id: int) -> Candidate | None:
    """That candidate, None where there is none."""
    row = connection.execute(sa.select(candidates).where(candidates.c.candidate_id == candidate_id)).first()
    return None if row is None else _candidate(row)


def load_known(connection: sa.Connection, encoder_digest: str, *, since: datetime) -> list[Candidate]:
    """Those whose spans are no news: open ones, and any found after `since`, when the reference was made."""
    query = sa.select(candidates).where(
        candidates.c.encoder_digest == encoder_digest,
        (candidates.c.status == "open") | (candidates.c.found_at >= since),
    )
    return [_candidate(row) for row in connection.execute(query.order_by(candidates.c.candidate_id))]


def grow(connection: sa.Connection, candidate_id: int, spans: int) -> None:
    """Count more spans of a candidate."""
    connection.execute(
        sa.update(candidates).where(candidates.c.candidate_id == candidate_id).values(size=candidates.c.size + spans)
    )


def adopt(connection: sa.Connection, candidate_id: int, *, by: str, name: str | None = None) -> tuple[int, int]:
    """Make a candidate a topic, in the caller's transaction; returns the topic's id and the registry version.

    Raises RegistryError for a candidate that is unknown or settled, for one found with another encoder than the topics
    in force, and for a name that will not do.
    """
    registry.lock(connection)
    found = _open(connection, candidate_id)
    if registry.encoder_digest(connection) != found.encoder_digest:
        raise RegistryError(
            f"candidate {candidate_id} was found with another encoder than the one in force: its topic would lie "
            "elsewhere, refit instead"
        )
    topic = Topic(0, found.label, found.keywords, found.centroid, found.threshold, found.size, found.examples)
    evidence = {"candidate": candidate_id, "spans": found.size} | found.evidence
    topic_id, version = registry.give_birth(connection, topic, by=by, evidence=evidence)
    if name is not None:
        version = topic_edits.rename(connection, topic_id, name, by=by)
    _settle(connection, candidate_id, "adopted", by=by, topic_id=topic_id)
    return topic_id, version


def dismiss(connection: sa.Connection, candidate_id: int, *, by: str) -> None:
    """Say that a candidate is no topic; its like is not reported again. Raises RegistryError as `adopt` does."""
    registry.lock(connection)
    _open(connection, candidate_id)
    _settle(connection, candidate_id, "dismissed", by=by)


def settle_found(connection: sa.Connection) -> list[int]:
    """Close open candidates that a topic in force takes in, as after a refit that found them too; returns their ids."""
    index = registry.load_index(connection)
    digest = registry.encoder_digest(connection)
    if index is None or not index.topics:
        return []
    centroids = np.stack([topic.centroid for topic in index.topics])
    settled = []
    for found in load(connection, status="open"):
        if found.encoder_digest != digest:
            continue
        similarity = centroids @ found.centroid
        nearest = int(similarity.argmax())
        if similarity[nearest] >= TOGETHER:
            topic_id = index.topics[nearest].topic_id
            _settle(connection, found.candidate_id, "adopted", by=REFIT, topic_id=topic_id)
            settled.append(found.candidate_id)
    return settled


def _open(connection: sa.Connection, candidate_id: int) -> Candidate:
    found = load_one(connection, candidate_id)
    if found is None:
        raise RegistryError(
            f"there is no candidate {candidate_id}: `vocengine topics candidates` shows those there are"
        )
    if found.status == "adopted":
        raise RegistryError(
            f"candidate {candidate_id} was already adopted as topic {found.topic_id}, by {found.settled_by}"
        )
    if found.status == "dismissed":
        raise RegistryError(f"candidate {candidate_id} was already dismissed, by {found.settled_by}")
    return found


def _settle(
    connection: sa.Connection, candidate_id: int, status: CandidateStatus, *, by: str, topic_id: int | None = None
) -> None:
    connection.execute(
        sa.update(candidates)
        .where(candidates.c.candidate_id == candidate_id)
        .values(status=status, topic_id=topic_id, settled_by=by, settled_at=sa.func.now())
    )


def _candidate(row: sa.Row[Any]) -> Candidate:
    values: dict[str, Any] = dict(row._mapping)
    values["centroid"] = np.frombuffer(bytes(row.centroid), dtype="<f4").astype(np.float32)
    values |= {"keywords": tuple(row.keywords), "examples": tuple(row.examples)}
    return Candidate(**values)
