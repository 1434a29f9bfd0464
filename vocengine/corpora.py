"""The data sets that train and measure the encoder, read as the encoder will read texts."""

from __future__ import annotations

import csv
import html
import json
import os
import re
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vocengine.encoder.base import sha256_of
from vocengine.errors import SourceError
from vocengine.paths import resource
from vocengine.text.normalise import normalise
from vocengine.text.segment import segment

SENTIMENT_LABELS = ("negative", "neutral", "positive")
INTENT_LABELS = ("complaint", "praise", "question", "suggestion", "cancel")
TWEET_EMOTION_LABELS = ("anger", "joy", "optimism", "sadness")

# Where a sentence turns: the clause of a term reaches from one of these to the next.
_TURN = re.compile(r"[,;:.!?()]+|\s--?\s|\b(?:but|however|although|though|yet|while|whereas|except|despite)\b", re.I)
# What is spoken of, roughly; enough for a teacher to be asked what is said of it.
_THING = re.compile(r"\b(?:the|this|these|those|my|its|their)\s+([a-z][a-z-]{2,})\b", re.I)
_SPANS_MOST = 5
_REVIEWS_STEP = 3
_ESCAPES = (("\\u2019", "'"), ("\\u002c", ","), ('\\"', '"'), ('""', '"'))


@dataclass(frozen=True, slots=True)
class Example:
    """A text as the encoder reads it; `labels` are label numbers (several for GoEmotions, one for each span of
    `spans` for MAMS); `spans` are half-open character ranges of `text`, empty for the whole text."""

    text: str
    labels: tuple[int, ...]
    spans: tuple[tuple[int, int], ...] = ()


def data_folder() -> Path:
    """The folder of data sets: `VOCENGINE_DATA`, else `../shared/data` beside the checkout.

    Raises SourceError where it is absent.
    """
    named = os.environ.get("VOCENGINE_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        raise SourceError(f"the data folder {folder} is absent: set VOCENGINE_DATA to where the data sets are")
    return folder


def sentiment(folder: Path, split: str) -> list[Example]:
    """Tweets with sentiment: `train` is SemEval-2017 4A (Rosenthal et al. 2017), `val` and `test` TweetEval's."""
    if split != "train":
        return list(_tweeteval(folder / "sentiment", split))
    with (folder / "sentiment" / "semeval17_train.tsv").open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Example(_tweet(row["text"]), (int(row["label"]),)) for row in rows]


def emotion_labels(folder: Path) -> tuple[str, ...]:
    """The 28 labels of GoEmotions, in the order of its files."""
    return tuple((folder / "emotion" / "goemotions" / "labels.txt").read_text(encoding="utf-8").split())


def emotions(folder: Path, split: str) -> list[Example]:
    """Reddit comments with any of 28 emotions (Demszky et al. 2020); splits `train`, `val` and `test`."""
    name = "dev" if split == "val" else split
    lines = (folder / "emotion" / "goemotions" / f"{name}.tsv").read_text(encoding="utf-8").split("\n")
    rows = (line.split("\t") for line in lines if line)
    return [Example(normalise(html.unescape(row[0])).text, tuple(map(int, row[1].split(",")))) for row in rows]


def tweet_emotion(folder: Path, split: str) -> list[Example]:
    """Tweets with one of 4 emotions (TweetEval, Barbieri et al. 2020)."""
    return list(_tweeteval(folder / "emotion" / "tweeteval", split))


def spans(folder: Path, split: str, *, pool: str = "both") -> list[Example]:
    """Sentences of MAMS-ATSA (Jiang et al. 2019) with the sentiment of spans of them.

    `pool="clause"` gives for each term the clause around it, `"term"` the term itself; `"both"`, for training,
    gives every term and every clause whose terms agree (two minds in one clause would teach noise).
    """
    return list(aspect_terms(folder / "absa" / "mams" / "atsa" / f"{split}.xml", pool=pool))


def aspect_terms(path: Path, *, pool: str) -> Iterator[Example]:
    """Sentences of a SemEval-2014 style file of aspect terms; see `spans`. Terms in conflict are left out."""
    for sentence in ElementTree.parse(path).iter("sentence"):
        aligned = normalise(sentence.findtext("text") or "")
        terms: list[tuple[tuple[int, int], int]] = []
        for term in sentence.iter("aspectTerm"):
            if term.attrib["polarity"] in SENTIMENT_LABELS:
                place = aligned.from_source(int(term.attrib["from"]), int(term.attrib["to"]))
                terms.append((place, SENTIMENT_LABELS.index(term.attrib["polarity"])))
        clauses = [(clause_around(aligned.text, *place), label) for place, label in terms]
        if pool == "both":
            minds: dict[tuple[int, int], set[int]] = {}
            for clause, label in clauses:
                minds.setdefault(clause, set()).add(label)
            chosen = terms + [(clause, labels.pop()) for clause, labels in minds.items() if len(labels) == 1]
        else:
            chosen = clauses if pool == "clause" else terms
        if chosen:
            yield Example(aligned.text, tuple(label for _, label in chosen), tuple(span for span, _ in chosen))


def clause_around(text: str, start: int, end: int) -> tuple[int, int]:
    """The clause of `text` that holds `[start, end)`: from the turn before it to the turn after it."""
    left, right = 0, len(text)
    for turn in _TURN.finditer(text):
        if turn.end() <= start:
            left = turn.end()
        elif turn.start() >= end:
            right = turn.start()
            break
    return left, right


def intents(split: str) -> list[Example]:
    """The project's own feedback with any of five intents (`models/intents`).

    Of what was written for training, each seventh text is the split `val`; `test` has authors of its own.
    """
    return [
        Example(normalise(row["text"]).text, tuple(sorted(INTENT_LABELS.index(name) for name in row["intents"])))
        for row in _authored(split)
    ]


def effort(split: str) -> list[Example]:
    """The same feedback with how hard it was for the customer: label 0 for nothing said, 1 to 5 for −2 to 2."""
    return [
        Example(normalise(row["text"]).text, (0 if row["effort"] is None else 3 + int(row["effort"]),))
        for row in _authored(split)
    ]


def nuances(*, clauses: bool) -> list[Example]:
    """The project's own feedback on what sentiment hangs by (`models/nuances`): negation, contrast, irony, politeness.

    With the sentiment of the whole text, or of those of its clauses that are labelled.
    """
    found = []
    for file in sorted(resource("models", "nuances", "train").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if not clauses:
                label = SENTIMENT_LABELS.index(row["sentiment"])
                found.append(Example(normalise(row["text"]).text, (label,)))
            elif row["clauses"]:
                aligned = normalise(row["text"])
                starts = [(row["text"].index(piece), piece, mood) for piece, mood in row["clauses"]]
                spans = tuple(aligned.from_source(start, start + len(piece)) for start, piece, _ in starts)
                labels = tuple(SENTIMENT_LABELS.index(mood) for _, _, mood in starts)
                found.append(Example(aligned.text, labels, spans))
    return found


def unlabelled(folder: Path) -> list[Example]:
    """Texts of the train splits of other sets, without their labels: reviews of clothing, questions to assistants.

    Spans are the clauses of the reviews, as the engine cuts them, and things that are spoken of ("the fabric").
    """
    with (folder / "streams" / "womens_clothing_reviews.csv").open(encoding="utf-8", newline="") as stream:
        reviews = [" ".join(filter(None, (row["Title"], row["Review Text"]))) for row in csv.DictReader(stream)]
    # A part is enough: what a teacher says of a text costs ten times its reading.
    reviews = reviews[::_REVIEWS_STEP]
    with (folder / "topics" / "banking77" / "train.csv").open(encoding="utf-8", newline="") as stream:
        questions = [row["text"] for row in csv.DictReader(stream)]
    requests = json.loads((folder / "topics" / "clinc150" / "data_full.json").read_bytes())["train"]
    found = []
    for raw in dict.fromkeys([*reviews, *questions, *(text for text, _ in requests)]):
        text = normalise(raw).text
        clauses = [(clause.start, clause.end) for clause in segment(text)]
        things = [thing.span(1) for thing in _THING.finditer(text)]
        spans = [*clauses[:_SPANS_MOST], *things[:_SPANS_MOST]] if len(clauses) > 1 else []
        found.append(Example(text, (), tuple(spans)))
    return found


def similar_pairs(folder: Path, split: str) -> list[tuple[str, str, float]]:
    """Pairs of sentences and how alike they are, 0 to 5 (STS-B, Cer et al. 2017)."""
    name = "dev" if split == "val" else split
    lines = (folder / "similarity" / "stsb" / f"sts-{name}.csv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line)
    return [(row[5], row[6], float(row[4])) for row in rows]


def suggestions(folder: Path) -> list[Example]:
    """The evaluation file of SemEval-2019 task 9 A (Negi et al. 2019): posts to a software forum, 1 for suggestions."""
    path = folder / "suggestions" / "SubtaskA_EvaluationData_labeled.csv"
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        return [Example(normalise(row[1]).text, (int(row[2]),)) for row in csv.reader(stream) if len(row) == 3]


def _authored(split: str) -> list[dict[str, Any]]:
    files = sorted(resource("models", "intents", "test" if split == "test" else "train").glob("*.jsonl"))
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    if split == "test":
        return rows
    # By the text and not by its place, so that adding texts moves none to the other side.
    return [row for row in rows if (zlib.crc32(row["text"].encode()) % 7 == 0) == (split == "val")]


def banking_questions(folder: Path) -> tuple[list[str], list[str]]:
    """Test questions of Banking77 (Casanueva et al. 2020) and their intents."""
    with (folder / "topics" / "banking77" / "test.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [row["text"] for row in rows], [row["category"] for row in rows]


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file that trains the weights, by its name under the data folder."""
    files = (
        "sentiment/semeval17_train.tsv",
        "emotion/goemotions/train.tsv",
        "emotion/tweeteval/train_text.txt",
        "emotion/tweeteval/train_labels.txt",
        "absa/mams/atsa/train.xml",
    )
    return {name: sha256_of(folder / name) for name in files}


def _tweeteval(folder: Path, split: str) -> Iterator[Example]:
    texts = (folder / f"{split}_text.txt").read_text(encoding="utf-8").split("\n")
    labels = (folder / f"{split}_labels.txt").read_text(encoding="utf-8").split()
    if texts and texts[-1] == "":
        texts.pop()
    if len(texts) != len(labels):
        raise SourceError(f"{folder}/{split}: {len(texts)} texts but {len(labels)} labels; the lines must match")
    for text, label in zip(texts, labels, strict=True):
        yield Example(_tweet(text), (int(label),))


def _tweet(raw: str) -> str:
    """A tweet as people wrote it: the escapes of several exports undone, then normalised."""
    text = raw.strip()
    for escape, meant in _ESCAPES:
        text = text.replace(escape, meant)
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return normalise(html.unescape(text)).text
