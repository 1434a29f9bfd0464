"""Real texts with the score that the engine gives them, read once and kept outside the project.

Tweets to airlines, reviews of clothing and of an app, each through `vocengine.pipeline.enrich` with the encoder that
ships, so masked and scored as in service; what the engine does not score (another language) is left out.
"""

from __future__ import annotations

import csv
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import orjson

from benchmarks.texts import ROOT
from vocengine import pipeline
from vocengine.contracts import Feedback
from vocengine.corpora import data_folder

Source = Literal["airline_tweets", "womens_clothing_reviews", "instagram_reviews"]
# Every second review of clothing is enough to draw from.
_CLOTHING_STEP = 2
_BATCH = 512
# Counted up when what is kept of a text changes.
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Scored:
    """A masked text with the engine's score −1..1, and what people said of it: `sour` by label or by stars (1, 2).

    `at` is the time it was written, None where the set has none; `author` a digest, None where unknown; `group` is the
    airline or the class of clothing.
    """

    text: str
    score: float
    sour: bool
    at: datetime | None
    author: str | None
    group: str


def cache_folder() -> Path:
    """Where scored texts are kept: `VOCENGINE_CACHE`, else `.cache/benchmarks` of the checkout, which git ignores."""
    return Path(os.environ.get("VOCENGINE_CACHE") or ROOT / ".cache" / "benchmarks")


def scored(source: Source, every: int = 1) -> list[Scored]:
    """Each `every`th scored text of a set in its own order; reads them with the encoder once for each version of its
    weights."""
    from vocengine.encoder import load_encoder

    encoder = load_encoder()
    path = data_folder() / "streams" / f"{source}.csv"
    basis = f"{_FORMAT}|{encoder.info.digest}|{encoder.info.backend}|{hashlib.sha256(path.read_bytes()).hexdigest()}"
    basis += "" if every == 1 else f"|every {every}"
    kept = cache_folder() / f"{source}-{hashlib.sha256(basis.encode()).hexdigest()[:16]}.jsonl"
    if not kept.exists():
        from vocengine.text.language import FastTextLanguages

        models = pipeline.Models(encoder, FastTextLanguages())
        lines = [orjson.dumps(asdict(one)) for one in _score(list(_rows(source, path))[::every], models)]
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        part.write_bytes(b"\n".join(lines))
        part.replace(kept)
    return [_scored(orjson.loads(line)) for line in kept.read_bytes().splitlines()]


def _scored(row: dict[str, object]) -> Scored:
    at = row.pop("at")
    return Scored(**row, at=None if at is None else datetime.fromisoformat(str(at)))  # type: ignore[arg-type]


def _score(rows: Sequence[Scored], models: pipeline.Models) -> Iterator[Scored]:
    now = datetime.now(UTC)
    for first in range(0, len(rows), _BATCH):
        batch = rows[first : first + _BATCH]
        said = [
            Feedback(event_id=f"b-{i}", source="benchmark", channel="review", occurred_at=row.at or now, text=row.text)
            for i, row in enumerate(batch)
        ]
        print(f"reading texts: {first:,} of {len(rows):,}", file=sys.stderr, flush=True)
        for row, event in zip(
            batch, pipeline.enrich(said, models, received_at=[now] * len(said), now=now), strict=True
        ):
            if event.sentiment is not None:
                yield Scored(event.text, round(event.sentiment.score, 4), row.sour, row.at, row.author, row.group)


def _rows(source: Source, path: Path) -> Iterator[Scored]:
    """The rows of a set, not scored yet, each id once, in order of time where there is one."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if source == "airline_tweets":
        for row in sorted({row["tweet_id"]: row for row in rows}.values(), key=lambda row: row["tweet_created"]):
            at = datetime.strptime(row["tweet_created"], "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
            sour, author = row["airline_sentiment"] == "negative", _digest(row["name"])
            yield Scored(row["text"], 0.0, sour, at, author, row["airline"])
    elif source == "instagram_reviews":
        # All authors are "A Google user"; the time has no zone, and is taken as UTC.
        for row in sorted({row["reviewId"]: row for row in rows}.values(), key=lambda row: row["at"]):
            if row["content"].strip():
                at = datetime.fromisoformat(row["at"]).replace(tzinfo=UTC)
                yield Scored(row["content"], 0.0, int(row["score"]) <= 2, at, None, "instagram")
    else:
        for row in rows[::_CLOTHING_STEP]:
            if text := " ".join(filter(None, (row["Title"], row["Review Text"]))).strip():
                yield Scored(text, 0.0, int(row["Rating"]) <= 2, None, None, row["Class Name"])


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]
