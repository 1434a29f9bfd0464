"""CPU time of the encoder alone: the pipeline over a file of feedback, with the encoder's part timed apart; and the
largest resident memory, in MB (10⁶ bytes), that this took.

`python -m benchmarks.encoder_cpu FILE` prints one line of JSON. A process of its own, so that nothing else counts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from benchmarks.usage import own_peak_mb
from vocengine import pipeline
from vocengine.contracts import Feedback, decode_feedback
from vocengine.encoder import Encoder, EncoderInfo, Encodings
from vocengine.settings import load_settings
from vocengine.stream.enrich_member import load_models


class Timed:
    """An encoder that adds up the CPU seconds, over all threads, that its `encode` takes."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.cpu_s = 0.0
        self.wall_s = 0.0

    @property
    def info(self) -> EncoderInfo:
        """That of the encoder inside."""
        return self._encoder.info

    def encode(self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> Encodings:
        """Pass on, timed."""
        begin_s, begin_wall_s = time.process_time(), time.perf_counter()
        try:
            return self._encoder.encode(texts, spans)
        finally:
            self.cpu_s += time.process_time() - begin_s
            self.wall_s += time.perf_counter() - begin_wall_s

    def emotions_over_threshold(self, probabilities: Any) -> tuple[tuple[str, float], ...]:
        """Pass on; reading the arrays is not the encoder's cost."""
        return self._encoder.emotions_over_threshold(probabilities)

    def intents_over_threshold(self, probabilities: Any) -> tuple[tuple[str, float], ...]:
        """Pass on, likewise."""
        return self._encoder.intents_over_threshold(probabilities)


def measure(path: Path) -> dict[str, Any]:
    """CPU milliseconds an event, of the encoder and of the rest of the pipeline (no topics, no Kafka)."""
    settings = load_settings()
    models = load_models(settings)
    timed = Timed(models.encoder)
    models = replace(models, encoder=timed)
    with path.open("rb") as lines:
        events = [event for event in map(decode_feedback, lines) if isinstance(event, Feedback)]
    size = settings.stream.batch_max_records

    def run(part: Sequence[Feedback]) -> None:
        for first in range(0, len(part), size):
            batch, now = part[first : first + size], datetime.now(UTC)
            pipeline.enrich(batch, models, received_at=[now] * len(batch), now=now)

    run(events[:size])  # the first batch also pays for what is loaded late
    timed.cpu_s = timed.wall_s = 0.0
    begin_s = time.process_time()
    run(events)
    total_s = time.process_time() - begin_s
    return {
        "encoder": f"{timed.info.name} {timed.info.version} ({timed.info.digest[:12]})",
        "backend": timed.info.backend,
        "encoder_cpu_ms": timed.cpu_s / len(events) * 1e3,
        "pipeline_cpu_ms": (total_s - timed.cpu_s) / len(events) * 1e3,
        "encoder_texts_per_s": len(events) / timed.wall_s,
        "peak_rss_mb": own_peak_mb(),
    }


if __name__ == "__main__":
    print(orjson.dumps(measure(Path(sys.argv[1]))).decode())
