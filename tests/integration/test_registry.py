"""The topic registry in a real database: refits keep ids, people's work outlives them, and there is a way back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from tests.integration.wire import START, enriched
from vocengine.errors import RegistryError
from vocengine.store import plans, registry, topic_edits
from vocengine.store.reads.ranges import range_of
from vocengine.store.reads.topics import topic_detail, topic_trends
from vocengine.store.reads.verbatims import topic_verbatims
from vocengine.store.registry import Fit
from vocengine.store.writer import EventWriter
from vocengine.topics.discover import Discovered, Discovery
from vocengine.topics.lineage import Change, Plan, plan
from vocengine.trends.mentions import Monitored

pytestmark = pytest.mark.integration

FIT = Fit("encoder-a", 120, 0.05, {"seed": 7})
AXES = np.eye(8, dtype=np.float32)


def found(*axes: int, each: int = 40) -> Discovery:
    """Groups of spans, one along each axis, named after it."""
    groups = tuple(Discovered(f"topic of {a}", (f"word{a}",), AXES[a], 0.5, each, (f"example {a}",)) for a in axes)
    assigned = np.repeat(np.arange(len(axes)), each)
    return Discovery(groups, len(assigned), 0.0, assigned, np.repeat(AXES[list(axes)], each, axis=0))


@pytest.fixture
def connection(database: object) -> sa.Connection:
    with database.engine.begin() as opened:  # type: ignore[attr-defined]
        yield opened


def refit(connection: sa.Connection, discovery: Discovery) -> int:
    current, kept = registry.load_anchors(connection)
    planned = plan(current, discovery, min_topic_spans=10, pinned=kept)
    return registry.apply(connection, planned, FIT, base_version=current.version if current else None)


def in_force(connection: sa.Connection) -> dict[int, str]:
    index = registry.load_index(connection)
    assert index is not None
    return {topic.topic_id: topic.label for topic in index.topics}


def assigned(connection: sa.Connection, axis: int) -> list[tuple[int, str]]:
    index = registry.load_index(connection)
    assert index is not None
    return [(topic.topic_id, topic.label) for topic in index.assign(AXES[[axis]])[0]]


def test_ids_outlive_refits_and_lineage_says_what_happened(connection: sa.Connection) -> None:
    assert refit(connection, found(0, 1)) == 1
    first = in_force(connection)
    assert sorted(first.values()) == ["topic of 0", "topic of 1"]
    assert refit(connection, found(1, 0, 2)) == 2
    assert refit(connection, found(0, 2)) == 3
    ids = {label: topic_id for topic_id, label in first.items()}
    assert in_force(connection).keys() >= {ids["topic of 0"]}
    assert ids["topic of 1"] not in in_force(connection)
    past = [(row["version"], row["kind"]) for row in registry.lineage_of(connection, ids["topic of 1"])]
    assert past == [(1, "born"), (2, "kept"), (3, "retired")]


def test_a_name_survives_refits_and_is_what_new_events_carry(connection: sa.Connection) -> None:
    refit(connection, found(0, 1))
    [(topic_id, _)] = assigned(connection, 0)
    version = topic_edits.rename(connection, topic_id, "  Broken   kettles ", by="ana")
    assert registry.newest_version(connection) == version == 2
    assert assigned(connection, 0) == [(topic_id, "Broken kettles")]
    refit(connection, found(1, 0))
    assert assigned(connection, 0) == [(topic_id, "Broken kettles")]
    kinds = [(row["kind"], row["made_by"]) for row in registry.lineage_of(connection, topic_id)]
    assert kinds == [("born", "vocengine"), ("renamed", "ana"), ("kept", "vocengine")]


def test_a_merge_survives_refits_and_takes_history_and_verbatims_along(connection: sa.Connection) -> None:
    refit(connection, found(0, 1, 2))
    ids = [assigned(connection, axis)[0][0] for axis in range(3)]
    told = [enriched(i, topic=ids[i % 3], score=0.8 if i % 3 else -0.8) for i in range(30)]
    EventWriter(Monitored()).write(connection, told)
    topic_edits.merge(connection, [ids[1]], ids[0], by="ana")
    refit(connection, found(2, 1, 0))
    assert [assigned(connection, axis)[0][0] for axis in range(3)] == [ids[0], ids[0], ids[2]]

    within = range_of(START - timedelta(hours=1), START + timedelta(days=1))
    assert {t.topic_id: t.series.n for t in topic_trends(connection, within)} == {ids[0]: 20, ids[2]: 10}
    for asked in (ids[0], ids[1]):
        detail = topic_detail(connection, asked, within)
        assert detail is not None
        assert (detail.topic.topic_id, detail.topic.series.n, detail.split_of) == (ids[0], 20, 20)
    assert len(topic_verbatims(connection, ids[0], within, size=50).items) == 20


def test_a_topic_of_a_topic_counts_in_the_last(connection: sa.Connection) -> None:
    refit(connection, found(0, 1, 2))
    ids = [assigned(connection, axis)[0][0] for axis in range(3)]
    topic_edits.merge(connection, [ids[0]], ids[1], by="ana")
    topic_edits.merge(connection, [ids[1]], ids[2], by="ana")
    assert [assigned(connection, axis)[0][0] for axis in range(3)] == [ids[2]] * 3


def test_a_pinned_topic_is_kept_by_a_refit_that_does_not_find_it(connection: sa.Connection) -> None:
    refit(connection, found(0, 1))
    [(topic_id, _)] = assigned(connection, 1)
    topic_edits.pin(connection, topic_id, True, by="ana")
    refit(connection, found(0))
    assert topic_id in in_force(connection)
    topic_edits.pin(connection, topic_id, False, by="ana")
    refit(connection, found(0))
    assert topic_id not in in_force(connection)


def test_a_rollback_puts_the_topics_of_a_fit_back_and_leaves_names_alone(connection: sa.Connection) -> None:
    refit(connection, found(0, 1))
    before = in_force(connection)
    refit(connection, found(0, 3))
    [(topic_id, _)] = assigned(connection, 0)
    topic_edits.rename(connection, topic_id, "Kettles", by="ana")
    version = registry.rollback(connection, 1, by="ana")
    assert registry.newest_version(connection) == version == 4
    assert in_force(connection) == before | {topic_id: "Kettles"}
    assert [row["kind"] for row in registry.versions(connection)] == ["rollback", "edit", "refit", "refit"]


def test_a_rollback_undoes_the_merges_of_a_fit(connection: sa.Connection) -> None:
    refit(connection, found(0, 1))
    left, right = (assigned(connection, axis)[0][0] for axis in (0, 1))
    current, _ = registry.load_anchors(connection)
    assert current is not None
    [keeps] = [topic for topic in current.topics if topic.topic_id == left]
    merged = Plan((keeps,), (Change("kept", left, keeps.label),), (Change("merged", right, "", left),))
    registry.apply(connection, merged, FIT, base_version=current.version)
    assert registry.roots(connection) == {right: left}
    registry.rollback(connection, 1, by="ana")
    assert registry.roots(connection) == {}
    assert [assigned(connection, axis)[0][0] for axis in (0, 1)] == [left, right]


def test_the_plan_that_was_looked_at_is_the_one_applied_unless_the_registry_moved_on(connection: sa.Connection) -> None:
    refit(connection, found(0, 1))
    current, _ = registry.load_anchors(connection)
    assert current is not None
    plans.save(connection, plan(current, found(0, 1, 4), min_topic_spans=10), FIT, base_version=current.version)
    number, planned, fit, base = plans.load(connection, None)
    assert (number, base, fit) == (1, 1, FIT)
    assert planned.counts()["born"] == 1
    registry.apply(connection, planned, fit, base_version=base, by="ana")
    assert "topic of 4" in in_force(connection).values()
    with pytest.raises(RegistryError, match="was made for registry version 1 and 2 is in force: plan again"):
        registry.apply(connection, planned, fit, base_version=base, by="ana")


def test_what_makes_no_sense_is_refused_in_one_sentence_and_nothing_is_half_done(connection: sa.Connection) -> None:
    refit(connection, found(0, 1, 2))
    ids = [assigned(connection, axis)[0][0] for axis in range(3)]
    topic_edits.rename(connection, ids[1], "Lamps", by="ana")
    topic_edits.retire(connection, ids[2], by="ana")
    version = registry.newest_version(connection)
    wrong = {
        "there is no topic 99: `vocengine topics list`": lambda: topic_edits.rename(connection, 99, "x", by="a"),
        "is blank": lambda: topic_edits.rename(connection, ids[0], "  ", by="a"),
        f"topic {ids[1]} is already called 'lamps'": lambda: topic_edits.rename(connection, ids[0], "lamps", by="a"),
        "cannot be merged into itself": lambda: topic_edits.merge(connection, [ids[0], ids[1]], ids[1], by="a"),
        "is retired since registry version": lambda: topic_edits.merge(connection, [ids[2]], ids[0], by="a"),
        "there is no registry version 77: there are 1 to": lambda: registry.rollback(connection, 77, by="a"),
        "there is no plan": lambda: plans.load(connection, None),
    }
    for says, attempt in wrong.items():
        point = connection.begin_nested()
        with pytest.raises(RegistryError, match=says.replace("(", r"\(")):
            attempt()
        point.rollback()
    assert registry.newest_version(connection) == version


def test_a_version_of_another_encoder_is_not_gone_back_to(connection: sa.Connection) -> None:
    refit(connection, found(0))
    current, _ = registry.load_anchors(connection)
    planned = plan(current, found(0, 1), min_topic_spans=10)
    registry.apply(connection, planned, replace(FIT, encoder_digest="encoder-b"), base_version=1)
    with pytest.raises(RegistryError, match="found with another encoder"):
        registry.rollback(connection, 1, by="ana")


def test_times_of_lineage_are_known(connection: sa.Connection) -> None:
    refit(connection, found(0))
    [row] = registry.lineage_of(connection, assigned(connection, 0)[0][0])
    assert abs(row["made_at"] - datetime.now(UTC)) < timedelta(minutes=5)
