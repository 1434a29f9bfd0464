"""Writing to PostgreSQL and reading the pages' queries, small and large: `python -m benchmarks.storage`.

Two databases of one embedded server are filled by the store's own writer with generated events over the same 90
days: 10 thousand in one, a million (`--events`) in the other. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import atexit
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from benchmarks import generated, machine
from benchmarks.usage import POSTGRESQL, cpu_s
from vocengine.contracts import Enriched
from vocengine.settings import StreamSettings
from vocengine.store import detector_states, reads, registry, schema
from vocengine.store import engine as store_engine
from vocengine.store.writer import EventWriter
from vocengine.trends.mentions import Monitored

_REPEATS = 15
# One alert in so many events; an installation with more would not be read by anyone.
_EVENTS_AN_ALERT = 2_000


@dataclass(frozen=True, slots=True)
class Filled:
    """How a database was filled; `write_s` is the writer and its commits, without making the events up."""

    events: int
    write_s: float
    writer_cpu_ms: float
    postgresql_cpu_ms: float
    bytes: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000, help="events of the large database")
    parser.add_argument("--small", type=int, default=10_000, help="events of the small database")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="voc-bench-"))
    # Runs after the server has stopped: what is registered first runs last.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    url = store_engine.start_embedded(folder)
    pid = int((folder / "postgres" / "postmaster.pid").read_text().split("\n")[0])
    filled, read_ms = {}, {}
    for name, events in (("small", given.small), ("large", given.events)):
        engine = _new_database(url, name)
        print(f"{name}: writing {events:,} events", file=sys.stderr, flush=True)
        filled[name] = _fill(engine, events, postgres_pid=pid)
        read_ms[name] = _read(engine)
        engine.dispose()
    print(orjson.dumps(_result(filled["small"], filled["large"], read_ms) | machine.describe()).decode())


def _new_database(url: str, name: str) -> store_engine.Engine:
    admin = store_engine.engine_for(url).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    engine = store_engine.engine_for(url.replace("/postgres?", f"/{name}?"))
    schema.upgrade(engine)
    with store_engine.transaction(engine) as connection:
        registry.apply(connection, generated.topics(), registry.Fit("0" * 64, 1_000, 0.3, {}), base_version=None)
    return engine


def _fill(engine: store_engine.Engine, events: int, *, postgres_pid: int) -> Filled:
    """Write `events` in the stream's batches, one transaction each, with an alert now and then."""
    writer, source = EventWriter(Monitored()), generated.enriched_events(events)
    alerts = max(20, events // _EVENTS_AN_ALERT)
    write_s = writer_cpu_s = 0.0
    postgres = {POSTGRESQL: [postgres_pid]}
    before_s = cpu_s(postgres)[POSTGRESQL]
    for batch in _batches(source, StreamSettings().batch_max_records):
        begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
        with store_engine.transaction(engine) as connection:
            written = writer.write(connection, batch)
        writer.committed(batch)
        write_s += time.perf_counter() - begin_s
        writer_cpu_s += time.process_time() - begin_cpu_s
        assert written.new == len(batch), f"{len(batch) - written.new} of a batch of new events were not new"
    postgres_s = cpu_s(postgres)[POSTGRESQL] - before_s
    with store_engine.transaction(engine) as connection:
        detector_states.add_alerts(connection, [generated.alert(number, of=alerts) for number in range(alerts)])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))  # what autovacuum does within a minute
        size = connection.scalar(sa.text("SELECT pg_database_size(current_database())"))
    return Filled(events, write_s, writer_cpu_s / events * 1e3, postgres_s / events * 1e3, int(size or 0))


def _batches(source: Iterator[Enriched], size: int) -> Iterator[list[Enriched]]:
    while batch := list(islice(source, size)):
        yield batch


def _read(engine: store_engine.Engine) -> dict[str, float]:
    """Median milliseconds of each page's queries, in a read-only transaction each, as the web role reads."""
    with reads.reading(engine) as connection:
        within = reads.latest_range(connection)
        all_days = reads.latest_range(connection, days=generated.DAYS)
        busiest = _customer(connection, "DESC")
        once = _customer(connection, "ASC")
    assert within is not None and all_days is not None
    queries: dict[str, Callable[[reads.Connection], Any]] = {
        "overview_28_days": lambda c: reads.overview(c, within),
        "overview_90_days": lambda c: reads.overview(c, all_days),
        "topic_trends_28_days": lambda c: reads.topic_trends(c, within),
        "topic_28_days": lambda c: (reads.topic_detail(c, 1, within), reads.topic_verbatims(c, 1, within)),
        "topic_90_days": lambda c: (reads.topic_detail(c, 1, all_days), reads.topic_verbatims(c, 1, all_days)),
        "topic_by_channel_28_days": lambda c: reads.topic_split(c, 1, within, "channel"),
        "topic_by_channel_90_days": lambda c: reads.topic_split(c, 1, all_days, "channel"),
        "topic_emotions_28_days": lambda c: reads.topic_emotions(c, 1, within),
        "topic_emotions_90_days": lambda c: reads.topic_emotions(c, 1, all_days),
        "what_changed_90_days": lambda c: reads.what_changed(c, all_days),
        "alerts": lambda c: reads.alert_page(c),
        "alert": lambda c: reads.alert_detail(c, "a-00000010"),
        "busiest_customer": lambda c: reads.customer_detail(c, busiest),
        "customer_of_one_event": lambda c: reads.customer_detail(c, once),
    }
    return {name: _median_ms(engine, query) for name, query in queries.items()}


def _customer(connection: reads.Connection, order: str) -> str:
    found = connection.scalar(
        sa.text(f"SELECT customer_id FROM events GROUP BY 1 ORDER BY count(*) {order}, customer_id LIMIT 1")
    )
    assert isinstance(found, str)
    return found


def _median_ms(engine: store_engine.Engine, query: Callable[[reads.Connection], Any]) -> float:
    took_ms = []
    for number in range(_REPEATS + 1):
        begin = time.perf_counter()
        with reads.reading(engine) as connection:
            assert query(connection), "the query found nothing to read"
        if number:  # the first one fetches from disk
            took_ms.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(took_ms)


def _result(small: Filled, large: Filled, read_ms: dict[str, dict[str, float]]) -> dict[str, Any]:
    return {
        "events": large.events,
        "events_per_s": round(large.events / large.write_s, 1),
        "small_events": small.events,
        "small_events_per_s": round(small.events / small.write_s, 1),
        "writer_cpu_ms_per_event": round(large.writer_cpu_ms, 3),
        "postgresql_cpu_ms_per_event": round(large.postgresql_cpu_ms, 3),
        "database_mb": round(large.bytes / 1e6),
        "database_bytes_per_event": round(large.bytes / large.events),
        "small_read_ms": {name: round(ms, 1) for name, ms in read_ms["small"].items()},
        "read_ms": {name: round(ms, 1) for name, ms in read_ms["large"].items()},
    }


if __name__ == "__main__":
    main()
