"""The encoder alone: `python -m benchmarks.encoder` prints a table, and one line of JSON as its last.

On the same texts, in one run: the loop that one writes first (`transformers`, a text at a time), the same model in
padded batches sorted by length, each backend of this engine, tokenising, pooling, heads and clauses included, and the
same with the layers run by ONNX Runtime, OpenVINO and CTranslate2. Every one runs in a process of its own, so that its
memory is its own. The base is all-MiniLM-L6-v2, of the same size.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import orjson

from benchmarks.machine import describe, matrix_gflops
from benchmarks.peer import minilm
from benchmarks.runtimes import RUNTIMES, load_with
from benchmarks.texts import load_texts
from benchmarks.usage import own_peak_mb
from vocengine.encoder import Encoder, load_encoder

_KINDS = ("tweets", "reviews", "chats")
_BACKENDS = ("torch-fp32", "torch-bf16", "torch-int8")
_BATCH = 500
_PEER_BATCH = 32
# Some 600 tokens.
_CHAT_CHARS = 2_400
_LONGEST_TOKENS = 256
# Multiply-adds of a token in the six layers: 12 · 384² each; attention adds 2 · 384 for each token that it sees.
_MFLOP_A_TOKEN = 6 * 2 * 12 * 384**2 / 1e6


def texts_of(kind: str, count: int) -> list[str]:
    """Tweets, reviews of some 60 tokens, or chats of some 600, distinct; the last two need the public data sets."""
    if kind == "tweets":
        return [verbatim.text for verbatim in load_texts(count).verbatims[:count]]
    from vocengine.corpora import data_folder

    if kind == "reviews":
        path = data_folder() / "streams" / "womens_clothing_reviews.csv"
        with path.open(encoding="utf-8", newline="") as stream:
            found = [row["Review Text"] for row in csv.DictReader(stream)]
        return list(dict.fromkeys(text for text in found if 200 <= len(text) <= 300))[:count]
    chats = json.loads((data_folder() / "chats" / "test.json").read_bytes())
    long, piece = [], ""
    for turn in dict.fromkeys(turn["message"] for chat in chats for turn in chat["dialogContent"]):
        piece = f"{piece}\n{turn}".strip()
        if len(piece) >= _CHAT_CHARS:
            long.append(piece)
            piece = ""
    return long[:count]


def peer(*, batch: int) -> Callable[[Sequence[str]], Any]:
    """all-MiniLM-L6-v2 by transformers in 32 bits, `batch` texts at a time, longest first, mean of the states."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(str(minilm())).eval()
    tokenizer = AutoTokenizer.from_pretrained(str(minilm()))

    def read(texts: Sequence[str]) -> None:
        ordered = sorted(texts, key=len, reverse=True)
        with torch.inference_mode():
            for begin in range(0, len(ordered), batch):
                part = ordered[begin : begin + batch]
                inputs = tokenizer(part, padding=True, truncation=True, max_length=512, return_tensors="pt")
                states = model(**inputs).last_hidden_state
                mask = inputs["attention_mask"][..., None]
                (states * mask).sum(1).div(mask.sum(1))

    return read


def engine(encoder: Encoder) -> Callable[[Sequence[str]], Any]:
    """This engine's encoder with the clauses of every text."""
    from vocengine.text import segment

    def read(texts: Sequence[str]) -> None:
        for first in range(0, len(texts), _BATCH):
            part = list(texts[first : first + _BATCH])
            encoder.encode(part, [[(clause.start, clause.end) for clause in segment(text)] for text in part])

    return read


def measure(who: str, counts: dict[str, int], repeats: int) -> dict[str, Any]:
    """Texts a second of each kind by one reader: the best of some runs over the same texts.

    Of a backend or runtime that is named, also what its precision costs.
    """
    about: dict[str, Any] = {}
    encoder: Encoder | None = None
    if who in ("naive", "batched"):
        read = peer(batch=1 if who == "naive" else _PEER_BATCH)
    else:
        begin = time.perf_counter()
        encoder = load_with(who) if who in RUNTIMES else load_encoder(backend=who)
        about["backend"] = encoder.info.backend
        if who not in RUNTIMES:  # whose files are written first, which is not loading
            about["load_s"] = round(time.perf_counter() - begin, 2)
        read = engine(encoder)
    for kind in _KINDS:
        texts = texts_of(kind, counts[kind])
        if who == "naive":
            texts = texts[: max(20, len(texts) // 10)]
        read(texts[: min(len(texts), 64)])
        took = []
        for _ in range(repeats):
            begin = time.perf_counter()
            read(texts)
            took.append(time.perf_counter() - begin)
        tokens = _tokens(texts)
        flop = sum(length * (_MFLOP_A_TOKEN + 6 * 4 * 384 * min(length, _LONGEST_TOKENS) / 1e6) for length in tokens)
        about[kind] = {
            "texts": len(texts),
            "tokens": round(sum(tokens) / len(tokens), 1),
            "texts_per_s": round(len(texts) / min(took), 1),
            "tokens_per_s": round(sum(tokens) / min(took)),
            "gflops": round(flop / 1e3 / min(took), 1),
        }
    about["peak_rss_mb"] = round(own_peak_mb())
    if encoder is not None and who != "auto":
        about |= precision_cost(encoder)
    return about


def _tokens(texts: Sequence[str]) -> list[int]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(minilm() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return [len(encoding.ids) for encoding in tokenizer.encode_batch(list(texts))]


def precision_cost(encoder: Encoder) -> dict[str, float]:
    """What an encoder reads on TweetEval's val split: choices are made there, and the test split is not looked at."""
    from sklearn.metrics import recall_score

    from vocengine import corpora

    tweets = corpora.sentiment(corpora.data_folder(), "val")
    labels = [tweet.labels[0] for tweet in tweets]
    texts, none = [tweet.text for tweet in tweets], [()] * len(tweets)
    found = encoder.encode(texts, none).sentiment
    exact = load_encoder(backend="torch-fp32").encode(texts, none).sentiment
    return {
        "val_macro_recall": round(100 * float(recall_score(labels, found.argmax(1), average="macro")), 2),
        "mean_change": round(float(abs(found - exact).mean()), 4),
    }


def main() -> None:
    """Measure all readers, each in a process of its own, and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tweets", type=int, default=1_500)
    parser.add_argument("--reviews", type=int, default=400)
    parser.add_argument("--chats", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    counts = {kind: getattr(options, kind) for kind in _KINDS}
    if options.only:
        print(orjson.dumps(measure(options.only, counts, options.repeats)).decode())
        return

    from vocengine.terminal import table

    rates = {"fp32_gflops": matrix_gflops("float32"), "bf16_gflops": matrix_gflops("bfloat16")}
    emulated = rates["bf16_gflops"] < rates["fp32_gflops"]
    names = [name for name in (*_BACKENDS, *RUNTIMES) if not (emulated and name.endswith("bf16"))]
    readers = ["naive", "batched", *names, "auto"]
    results = {name: _in_a_process(name, counts, options.repeats) for name in readers}
    rows = [
        [
            name if name != "auto" else f"auto ({results[name]['backend']})",
            *(f"{results[name][kind]['texts_per_s']:g}" for kind in _KINDS),
            f"{results[name]['tweets']['gflops']:g}",
            f"{results[name]['peak_rss_mb']}",
            f"{results[name].get('val_macro_recall', '')}",
            f"{results[name].get('mean_change', '')}",
        ]
        for name in readers
    ]
    table(
        [
            "reader",
            *(f"{kind}/s" for kind in _KINDS),
            "GFLOP/s on tweets",
            "peak MB",
            "val macro recall",
            "mean change",
        ],
        rows,
    )
    auto = results["auto"]
    peak = rates["bf16_gflops"] if auto["backend"] == "torch-bf16" else rates["fp32_gflops"]
    summary = {
        "texts_per_s": auto["tweets"]["texts_per_s"],
        "naive_texts_per_s": results["naive"]["tweets"]["texts_per_s"],
        "fp32_texts_per_s": results["batched"]["tweets"]["texts_per_s"],
        "ratio_to_naive": round(auto["tweets"]["texts_per_s"] / results["naive"]["tweets"]["texts_per_s"], 2),
        "ratio_to_fp32": round(auto["tweets"]["texts_per_s"] / results["batched"]["tweets"]["texts_per_s"], 2),
        "fraction_of_peak": round(auto["tweets"]["gflops"] / peak, 3),
        "backend": auto["backend"],
        "load_s": auto["load_s"],
        "readers": results,
    }
    summary |= {name: round(rate, 1) for name, rate in rates.items()}
    print(orjson.dumps(summary | describe()).decode())


def _in_a_process(name: str, counts: dict[str, int], repeats: int) -> dict[str, Any]:
    print(f"measuring {name}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "benchmarks.encoder", "--only", name, "--repeats", str(repeats)]
    command += [part for kind, count in counts.items() for part in (f"--{kind}", str(count))]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=Path(__file__).resolve().parent.parent)
    found: dict[str, Any] = orjson.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
