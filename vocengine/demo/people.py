"""What people do to topics, and that it outlives a refit: a name and a merge, before and after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vocengine.errors import RegistryError
from vocengine.settings import Settings
from vocengine.store import engine as store_engine
from vocengine.store import registry, topic_edits
from vocengine.stream.topic_discovery import refit

_BY = "demo"


@dataclass(frozen=True, slots=True)
class Outlived:
    """A topic that was named and one that was merged, as a refit on everything stored left them.

    `kept` of `before` topics have their id after it; `born` are new.
    """

    named_id: int
    name: str
    name_after: str
    merged_id: int
    merged_label: str
    into_id: int
    into_after: int | None
    kept: int
    before: int
    born: int

    @property
    def holds(self) -> bool:
        """Whether the name and the merge are as people left them."""
        return self.name_after == self.name and self.into_after == self.into_id


def outlive_a_refit(settings: Settings) -> Outlived:
    """Name the largest topic, merge the two that lie nearest, refit, and look again.

    Raises RegistryError where there are fewer than three topics.
    """
    engine = store_engine.connect(settings)
    with store_engine.transaction(engine) as connection:
        standing = [e for e in registry.load_topics(connection) if e.merged_into is None and e.origin == "discovered"]
        if len(standing) < 3:
            raise RegistryError(f"{len(standing)} topics are too few to name one and merge two others: 3 are needed")
        largest = max(standing, key=lambda entry: entry.topic.size)
        name = f"{largest.title.capitalize()} (named by a person)"
        topic_edits.rename(connection, largest.topic.topic_id, name, by=_BY)
        others = [entry for entry in standing if entry is not largest]
        centroids = np.stack([entry.topic.centroid for entry in others])
        near = centroids @ centroids.T - 2 * np.eye(len(others))
        one, two = (others[i] for i in divmod(int(near.argmax()), len(others)))
        part, into = sorted((one, two), key=lambda entry: entry.topic.size)
        topic_edits.merge(connection, [part.topic.topic_id], into.topic.topic_id, by=_BY)
    report = refit(settings)
    with store_engine.transaction(engine) as connection:
        after = {entry.topic.topic_id: entry for entry in registry.load_topics(connection, retired=True)}
    counts = report.plan.counts()
    return Outlived(
        named_id=largest.topic.topic_id,
        name=name,
        name_after=after[largest.topic.topic_id].title,
        merged_id=part.topic.topic_id,
        merged_label=part.title,
        into_id=into.topic.topic_id,
        into_after=after[part.topic.topic_id].merged_into,
        kept=counts["kept"],
        before=len(standing),
        born=counts["born"] + counts["split"],
    )
