"""The topic registry: versions of topics with ids that never change meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from vocengine.store.tables import topic_versions, topics
from vocengine.topics.assign import Topic, TopicIndex
from vocengine.topics.discover import Discovered


def newest_version(connection: sa.Connection) -> int | None:
    """The registry version in force, None before the first discovery."""
    version = connection.scalar(sa.select(sa.func.max(topic_versions.c.version)))
    return None if version is None else int(version)


def load_index(connection: sa.Connection) -> TopicIndex | None:
    """The topics in force, ready to assign spans to; None before the first discovery."""
    version = newest_version(connection)
    if version is None:
        return None
    rows = connection.execute(sa.select(topics).where(topics.c.retired_version.is_(None)).order_by(topics.c.topic_id))
    return TopicIndex(
        version,
        tuple(
            Topic(
                topic_id=row.topic_id,
                label=row.label,
                keywords=tuple(row.keywords),
                centroid=np.frombuffer(bytes(row.centroid), dtype="<f4").astype(np.float32),
                threshold=row.threshold,
                size=row.size,
                examples=tuple(row.examples),
            )
            for row in rows
        ),
    )


def add_version(
    connection: sa.Connection,
    found: Sequence[Discovered],
    *,
    encoder_digest: str,
    spans_fitted: int,
    outlier_share: float,
    settings: dict[str, Any],
) -> int:
    """Write a new registry version with these topics; the ones in force before are retired. Returns the version."""
    version = connection.execute(
        sa.insert(topic_versions)
        .values(
            created_at=sa.func.now(),
            encoder_digest=encoder_digest,
            spans_fitted=spans_fitted,
            outlier_share=outlier_share,
            settings=settings,
        )
        .returning(topic_versions.c.version)
    ).scalar_one()
    connection.execute(sa.update(topics).where(topics.c.retired_version.is_(None)).values(retired_version=version))
    if found:
        connection.execute(
            sa.insert(topics),
            [
                {
                    "label": topic.label,
                    "keywords": list(topic.keywords),
                    "centroid": np.asarray(topic.centroid, dtype="<f4").tobytes(),
                    "threshold": topic.threshold,
                    "size": topic.size,
                    "examples": list(topic.examples),
                    "born_version": version,
                }
                for topic in found
            ],
        )
    return int(version)
