"""The benchmark scripts run to their end on tiny inputs, say what the README promises and leave nothing behind."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from benchmarks.runtimes import load_with
from vocengine.encoder import load_encoder

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def temporary() -> Iterator[Path]:
    # Not tmp_path: the path of PostgreSQL's socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="vb-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def last_line(temporary: Path, *command: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    found: dict[str, Any] = orjson.loads(done.stdout.splitlines()[-1])
    return found


def left_behind(temporary: Path) -> list[str]:
    """Folders, and processes that still name the folder on their command line."""
    running = [p.info["cmdline"] for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"]]
    return [str(path) for path in temporary.glob("voc-bench-*")] + [
        " ".join(command) for command in running if str(temporary) in " ".join(command)
    ]


@pytest.mark.timeout(600)
def test_the_stream_benchmark_prints_every_promised_figure_and_cleans_up(temporary: Path) -> None:
    options = ["--events", "300", "--latency-s", "6", "--falls", "2", "--peer-messages", "2", "--peer-fit-on", "150"]
    found = last_line(temporary, "benchmarks.stream", *options)
    figures = [
        "events_per_s", "peer_events_per_s", "ratio", "overhead_cpu_ms_per_event", "enriched_p50_ms",
        "enriched_p99_ms", "peak_rss_mb", "fp32_gflops", "bf16_gflops",
    ]  # fmt: skip
    assert {name: found[name] for name in figures if not math.isfinite(found[name]) or found[name] <= 0} == {}
    # So short a run may raise no alert; the key is there all the same.
    assert found["alert_p99_ms"] is None or found["alert_p99_ms"] > 0
    assert found["enriched_p50_ms"] <= found["enriched_p99_ms"]
    assert found["ratio"] == pytest.approx(found["events_per_s"] / found["peer_events_per_s"], rel=0.02)
    assert {"enrich", "store", "detect", "web", "kafka", "postgresql"} <= found["cpu_ms_per_event"].keys()
    assert left_behind(temporary) == []


@pytest.mark.timeout(300)
def test_the_storage_benchmark_prints_rates_and_both_sizes_and_cleans_up(temporary: Path) -> None:
    found = last_line(temporary, "benchmarks.storage", "--events", "3000", "--small", "1000")
    assert (found["events"], found["small_events"]) == (3_000, 1_000)
    assert found["events_per_s"] > 0 and found["database_mb"] > 0
    assert found["read_ms"].keys() == found["small_read_ms"].keys()
    assert min(found["read_ms"].values()) > 0
    assert left_behind(temporary) == []


def test_the_encoder_is_measured_alone_on_each_kind_of_text(temporary: Path, data_sets: Path) -> None:
    few = ("--tweets", "40", "--reviews", "10", "--chats", "2", "--repeats", "1")
    found = last_line(temporary, "benchmarks.encoder", "--only", "torch-int8", *few)
    assert found["backend"] == "torch-int8"
    for kind in ("tweets", "reviews", "chats"):
        assert found[kind]["texts_per_s"] > 0 and found[kind]["gflops"] > 0
    assert found["tweets"]["tokens"] < found["reviews"]["tokens"] < found["chats"]["tokens"]
    assert 0 < found["mean_change"] < 0.03


def test_a_taxonomy_is_measured_with_all_and_with_some_of_the_intents(temporary: Path, data_sets: Path) -> None:
    found = last_line(temporary, "benchmarks.taxonomy", "--split", "train", "--most", "1600", "--draws", "1")
    for known in (77, 38, 10):
        assert 0 < found[f"taxonomy_{known}_precision"] <= 1 and 0 < found[f"taxonomy_{known}_recall"] <= 1
        assert found[f"taxonomy_{known}_nearest_accuracy"] >= found[f"taxonomy_{known}_recall"]


@pytest.mark.timeout(600)
def test_alerts_are_measured_on_real_streams_and_for_their_cost(temporary: Path, data_sets: Path) -> None:
    found = last_line(temporary, "benchmarks.alerts", "--only", "real", "cost", "--keys", "2000", "--every", "12")
    assert len(found["airline_tweets"]["known_days"]) == 4
    assert found["instagram_reviews"]["days"] == 12
    assert found["updates_per_s"] > 0 and found["many_keys"]["keys"] == 2_000
    assert isinstance(found["not_reached"], list)


_TEXTS = ["The kettle broke after a day.", "Lovely!", "When do you open? I only need a new lid for it."]
_SPANS = [[(0, 10)], [], [(0, 17)]]


def test_another_runtime_that_is_measured_reads_what_the_engine_reads() -> None:
    exact = load_encoder(backend="torch-fp32").encode(_TEXTS, _SPANS)
    found = load_with("onnxruntime-fp32").encode(_TEXTS, _SPANS)
    assert found.sentiment == pytest.approx(exact.sentiment, abs=1e-4)
    assert found.span_sentiment == pytest.approx(exact.span_sentiment, abs=1e-4)


# Each takes a quarter of a minute to export, so of each way to write a graph one reader is tried.
@pytest.mark.parametrize("runtime", ["openvino-int8", "ctranslate2-int8"])
def test_another_runtime_in_8_bits_reads_nearly_what_the_engine_reads(runtime: str, data_sets: Path) -> None:
    exact = load_encoder(backend="torch-fp32").encode(_TEXTS, _SPANS)
    found = load_with(runtime).encode(_TEXTS, _SPANS)
    # Zero would be 32 bits under another name.
    assert 1e-4 < abs(found.sentiment - exact.sentiment).mean() < 0.03
    assert 1e-4 < abs(found.span_sentiment - exact.span_sentiment).mean() < 0.03
