"""store: enriched events in Kafka become rows, once, whatever is repeated, wrong or away."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from tests.integration.wire import as_records, enriched, in_thread, produce, read_all, wait_until
from vocengine.contracts.wire import decode_dead_letter
from vocengine.settings import Settings
from vocengine.store.tables import events, rollups, spans
from vocengine.stream.members import run_store

pytestmark = pytest.mark.integration


def rows(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_events_are_stored_once_with_spans_and_rollups(settings: Settings, database: object) -> None:
    engine = database.engine  # type: ignore[attr-defined]
    batch = [enriched(i, score=0.9 if i % 2 else -0.9, topic=1 + i % 3) for i in range(300)]
    produce(settings, "enriched", as_records(batch + batch[:50]))
    with in_thread(run_store, settings):
        wait_until(lambda: rows(engine, events) == 300, what="300 rows")
        produce(settings, "enriched", as_records([enriched(300)]))
        wait_until(lambda: rows(engine, events) == 301, what="row 301")
    assert rows(engine, spans) == 301
    with engine.connect() as connection:
        n, negative = connection.execute(
            sa.select(sa.func.sum(rollups.c.n), sa.func.sum(rollups.c.negative_n)).where(rollups.c.key == "all")
        ).one()
        topics = connection.scalar(sa.select(sa.func.sum(rollups.c.n)).where(rollups.c.kind == "topic"))
    assert (n, negative, topics) == (301, 150, 300)
    assert read_all(settings, "dead-letter") == []


def test_other_content_under_a_known_id_is_dead_lettered_and_the_first_stands(
    settings: Settings, database: object
) -> None:
    engine = database.engine  # type: ignore[attr-defined]
    first = enriched(1, text="The first.")
    produce(settings, "enriched", as_records([first, replace(first, text="Another.", content_digest="other")]))
    with in_thread(run_store, settings):
        letters = wait_until(lambda: read_all(settings, "dead-letter"), what="a dead letter")
    letter = decode_dead_letter(letters[0].value)
    assert (letter.code, letter.role) == ("conflicting_duplicate", "store")
    with engine.connect() as connection:
        assert connection.scalars(sa.select(events.c.text)).all() == ["The first."]


def test_a_record_that_the_database_refuses_is_found_and_the_rest_goes_on(settings: Settings, database: object) -> None:
    engine = database.engine  # type: ignore[attr-defined]
    # Not possible through enrich, which cleans; another producer may write anything.
    poison = enriched(7, text="a null byte \x00 that PostgreSQL cannot hold")
    batch = [enriched(i) if i != 7 else poison for i in range(20)]
    produce(settings, "enriched", [*as_records(batch), (b"x", b"{broken")])
    with in_thread(run_store, settings):
        wait_until(lambda: rows(engine, events) == 19, what="19 rows")
        letters = wait_until(lambda: len(found := read_all(settings, "dead-letter")) == 2 and found, what="2 letters")
    codes = {decode_dead_letter(record.value).code for record in letters}
    assert codes == {"processing_failed", "invalid_json"}
