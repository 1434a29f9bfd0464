"""Seconds from a rename or a merge until it shows, in a running installation: `python -m benchmarks.topics_live`.

Its own broker, database and roles in a temporary folder; feedback flows while topics are edited. The last line is JSON.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import numpy as np
import orjson
import sqlalchemy as sa

from benchmarks.installation import Installation, installed
from benchmarks.machine import describe
from benchmarks.texts import load_texts
from vocengine.contracts import Feedback, encode
from vocengine.store import engine as store_engine
from vocengine.store import registry, topic_edits
from vocengine.store.reads import latest_range, reading
from vocengine.store.reads.topics import topic_trends
from vocengine.store.tables import events, spans
from vocengine.stream.sink import FeedbackSink

_DISCOVER_ON = 800
_PER_S = 20
_TIMEOUT_S = 30.0


def measure(installation: Installation, texts: Sequence[str], edits: int) -> dict[str, float]:
    """Seconds of each kind: the largest and the median of `edits` of them, half of them renames, half merges."""
    lines = installation.folder / "feedback.jsonl"
    lines.write_bytes(b"\n".join(encode(_feedback(i, text)) for i, text in enumerate(texts[:_DISCOVER_ON])))
    installation.command("topics", "refit", "--from-file", str(lines))
    stop = threading.Event()
    sender = threading.Thread(target=_send, args=(installation, texts[_DISCOVER_ON:], stop), daemon=True)
    found: dict[str, list[float]] = {"events": [], "trends": []}
    with installation.roles():
        sender.start()
        _until(lambda: installation.stored() > 2 * _PER_S, "the first events")
        for number in range(edits):
            version, topic_id, name = _edit(installation, number)
            began = time.monotonic()
            _until(lambda name=name, topic_id=topic_id: _in_trends(installation, topic_id, name), "the trends")
            found["trends"].append(time.monotonic() - began)
            _until(lambda version=version: _in_events(installation, version), "an event")
            found["events"].append(time.monotonic() - began)
        stop.set()
        sender.join()
    return {
        f"edit_until_in_{kind}_{name}_s": round(float(value), 2)
        for kind, values in found.items()
        for name, value in (("p50", np.median(values)), ("max", max(values)))
    }


def _edit(installation: Installation, number: int) -> tuple[int, int, str]:
    """Rename a topic that is spoken of, or merge another into it; the version, its id and its title afterwards."""
    with store_engine.transaction(installation.engine) as connection:
        standing = [entry for entry in registry.load_topics(connection) if entry.merged_into is None]
        spoken = set(connection.scalars(sa.select(spans.c.topic_id).distinct().where(spans.c.topic_id.is_not(None))))
        one, other = [entry for entry in standing if entry.topic.topic_id in spoken][:2]
        if number % 2:
            version = topic_edits.merge(connection, [other.topic.topic_id], one.topic.topic_id, by="bench")
            return version, one.topic.topic_id, one.title
        name = f"named {number}"
        return topic_edits.rename(connection, one.topic.topic_id, name, by="bench"), one.topic.topic_id, name


def _in_trends(installation: Installation, topic_id: int, name: str) -> bool:
    with reading(installation.engine) as connection:
        within = latest_range(connection)
        assert within is not None
        return any(t.topic_id == topic_id and t.label == name for t in topic_trends(connection, within))


def _in_events(installation: Installation, version: int) -> bool:
    with store_engine.transaction(installation.engine) as connection:
        newest = sa.select(sa.func.max(events.c.topics_version))
        return (connection.scalar(newest) or 0) >= version


def _send(installation: Installation, texts: Sequence[str], stop: threading.Event) -> None:
    sink = FeedbackSink(installation.settings.kafka, origin="bench")
    for number, text in enumerate(texts):
        if stop.wait(1 / _PER_S):
            break
        sink.send(_feedback(_DISCOVER_ON + number, text, now=True))
        sink.flush()
    sink.close()


def _feedback(number: int, text: str, *, now: bool = False) -> Feedback:
    at = datetime.now(UTC) - (timedelta() if now else timedelta(days=1))
    return Feedback(event_id=f"live-{number}", source="bench", channel="social", occurred_at=at, text=text)


def _until(condition: object, what: str) -> None:
    began = time.monotonic()
    while not condition():  # type: ignore[operator]
        if time.monotonic() - began > _TIMEOUT_S:
            raise SystemExit(f"{what} did not come within {_TIMEOUT_S:g} s")
        time.sleep(0.02)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=int, default=20)
    options = parser.parse_args()
    texts = [verbatim.text for verbatim in load_texts(1).verbatims]
    with installed() as installation:
        result = measure(installation, texts, options.edits)
    from vocengine.terminal import table

    table(["figure", "measured"], [[key, str(value)] for key, value in result.items()])
    print(orjson.dumps(result | describe()).decode())


if __name__ == "__main__":
    main()
