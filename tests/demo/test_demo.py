"""The demo: which alert reports which incident, and the whole of it as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vocengine.contracts import Alert, Evidence
from vocengine.demo.incidents import Incident, judge
from vocengine.stream.broker import free_port

START = datetime(2026, 9, 21, 10, tzinfo=UTC)
INCIDENT = Incident(
    "checkout", "The checkout fails", START, START + timedelta(hours=34), frozenset({"topic", "journey_stage"}),
    frozenset({"journey_stage:pay"}), frozenset({"checkout", "card"}),
)  # fmt: skip
ALERT = Alert(
    alert_id="a-1", kind="topic_sentiment_fall", key="topic:3", label="checkout, basket", window_start=START,
    window_end=START, baseline_mean=0.3, baseline_n=50, baseline_from=START, observed_mean=0.8, observed_n=9,
    change=0.5, change_low=0.3, change_high=0.7, evidence=Evidence("m", 1, 1, "b"), severity="high", drivers=(),
    verbatims=(), opened_at=START + timedelta(hours=3), raised_at=START,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reports"),
    [
        ({}, True),
        ({"label": "kettle, lid"}, False),
        ({"key": "journey_stage:pay", "label": "pay"}, True),
        ({"key": "journey_stage:use", "label": "use of the card"}, False),
        ({"key": "product:checkout"}, False),
        ({"opened_at": START - timedelta(minutes=1)}, False),
        ({"opened_at": START + timedelta(hours=70)}, False),
    ],
)
def test_an_alert_reports_an_incident_by_time_kind_and_key_or_words(changes: dict[str, object], reports: bool) -> None:
    [outcome] = judge([INCIDENT], [replace(ALERT, **changes)])  # type: ignore[arg-type]
    assert (outcome.alert is not None) is reports


def test_the_first_report_counts() -> None:
    later = replace(ALERT, alert_id="a-2", opened_at=START + timedelta(hours=9))
    [outcome] = judge([INCIDENT], [later, ALERT])
    assert outcome.alert is ALERT and outcome.delay == timedelta(hours=3)


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_demo_finds_every_planted_incident(tmp_path: Path) -> None:
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith("VOCENGINE_") or k == "VOCENGINE_ENCODER__MODEL"
    } | {"COLUMNS": "300"}  # so that no table breaks a cell
    began = time.monotonic()
    said = subprocess.run(
        [
            sys.executable,
            "-m",
            "vocengine.cli",
            "demo",
            "--exit",
            "--port",
            str(free_port()),
            "--data-dir",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        env=environment,
        timeout=380,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "missed" not in said.stdout and "1,546" in said.stdout
    # Each incident's case went its way, and each was a real one.
    assert said.stdout.count("acknowledged → in progress → resolved → judged → closed") == 3
    assert "3 of 3 judged cases were real problems" in said.stdout
    # A name and a merge by a person outlived the refit, or the exit status would not be 0.
    assert "(named by a person)”" in said.stdout and "it counts in topic" in said.stdout
    assert time.monotonic() - began < 180
