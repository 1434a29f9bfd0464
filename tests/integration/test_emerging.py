"""Emerging topics end to end: clauses of the stream become a candidate, an alert and, adopted, a topic in force."""

from __future__ import annotations

import csv
import random
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from kafka import TopicPartition

from tests.integration.wire import as_records, enriched, in_thread, produce, read_all, wait_until
from vocengine.contracts import Alert, Enriched, decode_alert
from vocengine.errors import RegistryError
from vocengine.pipeline import Models
from vocengine.settings import Settings, load_settings
from vocengine.store import candidates, locks, references, registry
from vocengine.store.reads import alert_detail
from vocengine.store.registry import Fit
from vocengine.store.tables import alerts, cases, consumer_positions, emerging_pool, outbox
from vocengine.store.writer import EventWriter
from vocengine.stream.discover import POOL_SPANS, DiscoverHandler
from vocengine.stream.discover_member import run_discover
from vocengine.stream.inbox import Received
from vocengine.stream.members import run_store
from vocengine.topics.discover import Discovered, Discovery
from vocengine.topics.lineage import plan
from vocengine.trends.mentions import Monitored
from vocengine.web import create_app

pytestmark = pytest.mark.integration

HELD_BACK = "passcode_forgotten"
NOW = datetime.now(UTC)


@dataclass
class Said:
    """Questions of bank customers: what a fit saw, and what comes after it, with and without a new kind."""

    embeddings: np.ndarray  # type: ignore[type-arg]
    later: list[str]
    new: list[str]

    def stream(self, *, new: bool, start: int = 0) -> list[Enriched]:
        """Events of now, a new question after each ten."""
        events = []
        for place, text in enumerate(self.later):
            events.append(said(start + len(events), text))
            if new and place % 10 == 9 and place // 10 < len(self.new):
                events.append(said(start + len(events), self.new[place // 10]))
        return events


def said(number: int, text: str) -> Enriched:
    return enriched(number, score=-0.6, at=NOW - timedelta(minutes=5), text=text, product=None)


@pytest.fixture(scope="session")
def bank(data_sets: Path, models: Models) -> Said:
    with (data_sets / "topics" / "banking77" / "train.csv").open(encoding="utf-8", newline="") as stream:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(stream)]
    random.Random(3).shuffle(rows)
    others = [text for text, intent in rows if intent != HELD_BACK and len(text.split()) >= 3]
    new = [text for text, intent in rows if intent == HELD_BACK and len(text.split()) >= 3]
    fitted = others[:900]
    embeddings = models.encoder.encode(fitted, [[(0, len(text))] for text in fitted]).span_embedding
    return Said(embeddings, others[900:1_300], new[:40])


@pytest.fixture
def fitted(database: object, bank: Said, models: Models) -> sa.Engine:
    """A database with one topic in force and the sample of the fit that found it."""
    engine: sa.Engine = database.engine  # type: ignore[attr-defined]
    centre = bank.embeddings[0]
    found = Discovery(
        (Discovered("first", ("first",), centre, 0.9, 20, ("first",)),),
        len(bank.embeddings), 0.5, np.zeros(len(bank.embeddings), dtype=np.int64), bank.embeddings,
    )  # fmt: skip
    digest = models.encoder.info.digest
    with engine.begin() as connection:
        version = registry.apply(
            connection, plan(None, found, min_topic_spans=10), Fit(digest, 900, 0.5, {}), base_version=None
        )
        references.save(connection, bank.embeddings, digest, version=version)
    return engine


def quick(**more: object) -> Settings:
    return load_settings(environ={}, overrides={"topics.emerging.most_spans": 4_000, **more})


def received(events: list[Enriched]) -> list[Received[Enriched | None]]:
    partition = TopicPartition("voc.enriched", 0)
    return [Received(partition, at, None, None, NOW, event) for at, event in enumerate(events)]


def feed(engine: sa.Engine, handler: DiscoverHandler, events: list[Enriched]) -> None:
    for at in range(0, len(events), 150):
        with engine.begin() as connection:
            assert handler.handle(connection, received(events[at : at + 150])) == []
        handler.committed()


def test_a_new_kind_of_question_becomes_a_candidate_with_an_alert(
    fitted: sa.Engine, bank: Said, models: Models
) -> None:
    events = bank.stream(new=True)
    feed(fitted, DiscoverHandler(quick(), models.encoder), events)
    with fitted.begin() as connection:
        [found] = candidates.load(connection)
        [raised] = connection.execute(sa.select(alerts)).all()
        assert list(connection.scalars(sa.select(outbox.c.topic).order_by(outbox.c.topic))) == [
            "voc.alerts",
            "voc.cases",
        ]
        pooled = connection.scalar(sa.select(sa.func.count()).select_from(emerging_pool))
        detail = alert_detail(connection, raised.alert_id)
    assert found.status == "open" and {"passcode", "forgot", "forgotten"} & set(found.keywords)
    assert all(example in bank.new for example in found.examples)
    assert found.size > found.evidence["authors"] >= 8, "what came after the find counts too"
    assert pooled < len(events) <= POOL_SPANS
    assert (raised.kind, raised.key, raised.label) == ("emerging_topic", f"candidate:{found.candidate_id}", found.label)
    assert detail is not None and detail.candidate is not None and detail.candidate.status == "open"
    assert detail.case is not None and detail.case.case.alerts == (raised.alert_id,)
    assert detail.alert.evidence.value > detail.alert.evidence.threshold
    assert all(verbatim.text in bank.new for verbatim in detail.alert.verbatims)


@pytest.mark.parametrize(("says", "severity"), [("mute: true", None), ("severity: low, owner: ana", "low")])
def test_a_policy_of_candidates_mutes_the_alert_or_says_how_bad_and_whose_it_is(
    says: str, severity: str | None, fitted: sa.Engine, bank: Said, models: Models, tmp_path: Path
) -> None:
    file = tmp_path / "policies.yaml"
    file.write_text(f'owners: [ana]\npolicies: [{{name: new, keys: ["candidate:*"], {says}}}]\n')
    feed(fitted, DiscoverHandler(quick(**{"alerts.policies": str(file)}), models.encoder), bank.stream(new=True))
    with fitted.begin() as connection:
        [found] = candidates.load_known(connection, models.encoder.info.digest, since=NOW - timedelta(days=1))
        raised = connection.execute(sa.select(alerts.c.key, alerts.c.severity)).all()
        owners = list(connection.scalars(sa.select(cases.c.owner)))
    key = f"candidate:{found.candidate_id}"
    assert [tuple(row) for row in raised] == ([] if severity is None else [(key, severity)])
    assert owners == ([] if severity is None else ["ana"])


def test_the_same_stream_without_it_raises_nothing(fitted: sa.Engine, bank: Said, models: Models) -> None:
    feed(fitted, DiscoverHandler(quick(), models.encoder), bank.stream(new=False))
    with fitted.begin() as connection:
        assert candidates.load(connection) == []


def test_history_that_is_imported_is_no_news(fitted: sa.Engine, bank: Said, models: Models) -> None:
    late = [replace(event, occurred_at=NOW - timedelta(days=30)) for event in bank.stream(new=True)]
    feed(fitted, DiscoverHandler(quick(), models.encoder), late)
    with fitted.begin() as connection:
        assert candidates.load(connection) == []
        assert connection.scalar(sa.select(sa.func.count()).select_from(emerging_pool)) == 0


def test_a_restart_between_any_two_batches_changes_nothing(fitted: sa.Engine, bank: Said, models: Models) -> None:
    events = bank.stream(new=True)
    for at in range(0, len(events), 150):
        handler = DiscoverHandler(quick(), models.encoder)
        with pytest.raises(ZeroDivisionError), fitted.begin() as connection:
            handler.handle(connection, received(events[at : at + 150]))
            raise ZeroDivisionError  # as a crash before the commit would
        handler.rolled_back()
        feed(fitted, handler, events[at : at + 150])
    with fitted.begin() as connection:
        assert len(candidates.load(connection)) == 1
        assert connection.scalar(sa.select(sa.func.count()).select_from(alerts)) == 1


def test_no_more_is_read_anew_than_a_pass_allows(fitted: sa.Engine, bank: Said, models: Models) -> None:
    handler = DiscoverHandler(quick(**{"topics.emerging.most_spans": 40}), models.encoder)
    feed(fitted, handler, bank.stream(new=False))
    handler.begin_pass()
    feed(fitted, handler, bank.stream(new=False, start=5_000))
    with fitted.begin() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(emerging_pool)) == 80


def test_automatic_adoption_puts_the_topic_in_force(fitted: sa.Engine, bank: Said, models: Models) -> None:
    settings = quick(**{"topics.emerging.adopt": "automatic"})
    feed(fitted, DiscoverHandler(settings, models.encoder), bank.stream(new=True))
    with fitted.begin() as connection:
        [found] = candidates.load(connection)
        assert (found.status, found.settled_by) == ("adopted", "vocengine")
        assert registry.newest_version(connection) == 2
        index = registry.load_index(connection)
        assert found.topic_id is not None and index is not None
        [born] = registry.lineage_of(connection, found.topic_id)
        assert (born["kind"], born["evidence"]["candidate"]) == ("born", found.candidate_id)
        assert registry.rollback(connection, 2, by="ana") == 3
        assert len(registry.load_topics(connection)) == 2, "a rollback to the birth keeps the topic"
    said_again = models.encoder.encode(bank.new, [()] * len(bank.new)).embedding
    mine = [found.topic_id in {topic.topic_id for topic in topics} for topics in index.assign(said_again)]
    assert np.mean(mine) > 0.5


def test_people_adopt_with_a_name_or_dismiss_once(fitted: sa.Engine, bank: Said, models: Models) -> None:
    handler = DiscoverHandler(quick(), models.encoder)
    feed(fitted, handler, bank.stream(new=True))
    with fitted.begin() as connection:
        [found] = candidates.load(connection)
        again = candidates.add(connection, found)
        topic_id, version = candidates.adopt(connection, found.candidate_id, by="ana", name="Forgotten passcodes")
        assert registry.newest_version(connection) == version
        titles = {entry.topic.topic_id: entry.title for entry in registry.load_topics(connection)}
        assert titles[topic_id] == "Forgotten passcodes"
        candidates.dismiss(connection, again.candidate_id, by="ben")
    wrong = {
        f"candidate {found.candidate_id} was already adopted as topic {topic_id}, by ana": found.candidate_id,
        f"candidate {again.candidate_id} was already dismissed, by ben": again.candidate_id,
        "there is no candidate 99: `vocengine topics candidates`": 99,
    }
    for says, candidate_id in wrong.items():
        for attempt in (candidates.adopt, candidates.dismiss):
            with pytest.raises(RegistryError, match=says), fitted.begin() as connection:
                attempt(connection, candidate_id, by="cem")
    feed(fitted, handler, bank.stream(new=True, start=20_000))
    with fitted.begin() as connection:
        assert len(candidates.load(connection)) == 2, "what is settled is not reported again"


def test_a_refit_that_finds_it_too_settles_a_candidate(fitted: sa.Engine, bank: Said, models: Models) -> None:
    feed(fitted, DiscoverHandler(quick(), models.encoder), bank.stream(new=True))
    with fitted.begin() as connection:
        [found] = candidates.load(connection)
        assert candidates.settle_found(connection) == []
        current, _ = registry.load_anchors(connection)
        group = Discovered("passcode", ("passcode",), found.centroid, 0.5, 30, ("I forgot my passcode",))
        refit = Discovery((group,), 30, 0.0, np.zeros(30, dtype=np.int64), np.repeat(found.centroid[None], 30, axis=0))
        planned = plan(current, refit, min_topic_spans=10)
        registry.apply(connection, planned, Fit(found.encoder_digest, 30, 0.0, {}), base_version=1)
        assert candidates.settle_found(connection) == [found.candidate_id]
        [after] = candidates.load(connection)
    assert (after.status, after.settled_by) == ("adopted", "refit") and after.topic_id is not None


def test_through_the_stream_the_alert_is_published_once_and_positions_stand(
    settings: Settings, fitted: sa.Engine, bank: Said, models: Models
) -> None:
    topics = settings.topics.model_copy(
        update={"emerging": settings.topics.emerging.model_copy(update={"every_s": 0.5, "most_spans": 4_000})}
    )
    settings = settings.model_copy(update={"topics": topics})
    events = bank.stream(new=True)
    produce(settings, "enriched", [*as_records(events), (b"broken", b"{broken")])

    def discover(settings: Settings, stop: object) -> None:
        run_discover(settings, stop, load_encoder=lambda: models.encoder)  # type: ignore[arg-type]

    def all_read() -> bool:
        with fitted.connect() as connection:
            mine = consumer_positions.c.group_name == settings.kafka.group("discover")
            done = sa.select(sa.func.sum(consumer_positions.c.next_offset)).where(mine)
            return connection.scalar(done) == len(events) + 1

    # Two members: one works, the other stands by; the relay is in the role store.
    with in_thread(run_store, settings), in_thread(discover, settings), in_thread(discover, settings):
        wait_until(all_read, what="all events read by discover")
        wait_until(lambda: read_all(settings, "alerts"), what="an alert")
    with in_thread(discover, settings):
        wait_until(all_read, what="nothing left to read")
    [alert] = [decode_alert(record.value) for record in read_all(settings, "alerts")]
    assert isinstance(alert, Alert) and alert.kind == "emerging_topic"
    assert len(read_all(settings, "dead-letter")) == 1, "the role store alone makes the letter"
    with fitted.connect() as connection:
        assert len(candidates.load(connection)) == 1


def test_the_member_at_work_settles_within_seconds_what_was_asked_for_by_api(
    settings: Settings, fitted: sa.Engine, models: Models
) -> None:
    def discover(settings: Settings, stop: object) -> None:
        run_discover(settings, stop, load_encoder=lambda: models.encoder)  # type: ignore[arg-type]

    def at_work() -> bool:
        with fitted.connect() as connection:
            return not connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(locks.DISCOVER)))

    with TestClient(create_app(fitted, edits=True)) as client, in_thread(discover, settings):

        def status() -> str:
            told: str = client.get("/api/v1/topics/requests/1").json()["status"]
            return told

        wait_until(at_work, what="a member at work")
        assert client.post("/api/v1/topics/1/split", json={"into": 2, "by": "ana"}).status_code == 202
        wait_until(lambda: status() == "refused", timeout_s=10, what="the request settled")
        told = client.get("/api/v1/topics/requests/1").json()
    assert told["message"].startswith("topic 1 does not split into 2: 0 spans of it are stored")


@pytest.mark.slow
def test_refits_by_schedule_are_made_once_and_leave_a_reference(
    settings: Settings, database: object, bank: Said, models: Models
) -> None:
    engine: sa.Engine = database.engine  # type: ignore[attr-defined]
    with engine.begin() as connection:
        EventWriter(Monitored()).write(connection, [said(number, text) for number, text in enumerate(bank.later)])
    settings = settings.model_copy(update={"topics": settings.topics.model_copy(update={"refit_every_h": 500.0})})

    def discover(settings: Settings, stop: object) -> None:
        run_discover(settings, stop, load_encoder=lambda: models.encoder)  # type: ignore[arg-type]

    def refitted() -> bool:
        with engine.connect() as connection:
            return registry.newest_version(connection) is not None

    with in_thread(discover, settings), in_thread(discover, settings):
        wait_until(refitted, timeout_s=240, what="a refit")
        time.sleep(12)
    with engine.connect() as connection:
        [version] = registry.versions(connection)
        assert version["kind"] == "refit"
        kept = references.load(connection)
        assert kept is not None and len(kept.embeddings) == version["spans_fitted"]
        assert references.newest_id(connection) == kept.reference_id
