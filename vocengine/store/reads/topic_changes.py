"""What made up the change of the sentiment of all feedback: each topic's part, and that of feedback on none."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from vocengine.store.reads.ranges import Range
from vocengine.store.reads.series import Series, series_of_key
from vocengine.store.reads.session import Connection
from vocengine.store.registry import roots
from vocengine.store.tables import rollups, topic_portions, topics
from vocengine.trends.change import Change
from vocengine.trends.contribution import Contribution, Portion, contributions, whole


@dataclass(frozen=True, slots=True)
class ChangePart:
    """A topic's part in the change; `topic_id` is null for feedback on no topic."""

    topic_id: int | None
    label: str
    part: Contribution


@dataclass(frozen=True, slots=True)
class WhatChanged:
    """The change of the mean sentiment of all feedback in the last quarter of a range against the quarter before.

    The totals of `parts`, the largest first, add up to `difference`. `change` has its interval; both are null where a
    quarter is empty, `change` also where it has under five messages.
    """

    before_from: datetime
    after_from: datetime
    after_to: datetime
    window_h: int
    before_mean: float | None
    after_mean: float | None
    difference: float | None
    change: Change | None
    parts: tuple[ChangePart, ...]


def what_changed(connection: Connection, within: Range) -> WhatChanged:
    """The parts of all topics, each event in equal parts on those that it speaks of; merged ones count in the other."""
    recent = within.recent_buckets * within.bucket
    after_from = max(within.start, within.start + (within.buckets - within.recent_buckets) * within.bucket)
    before_from = after_from - recent
    everything: Series = series_of_key(connection, "all", within)
    before = _portions(connection, before_from, after_from) if before_from >= within.start else {}
    after = _portions(connection, after_from, within.end)
    made = contributions(before, after)
    parts: list[ChangePart] = []
    if made is not None:
        labels = _labels(connection)
        parts = [
            ChangePart(topic_id, "no topic" if topic_id is None else labels.get(topic_id, f"topic {topic_id}"), part)
            for topic_id, part in made.parts.items()
        ]
        parts.sort(key=lambda p: (-abs(p.part.total), p.label))
    return WhatChanged(
        before_from=before_from,
        after_from=after_from,
        after_to=within.end,
        window_h=everything.change_window_h,
        before_mean=made.before_mean if made else None,
        after_mean=made.after_mean if made else None,
        difference=made.difference if made else None,
        change=everything.change,
        parts=tuple(parts),
    )


def _portions(connection: Connection, start: datetime, end: datetime) -> dict[int | None, Portion]:
    """What was said in [start, end): by topic, and under None what was on no topic."""
    p, total = topic_portions.c, sa.func.sum
    sums = (total(p.weight), total(p.score_sum), total(p.square_sum),
            total(p.weight_2), total(p.score_sum_2), total(p.square_sum_2))  # fmt: skip
    merged = roots(connection)
    found: defaultdict[int | None, Portion] = defaultdict(Portion)
    for topic_id, *values in connection.execute(
        sa.select(p.topic_id, *sums).where(p.hour >= start, p.hour < end).group_by(p.topic_id)
    ):
        found[merged.get(topic_id, topic_id)] += Portion(*values)
    r = rollups.c
    n, score_sum, square_sum = connection.execute(
        sa.select(total(r.n), total(r.score_sum), total(r.score_square_sum)).where(
            r.key == "all", r.hour >= start, r.hour < end
        )
    ).one()
    on_topics = sum(found.values(), Portion())
    # Portions of thirds do not add up to whole messages to the last digit.
    rest = int(n or 0) - round(on_topics.weight)
    if rest > 0:
        found[None] = whole(rest, score_sum - on_topics.score_sum, max(0.0, square_sum - on_topics.square_sum))
    return dict(found)


def _labels(connection: Connection) -> dict[int, str]:
    label = sa.func.coalesce(topics.c.name, topics.c.label)
    return {topic_id: name for topic_id, name in connection.execute(sa.select(topics.c.topic_id, label))}
