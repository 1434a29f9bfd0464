"""Splits by people, by command and by request, in a real database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.told import (
    BROKEN,
    FAR,
    LATE,
    TAXONOMY,
    WITHIN,
    command,
    discovered,
    ids_in_force,
    refit,
    understood,
    without_broker,
)
from vocengine.encoder.interface import Encoder
from vocengine.errors import RegistryError, StaleMember, StoreUnavailable
from vocengine.pipeline import Models
from vocengine.settings import Settings
from vocengine.store import registry, requests, topic_edits
from vocengine.store.reads import (
    topic_trends,
)
from vocengine.stream import topic_split, topic_taxonomy

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(database: Any, tmp_path: Path) -> Settings:
    return without_broker(database, tmp_path)


@pytest.fixture
def taxonomy(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(TAXONOMY, encoding="utf-8")
    return path


def test_a_split_by_phrases_is_taken_up_by_new_events_and_outlives_refits(
    settings: Settings, database: Any, models: Models
) -> None:
    discovery = discovered(models, database.engine, LATE + BROKEN)
    understood([*LATE, *BROKEN, *FAR], models, database.engine)
    made = topic_split.split(settings, 1, phrases=("my parcel came late", "it arrived broken"), by="ana", models=models)
    assert made.ids == (1, 2) and [part.label for part in made.parts] == ["it arrived broken", "my parcel came late"]
    assert made.spans == len(LATE) + len(BROKEN)

    # A fit that finds the two as one again does not put them together.
    refit(models, database.engine, discovery)
    new = understood(["My parcel was ten days late.", "The plate was broken."], models, database.engine, first=900)
    nearest = [event.spans[0].topics[0] for event in new]
    assert [topic.topic_id for topic in nearest] == [2, 1] and nearest[0].label == "my parcel came late"
    with database.engine.begin() as connection:
        before = {trend.topic_id: trend.series.n for trend in topic_trends(connection, WITHIN)}
        assert before == {1: made.spans + 1, 2: 1}, "what was said before the split stays with the parent"
        [born, *_] = registry.lineage_of(connection, 2)
        assert (born["kind"], born["other_topic_id"], born["made_by"]) == ("split", 1, "ana")
        assert born["evidence"]["spans"] == len(LATE)
        registry.rollback(connection, 1, by="ana")
    assert ids_in_force(database.engine) == {1}


def test_what_was_merged_into_a_split_topic_is_split_with_it(settings: Settings, database: Any, models: Models) -> None:
    discovered(models, database.engine, LATE, BROKEN)
    understood([*LATE, *BROKEN], models, database.engine)
    with database.engine.begin() as connection:
        topic_edits.merge(connection, [2], 1, by="ana")
    made = topic_split.split(settings, 1, into=2, by="ana", models=models)
    assert made.spans == len(LATE) + len(BROKEN) and made.ids == (1, 3)
    new = understood(["My parcel was ten days late.", "The plate was broken."], models, database.engine, first=900)
    assert {event.spans[0].topics[0].topic_id for event in new} == {1, 3}
    with database.engine.begin() as connection:
        trends = {trend.topic_id: trend.series.n for trend in topic_trends(connection, WITHIN)}
    assert trends == {1: made.spans + 1, 3: 1}


def test_a_split_that_makes_no_sense_is_refused_and_nothing_is_half_done(
    settings: Settings, database: Any, models: Models, taxonomy: Path
) -> None:
    discovered(models, database.engine, LATE, BROKEN)
    category = topic_taxonomy.apply(settings, taxonomy, by="ana", models=models).ids["Late delivery"]
    understood([*LATE, *BROKEN], models, database.engine)
    with database.engine.begin() as connection:
        topic_edits.retire(connection, 2, by="ana")
        version = registry.newest_version(connection)
    wrong: dict[str, tuple[int, dict[str, Any]]] = {
        "there is no topic 99": (99, {"into": 2}),
        "topic 2 is retired since registry version": (2, {"into": 2}),
        "of the taxonomy: change its file": (category, {"into": 2}),
        "12 spans of it are stored, and 2 parts of 10 spans need 20": (1, {"into": 2}),
        "split by 1 phrases, 'late': give 2 to 10 that differ": (1, {"phrases": ("late",)}),
        "split into 1 parts: 2 to 10 can be made": (1, {"into": 1}),
    }
    for says, (topic_id, how) in wrong.items():
        with pytest.raises(RegistryError, match=says):
            topic_split.split(settings, topic_id, by="ana", models=models, **how)
    with database.engine.begin() as connection:
        assert registry.newest_version(connection) == version


def test_a_split_by_command_line(settings: Settings, database: Any, models: Models) -> None:
    discovered(models, database.engine, LATE + BROKEN)
    understood([*LATE, *BROKEN], models, database.engine)
    assert "not both" in command(settings, "split", "1").output
    assert "not both" in command(settings, "split", "1", "--into", "2", "--phrase", "late").output
    done = command(settings, "split", "1", "--into", "2", "--by", "ana")
    assert done.exit_code == 0, done.output
    assert "what was said before stays with topic 1" in done.output
    assert ids_in_force(database.engine) == {1, 2}


# Splits, asked for


def ask(engine: sa.Engine, topic_id: int, **how: Any) -> int:
    with engine.begin() as connection:
        return requests.add(connection, topic_id, by="ana", **how).request_id


def request(engine: sa.Engine, request_id: int) -> requests.TopicRequest:
    with engine.begin() as connection:
        found = requests.load_one(connection, request_id)
    assert found is not None
    return found


def test_splits_that_are_asked_for_are_done_or_refused_the_oldest_first(
    settings: Settings, database: Any, models: Models
) -> None:
    discovered(models, database.engine, LATE + BROKEN, FAR)
    understood([*LATE, *BROKEN, *FAR], models, database.engine)
    done = ask(database.engine, 1, phrases=("the parcel came days late", "it arrived broken"))
    refused = ask(database.engine, 2, into=2)
    assert topic_split.settle_next(settings, database.engine, models.encoder)
    first = request(database.engine, done)
    assert (first.status, first.message, request(database.engine, refused).status) == ("done", None, "pending")
    assert ids_in_force(database.engine) == {1, 2, 3}
    with database.engine.begin() as connection:
        assert registry.newest_version(connection) == first.version == 2
        [born] = registry.lineage_of(connection, 3)
    assert (born["kind"], born["other_topic_id"], born["made_by"]) == ("split", 1, "ana")
    assert born["evidence"]["spans"] > 10, born["evidence"]

    assert topic_split.settle_next(settings, database.engine, models.encoder)
    second = request(database.engine, refused)
    assert second.status == "refused" and second.version is None
    assert second.message == (
        "topic 2 does not split into 2: 3 spans of it are stored, and 2 parts of 10 spans need 20"
    )
    assert not topic_split.settle_next(settings, database.engine, models.encoder)
    assert ids_in_force(database.engine) == {1, 2, 3}


def test_a_topic_that_is_retired_before_its_turn_is_refused(settings: Settings, database: Any, models: Models) -> None:
    discovered(models, database.engine, LATE, BROKEN)
    asked = ask(database.engine, 1, into=2)
    with database.engine.begin() as connection:
        topic_edits.retire(connection, 1, by="ben")
    assert topic_split.settle_next(settings, database.engine, models.encoder)
    settled = request(database.engine, asked)
    assert settled.status == "refused" and "topic 1 is retired since registry version 2" in (settled.message or "")


class Meanwhile:
    """The encoder; before it first reads, something else happens."""

    def __init__(self, encoder: Encoder, happens: Callable[[], object]) -> None:
        self.info, self._encoder, self._happens = encoder.info, encoder, happens
        self._first = True

    def encode(self, texts: Any, spans: Any) -> Any:
        if self._first:
            self._first = False
            self._happens()
        return self._encoder.encode(texts, spans)


def test_what_happens_while_the_clauses_are_read_leaves_no_split_half_done_or_done_twice(
    settings: Settings, database: Any, models: Models
) -> None:
    engine = database.engine
    discovered(models, engine, LATE + BROKEN)
    understood([*LATE, *BROKEN], models, engine)

    def settle(happens: Callable[[], object]) -> None:
        topic_split.settle_next(settings, engine, Meanwhile(models.encoder, happens))

    def rename() -> None:
        with engine.begin() as connection:
            topic_edits.rename(connection, 1, "Parcels", by="ben")

    def die() -> None:
        raise StoreUnavailable("the database went away")

    asked = ask(engine, 1, into=2)
    with pytest.raises(StoreUnavailable):
        settle(die)
    settle(rename)
    assert request(engine, asked).status == "pending" and ids_in_force(engine) == {1}
    settle(lambda: topic_split.settle_next(settings, engine, models.encoder))
    assert request(engine, asked).status == "done" and ids_in_force(engine) == {1, 2}
    assert not topic_split.settle_next(settings, engine, models.encoder)

    # Where the request cannot be settled, the parts are not put in force either.
    with engine.begin() as connection:
        registry.rollback(connection, 1, by="ben")
    again = ask(engine, 1, into=2)

    def refuse() -> None:
        with engine.begin() as connection:
            requests.settle_refused(connection, again, "not wanted")

    with pytest.raises(StaleMember, match=f"request {again} was settled by another member"):
        settle(refuse)
    assert request(engine, again).message == "not wanted" and ids_in_force(engine) == {1}


def test_a_split_that_fails_by_a_fault_does_not_keep_the_role_from_its_work(
    settings: Settings, database: Any, models: Models
) -> None:
    discovered(models, database.engine, LATE + BROKEN)
    understood([*LATE, *BROKEN], models, database.engine)
    asked = ask(database.engine, 1, into=2)
    broken = Meanwhile(models.encoder, lambda: 1 / 0)
    assert topic_split.settle_next(settings, database.engine, broken)
    settled = request(database.engine, asked)
    assert settled.status == "refused" and "failed with ZeroDivisionError" in (settled.message or "")


# Edits, within seconds
