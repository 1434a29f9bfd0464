"""The broker or the database goes away for half a minute; members come and go; the stream goes on by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from kafka.admin import KafkaAdminClient
from kafka.errors import CoordinatorNotAvailableError

from tests.integration.processes import RoleProcess
from tests.integration.test_kills import feedback
from tests.integration.wire import as_records, enriched, produce, read_all, wait_until
from vocengine.settings import Settings
from vocengine.store.tables import event_ids
from vocengine.stream import clients, topology
from vocengine.stream.broker import LocalBroker

pytestmark = [pytest.mark.integration, pytest.mark.slow]

AWAY_S = 30.0


@pytest.fixture
def own_broker(settings: Settings, tmp_path: Path) -> Iterator[tuple[LocalBroker, Settings]]:
    """A broker of this test's own, which it may stop."""
    with LocalBroker(tmp_path / "kafka") as local:
        kafka = settings.kafka.model_copy(update={"bootstrap": local.bootstrap})
        topology.apply(kafka)
        yield local, settings.model_copy(update={"kafka": kafka})


def stored(database: object) -> int:
    with database.engine.connect() as connection:  # type: ignore[attr-defined]
        return connection.scalar(sa.select(sa.func.count()).select_from(event_ids)) or 0


def members(settings: Settings, role: str) -> dict[str, int]:
    """Partitions held by each member of a group, by client id."""
    admin: KafkaAdminClient = clients.admin(settings.kafka)
    try:
        [group] = admin.describe_groups([settings.kafka.group(role)]).values()
        return {
            # A member that is still joining has no assignment yet.
            member["client_id"]: sum(
                len(topic["partitions"])
                for topic in (member["member_assignment"] or {"assigned_partitions": []})["assigned_partitions"]
            )
            for member in group["members"]
        }
    except CoordinatorNotAvailableError:
        return {}  # a fresh broker makes its offsets topic on the first question
    finally:
        admin.close()


@pytest.mark.timeout(240)
def test_the_broker_away_for_half_a_minute(
    own_broker: tuple[LocalBroker, Settings], database: object, tmp_path: Path
) -> None:
    local, settings = own_broker
    with (
        RoleProcess("enrich", settings, tmp_path, instance="enrich-0") as enrich,
        RoleProcess("store", settings, tmp_path, instance="store-0") as store,
    ):
        produce(settings, "feedback", [feedback(n) for n in range(200)])
        wait_until(lambda: stored(database) == 200, what="the first 200", timeout_s=90)
        local.kill()
        time.sleep(AWAY_S)
        assert enrich.process and enrich.process.poll() is None, enrich.tail()
        assert store.process and store.process.poll() is None, store.tail()
        local.start()
        produce(settings, "feedback", [feedback(n) for n in range(200, 400)])
        wait_until(lambda: stored(database) == 400, what="the next 200", timeout_s=90)
    assert len(read_all(settings, "enriched")) == 400


@pytest.mark.timeout(240)
def test_the_database_away_for_half_a_minute(
    settings: Settings, database: object, postgres: object, tmp_path: Path
) -> None:
    with RoleProcess("store", settings, tmp_path, instance="store-0") as store:
        produce(settings, "enriched", as_records(enriched(n) for n in range(100)))
        wait_until(lambda: stored(database) == 100, what="the first 100")
        postgres.stop()  # type: ignore[attr-defined]
        produce(settings, "enriched", as_records(enriched(n) for n in range(100, 300)))
        time.sleep(AWAY_S)
        assert store.process and store.process.poll() is None, store.tail()
        postgres.start()  # type: ignore[attr-defined]
        database.engine.dispose()  # type: ignore[attr-defined]
        wait_until(lambda: stored(database) == 300, what="the next 200", timeout_s=60)


@pytest.mark.timeout(240)
def test_a_second_member_takes_its_share_and_leaves_it_at_once(
    settings: Settings, database: object, tmp_path: Path
) -> None:
    """SIGTERM finishes the batch and leaves: the other has all partitions long before a session would time out."""
    with (
        RoleProcess("store", settings, tmp_path, instance="store-0") as first,
        RoleProcess("store", settings, tmp_path, instance="store-1") as second,
    ):
        wait_until(lambda: sorted(members(settings, "store").values()) == [3, 3], what="a fair share for both")
        produce(settings, "enriched", as_records(enriched(n) for n in range(2_000)))
        took_s = second.terminate()
        wait_until(lambda: list(members(settings, "store").values()) == [6], timeout_s=4, what="the other to take over")
        assert took_s < 5
        wait_until(lambda: stored(database) == 2_000, what="all 2,000")
        assert first.terminate() < 5
