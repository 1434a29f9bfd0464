"""What alerting costs: updates a second on one core, memory a key, a million keys in one process.

`python -m benchmarks.alert_cost KEYS` fills one process with so many keys and prints one line of JSON.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from benchmarks.alert_engine import START, Engine, mentions_of
from benchmarks.alert_streams import DAY_S, SCENARIOS, Installation, Pool
from benchmarks.texts import ROOT
from vocengine.alerts.codec import from_bytes, to_bytes
from vocengine.contracts import Mention

_RHYTHMIC = SCENARIOS[1]
_HISTORY_DAYS, _TIMED_DAYS = 42, 14
_CHUNK = 10_000


def rate(pool: Pool, seed: int, *, repeats: int) -> float:
    """Updates a second over two weeks of an installation with six weeks of history; the best of several times."""
    import numpy as np

    stream = Installation(pool, seed).stream(_RHYTHMIC, days=_HISTORY_DAYS + _TIMED_DAYS, seed=seed)
    split = int(np.searchsorted(stream.at_s, _HISTORY_DAYS * DAY_S))
    engine = Engine()
    engine.falls(stream, 0, split)
    kept, mentions = engine.to_bytes(), list(mentions_of(stream, split))
    best = 0.0
    # What the benchmark itself holds is not to be walked by the collector while it times.
    gc.collect()
    gc.freeze()
    for _ in range(repeats):
        again = Engine.from_bytes(kept)
        # Of this process alone: others use the cores too.
        began = time.process_time()
        again.feed(mentions)
        best = max(best, len(mentions) / (time.process_time() - began))
    gc.unfreeze()
    return best


def bytes_a_key(pool: Pool, seed: int, *, days: int = 70) -> dict[str, float]:
    """Bytes that a key of an installation takes in memory after so many days, read back from the store; and in it."""
    stream = Installation(pool, seed).stream(_RHYTHMIC, days=days, seed=seed)
    engine = Engine()
    engine.falls(stream)
    kept = [(to_bytes(state), state.kind) for state in engine.states.values()]
    copies = 20
    gc.collect()
    tracemalloc.start()
    # As the role that detects holds them: no text or number is shared between keys, but the names of their kinds.
    states = [from_bytes(raw, kind) for _ in range(copies) for raw, kind in kept]
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    stored = sum(len(raw) for raw, _ in kept)
    return {"memory": taken / len(states), "stored": stored / len(kept)}


def fill(keys: int) -> dict[str, Any]:
    """So many keys in this process, each of which was spoken of twice."""
    engine = Engine()
    before = _resident()
    began = time.process_time()
    for day in range(2):
        for chunk in _chunks(keys, day):
            engine.feed(chunk)
    took_s = time.process_time() - began
    gc.collect()
    return {
        "keys": len(engine.states),
        "bytes_a_key": round((_resident() - before) / len(engine.states)),
        "cpu_s": round(took_s, 1),
    }


def filled(keys: int) -> dict[str, Any]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.alert_cost", str(keys)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = orjson.loads(done.stdout.splitlines()[-1])
    return found


def _chunks(keys: int, day: int) -> Iterator[list[Mention]]:
    for first in range(0, keys, _CHUNK):
        yield [_mention(number, day, keys) for number in range(first, min(first + _CHUNK, keys))]


def _mention(number: int, day: int, keys: int) -> Mention:
    at = START + timedelta(days=day, seconds=number * 80_000 / keys)
    return Mention(
        kind="topic",
        key=f"topic:{number}",
        occurred_at=at,
        event_id=f"e{day}-{number}",
        customer_id=f"c{number}",
        score=-0.6 if number % 3 == 0 else 0.5,
        weight=1.0,
        negative=number % 3 == 0,
        channel="review",
        product=None,
        label=f"{number}",
        excerpt=f"What customer {number} said of it, some eighty characters long as many messages are.",
        received_at=at,
    )


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096


if __name__ == "__main__":
    print(orjson.dumps(fill(int(sys.argv[1]))).decode())
