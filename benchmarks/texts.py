"""Distinct texts to measure with: public customer feedback where it is at hand, else the sample that ships."""

from __future__ import annotations

import csv
import os
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "streams" / "sample" / "feedback.jsonl"
Tone = Literal["negative", "neutral", "positive"]

_PIECE_CHARS = 140
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A text, and the tone a person gave it; None where nobody did."""

    text: str
    tone: Tone | None


@dataclass(frozen=True, slots=True)
class Texts:
    """Distinct texts in a shuffled, repeatable order, and a sentence that says where they are from."""

    source: str
    verbatims: tuple[Verbatim, ...]


def load_texts(at_least: int, *, seed: int = 11) -> Texts:
    """Tweets to airlines; where `at_least` asks for more, clothing reviews cut to a tweet's length follow them.

    Without the public data sets (`../shared/data` or the folder that VOCENGINE_DATA names) it is the sample.
    """
    folder = Path(os.environ.get("VOCENGINE_DATA") or ROOT.parent / "shared" / "data") / "streams"
    draw = random.Random(seed)
    if not folder.is_dir():
        found = _distinct(_sample())
        draw.shuffle(found)
        return Texts(f"{len(found):,} distinct texts of streams/sample (the public data sets are absent)", tuple(found))
    found = _distinct(_tweets(folder / "airline_tweets.csv"))
    draw.shuffle(found)
    source = f"{len(found):,} distinct airline tweets"
    if at_least > len(found):
        more = _distinct(_review_pieces(folder / "womens_clothing_reviews.csv"), seen={v.text for v in found})
        draw.shuffle(more)
        more = more[: at_least - len(found)]
        found += more
        source += f", then {len(more):,} pieces of clothing reviews of at most {_PIECE_CHARS} characters"
    return Texts(source, tuple(found))


def _distinct(verbatims: Iterable[Verbatim], *, seen: set[str] | None = None) -> list[Verbatim]:
    # Identical texts are read once a batch, so a text that came twice would flatter the figures.
    seen = set() if seen is None else seen
    kept = []
    for verbatim in verbatims:
        if verbatim.text not in seen:
            seen.add(verbatim.text)
            kept.append(verbatim)
    return kept


def _tweets(path: Path) -> Iterator[Verbatim]:
    with path.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            if text := row["text"].strip():
                yield Verbatim(text, row["airline_sentiment"])  # type: ignore[arg-type]


def _review_pieces(path: Path) -> Iterator[Verbatim]:
    with path.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            piece = ""
            for sentence in _SENTENCE_END.split(row["Review Text"].strip()):
                if len(sentence) > _PIECE_CHARS:
                    continue
                if piece and len(piece) + 1 + len(sentence) > _PIECE_CHARS:
                    yield Verbatim(piece, None)
                    piece = ""
                piece = f"{piece} {sentence}".strip()
            if piece:
                yield Verbatim(piece, None)


def _sample() -> Iterator[Verbatim]:
    with SAMPLE.open("rb") as lines:
        for line in lines:
            event = orjson.loads(line)
            if text := event.get("text"):
                yield Verbatim(text, _tone_of(event))


def _tone_of(event: dict[str, object]) -> Tone | None:
    rating, nps = event.get("rating"), event.get("nps")
    if isinstance(rating, dict):
        value = float(rating["value"])
        return "positive" if value >= 4 else "negative" if value <= 2 else "neutral"
    if isinstance(nps, int):
        return "positive" if nps >= 9 else "negative" if nps <= 4 else "neutral"
    return None
