"""Ten refits over a window that moves from tweets to airlines to reviews of clothes: ids keep their meaning."""

from __future__ import annotations

import csv
import itertools

import numpy as np
import pytest
import sqlalchemy as sa

from vocengine.corpora import data_folder
from vocengine.errors import VocengineError
from vocengine.pipeline import Models
from vocengine.store import registry, themes
from vocengine.store.registry import Fit
from vocengine.stream.topic_discovery import read_spans
from vocengine.text import clean, mask
from vocengine.topics.assign import TopicIndex
from vocengine.topics.discover import discover
from vocengine.topics.lineage import plan

pytestmark = [pytest.mark.integration, pytest.mark.slow]

WINDOW, STEP, REFITS = 1_500, 300, 10
MIN_SPANS = 12


@pytest.fixture(scope="module")
def spans(models: Models) -> tuple[list[str], np.ndarray]:  # type: ignore[type-arg]
    """Clauses of tweets, then more and more of reviews, then reviews alone, with their embeddings."""
    try:
        folder = data_folder() / "streams"
    except VocengineError as error:
        pytest.skip(str(error))
    with (folder / "airline_tweets.csv").open(encoding="utf-8", newline="") as stream:
        tweets = [row["text"] for row in itertools.islice(csv.DictReader(stream), 1_400)]
    with (folder / "womens_clothing_reviews.csv").open(encoding="utf-8", newline="") as stream:
        reviews = [row["Review Text"] for row in itertools.islice(csv.DictReader(stream), 800) if row["Review Text"]]
    told = []
    for texts in (tweets, reviews):
        said, embeddings = read_spans([mask(clean(text)).text for text in texts], models, 10_000)
        keep = [i for i, text in enumerate(said) if len(text.split()) >= 3]
        told.append(([said[i] for i in keep], embeddings[keep]))
    needed = WINDOW + (REFITS - 1) * STEP
    draw = np.random.default_rng(5)
    # The share of reviews grows from none at the end of the first window to all.
    share = np.clip((np.arange(needed) - WINDOW) / (needed - 2 * STEP - WINDOW), 0, 1)
    kinds = (draw.random(needed) < share).astype(int)
    places = [np.cumsum(kinds == kind) - 1 for kind in (0, 1)]
    rows = [(kind, int(places[kind][i])) for i, kind in enumerate(kinds)]
    return [told[kind][0][i] for kind, i in rows], np.stack([told[kind][1][i] for kind, i in rows])


def ids_of(index: TopicIndex, embeddings: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    numbers = np.array([topic.topic_id for topic in index.topics] + [-1])
    return numbers[index.nearest(embeddings)]


def test_ids_keep_their_meaning_over_ten_refits(
    database: object,
    spans: tuple[list[str], np.ndarray],  # type: ignore[type-arg]
) -> None:
    texts, embeddings = spans
    first_seen: dict[int, np.ndarray] = {}  # type: ignore[type-arg]
    kept_shares: list[float] = []
    kinds: dict[str, int] = {}
    before: TopicIndex | None = None
    for number in range(REFITS):
        begin = number * STEP
        window = embeddings[begin : begin + WINDOW]
        found = discover(texts[begin : begin + WINDOW], window, min_topic_spans=MIN_SPANS)
        with database.engine.begin() as connection:  # type: ignore[attr-defined]
            current, kept = registry.load_anchors(connection)
            planned = plan(current, found, min_topic_spans=MIN_SPANS, pinned=kept)
            fit = Fit("encoder-a", found.spans, found.outlier_share, {})
            registry.apply(connection, planned, fit, base_version=current.version if current else None)
            themes.regroup(connection)
            after = registry.load_index(connection)
        assert after is not None
        for kind, n in planned.counts().items():
            kinds[kind] = kinds.get(kind, 0) + n
        for topic in after.topics:
            first_seen.setdefault(topic.topic_id, topic.centroid)
            assert float(first_seen[topic.topic_id] @ topic.centroid) > 0.85, f"topic {topic.topic_id} has moved away"
        if before is not None:
            common = embeddings[begin : begin + WINDOW - STEP]
            old, new = ids_of(before, common), ids_of(after, common)
            kept_shares.append(float((old == new)[old >= 0].mean()))
        before = after
        share_kept = kept_shares[-1] if kept_shares else 1.0
        print(f"refit {number + 1}: {planned.counts()}, {share_kept:.3f} of the spans kept their id")
    # Windows of one kind keep more (benchmarks.topics); here new topics rightly take spans over from old ones.
    assert np.mean(kept_shares) >= 0.93 and min(kept_shares) >= 0.9
    # Reviews came and tweets went, and the registry says so.
    assert kinds["born"] > 10 and kinds["retired"] > 5
    with database.engine.begin() as connection:  # type: ignore[attr-defined]
        _lineage_is_whole(connection)


def _lineage_is_whole(connection: sa.Connection) -> None:
    """Every topic has one beginning, those no longer in force one end, and no id was given twice."""
    entries = registry.load_topics(connection, retired=True)
    assert len({entry.topic.topic_id for entry in entries}) == len(entries)
    for entry in entries:
        past = [
            row
            for row in registry.lineage_of(connection, entry.topic.topic_id)
            if row["topic_id"] == entry.topic.topic_id
        ]
        assert past[0]["kind"] in ("born", "split") and past[0]["version"] == entry.born_version
        assert all(row["evidence"] for row in past)
        ends = [row["kind"] for row in past if row["kind"] in ("retired", "merged")]
        assert len(ends) == (entry.retired_version is not None)
