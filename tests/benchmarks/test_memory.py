"""What a process that enriches holds at most: bounds that an installation is planned by."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from benchmarks.texts import load_texts

ROOT = Path(__file__).resolve().parents[2]
# In MB (10⁶ bytes). A member of the stream is to stay under 700, and its Kafka clients with a full inbox take up to 40.
# Runs differ by some 40: in 32 bits 605 to 640, in 8 bits 540 to 600.
_MOST_MB = 660
_BATCHES, _BATCH = 5, 512


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch-fp32", "torch-int8"])
def test_enriching_full_batches_of_all_lengths_stays_within_its_memory(tmp_path: Path, backend: str) -> None:
    # In a process of its own: memory, and that freed memory is kept, is the whole process's.
    draw = random.Random(4)
    texts = [verbatim.text for verbatim in load_texts(1).verbatims]
    lines = []
    for number in range(_BATCHES * _BATCH):
        # Mostly as they are; some as long as a review, a few as a long chat.
        text = "\n".join(draw.choices(texts, k=draw.choices((1, 3, 25), weights=(70, 27, 3))[0]))
        lines.append(
            orjson.dumps(
                {
                    "schema_version": 1,
                    "event_id": f"e-{number}",
                    "source": "test",
                    "channel": "review",
                    "occurred_at": "2026-01-01T00:00:00+00:00",
                    "text": text,
                }
            )
        )
    file = tmp_path / "feedback.jsonl"
    file.write_bytes(b"\n".join(lines))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.encoder_cpu", str(file)],
        cwd=ROOT,
        env={**os.environ, "VOCENGINE_ENCODER__BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    found = orjson.loads(done.stdout.splitlines()[-1])
    assert found["backend"] == backend
    assert found["peak_rss_mb"] < _MOST_MB


@pytest.mark.integration
def test_a_member_of_the_stream_imports_no_library_that_only_training_and_refits_need() -> None:
    program = (
        "import sys, vocengine.stream.enrich_member as member, vocengine.settings as settings;"
        "member.load_models(settings.load_settings(overrides={'encoder.backend': 'torch-fp32'}))"
        ".encoder.encode(['Thank you'], [[(0, 5)]]);"
        "print([m for m in ('scipy', 'sklearn', 'pandas', 'pyarrow', 'transformers', 'sympy') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.strip() == "[]"
