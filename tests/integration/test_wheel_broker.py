"""The broker that comes as a wheel, for a first look without Java: the topics are made on it and a record goes round.

It also answers in the older ways of the protocol, as clusters before Apache Kafka 3.7 do.
"""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from tests.integration.wire import produce, read_all
from vocengine.settings import load_settings
from vocengine.stream import topology
from vocengine.stream.broker import LocalBroker

pytestmark = pytest.mark.integration


def test_the_wheel_broker_takes_the_declared_topics_and_serves_records(tmp_path: Path) -> None:
    with LocalBroker(tmp_path / "broker", kind="wheel") as broker:
        settings = load_settings(environ={}, overrides={"kafka.bootstrap": broker.bootstrap})
        changes = topology.apply(settings.kafka, partitions=3)
        assert {change.action for change in changes} == {"created"}
        assert topology.check(settings.kafka)["feedback"] == 3
        produce(settings, "feedback", [(str(n).encode(), b"{}") for n in range(20)])
        assert {record.key for record in read_all(settings, "feedback")} == {str(n).encode() for n in range(20)}
    for _ in range(50):
        left = [p.pid for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or ())]
        if not left:
            break
        time.sleep(0.1)
    assert left == [], "the server outlived its launcher"
