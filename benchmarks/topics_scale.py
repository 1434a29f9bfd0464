"""Topics at size: a fit on 100,000 clauses, and a million clauses assigned: `python -m benchmarks.topics_scale`.

Each in a process of its own, whose peak of resident memory the kernel counts. Part of `benchmarks.topics --full`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import numpy.typing as npt
import orjson

from benchmarks.machine import describe
from benchmarks.texts import load_texts
from benchmarks.usage import own_peak_mb
from vocengine.topics.assign import Topic, TopicIndex
from vocengine.topics.discover import discover

Floats = npt.NDArray[np.float32]
_CHUNK = 50_000
_SEED = 7


def measure(folder: Path, *, fitted: int, assigned: int, say: Callable[[str], None]) -> dict[str, float]:
    """Seconds and peak memory (MB) of the fit, and of the million with a fit on a sample of it."""
    found: dict[str, float] = {}
    for name, job, count in (("fit", _fit, fitted), ("million", _million, assigned)):
        say(f"{name}: {count:,} clauses")
        receive, send = multiprocessing.get_context("spawn").Pipe(duplex=False)
        process = multiprocessing.get_context("spawn").Process(target=_report, args=(send, job, folder, count))
        process.start()
        # Without its own end the pipe would never report that the process died.
        send.close()
        found |= {f"{name}_{key}": value for key, value in receive.recv().items()}
        process.join()
    return found


def write_clauses(folder: Path, count: int, say: Callable[[str], None]) -> None:
    """Real clauses with their embeddings: tweets to airlines and reviews of clothing, as many as are wanted."""
    from benchmarks.topics import reviews, spans_of

    texts = [verbatim.text for verbatim in load_texts(1).verbatims] + reviews()
    said: list[str] = []
    parts: list[Floats] = []
    for begin in range(0, len(texts), 4_000):
        spans = spans_of(texts[begin : begin + 4_000], cut=True)
        said += spans.texts
        parts.append(spans.embeddings)
        say(f"{len(said):,} clauses read")
        if len(said) >= count:
            break
    np.save(folder / "embeddings.npy", np.concatenate(parts)[:count])
    (folder / "texts.json").write_bytes(orjson.dumps(said[:count]))


def _report(send: object, job: Callable[[Path, int], dict[str, float]], folder: Path, count: int) -> None:
    figures = job(folder, count)
    figures["peak_mb"] = round(own_peak_mb(), 1)
    send.send(figures)  # type: ignore[attr-defined]


def _fit(folder: Path, count: int) -> dict[str, float]:
    texts = orjson.loads((folder / "texts.json").read_bytes())[:count]
    embeddings = np.load(folder / "embeddings.npy")[:count]
    began = time.monotonic()
    found = discover(texts, embeddings, seed=_SEED)
    return {
        "spans": len(texts), "s": round(time.monotonic() - began, 1), "topics": len(found.topics),
        "outlier_share": round(found.outlier_share, 4),
    }  # fmt: skip


def _million(folder: Path, count: int) -> dict[str, float]:
    texts = orjson.loads((folder / "texts.json").read_bytes())
    sample = np.random.default_rng(_SEED).choice(len(texts), min(20_000, len(texts)), replace=False)
    stored = np.load(folder / "embeddings.npy", mmap_mode="r")
    began = time.monotonic()
    found = discover([texts[i] for i in sample], np.asarray(stored[sample]), seed=_SEED)
    fitted_s = time.monotonic() - began
    topics = enumerate(found.topics)
    index = TopicIndex(1, tuple(Topic(i, t.label, t.keywords, t.centroid, t.threshold, t.size) for i, t in topics))
    none = done = 0
    began = time.monotonic()
    for chunk in _stream(stored, count):
        for begin in range(0, len(chunk), 2_000):
            none += sum(not given for given in index.assign(chunk[begin : begin + 2_000]))
        done += len(chunk)
    took = time.monotonic() - began
    return {
        "spans": done, "fit_s": round(fitted_s, 1), "assign_s": round(took, 1),
        "assigned_spans_per_s": round(done / took), "outlier_share": round(none / done, 4),
    }  # fmt: skip


def _stream(stored: Floats, count: int) -> Iterator[Floats]:
    """`count` embeddings: the stored ones over and over, each time moved a little, as other words would move them."""
    draw = np.random.default_rng(_SEED)
    done = 0
    while done < count:
        part = np.array(stored[done % len(stored) :][: min(_CHUNK, count - done)])
        part += draw.normal(0, 0.1 / np.sqrt(part.shape[1]), part.shape).astype(np.float32)
        yield part / np.linalg.norm(part, axis=1, keepdims=True)
        done += len(part)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fit", type=int, default=100_000, help="clauses of the fit")
    parser.add_argument("--assign", type=int, default=1_000_000, help="clauses that are assigned")
    options = parser.parse_args()

    def say(line: str) -> None:
        print(line, flush=True)

    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_clauses(folder, options.fit, say)
        result = measure(folder, fitted=options.fit, assigned=options.assign, say=say)
    from vocengine.terminal import table

    table(["figure", "measured"], [[key, str(value)] for key, value in result.items()])
    print(orjson.dumps(result | describe()).decode())


if __name__ == "__main__":
    main()
