"""Topics discovered by BERTopic over span embeddings: UMAP, HDBSCAN, c-TF-IDF.

BERTopic finds and describes the groups; what is kept of each is a centroid in the encoder's own space and a
threshold, so that assignment is a matrix product and needs neither UMAP nor HDBSCAN.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vocengine.errors import RegistryError

log = logging.getLogger(__name__)

# A span of fewer words ("Great!") says how, not about what.
MIN_WORDS = 3
# Of the spans that are nearest to a topic, this share is too far from it to speak of it.
FARTHEST_SHARE = 0.05
# Below this cosine to its centroid no span of this encoder speaks of a topic.
LEAST_SIMILARITY = 0.3
# Groups whose centroids are as near as this are one topic.
TOGETHER = 0.88
# How many neighbours make a place dense; few, so that small topics are found too.
_MIN_SAMPLES = 3
_KEYWORDS = 10
_EXAMPLES = 5
_LABEL_WORDS = 3


@dataclass(frozen=True, slots=True)
class Discovered:
    """A topic as found, before it has an id. `centroid` (d,) float32 is of unit length."""

    label: str
    keywords: tuple[str, ...]
    centroid: npt.NDArray[np.float32]
    threshold: float
    size: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Discovery:
    """The topics found in `spans` spans, and which of them each span is in.

    `assigned` (n,) are places in `topics`, -1 for none; `embeddings` (n, d) are those of the spans; `outlier_share` is
    the part (0..1) of them that no topic's threshold takes in.
    """

    topics: tuple[Discovered, ...]
    spans: int
    outlier_share: float
    assigned: npt.NDArray[np.int64]
    embeddings: npt.NDArray[np.float32]


def discover(
    texts: Sequence[str], embeddings: npt.NDArray[np.float32], *, min_topic_spans: int = 15, seed: int = 7
) -> Discovery:
    """Find topics in spans: `texts` (n) and their unit-length `embeddings` (n, d). Same seed, same topics.

    Raises RegistryError where there are too few spans for even two topics. Takes about a minute for 20,000 spans
    on two cores.
    """
    keep = [i for i, text in enumerate(texts) if len(text.split()) >= MIN_WORDS]
    if len(keep) < 4 * min_topic_spans:
        raise RegistryError(
            f"{len(keep)} spans of {MIN_WORDS} words or more are too few for topics of {min_topic_spans} spans: "
            f"at least {4 * min_topic_spans} are needed"
        )
    kept_texts, kept = [texts[i] for i in keep], embeddings[keep]
    model = _bertopic(len(keep), min_topic_spans, seed)
    fitted = _joined(model, kept_texts, kept, np.asarray(model.fit_transform(kept_texts, embeddings=kept)[0]))
    words: dict[int, list[tuple[str, float]]] = model.get_topics()
    numbers, sizes = np.unique(fitted[fitted >= 0], return_counts=True)
    numbers = numbers[np.argsort(-sizes, kind="stable")]
    assigned = np.full(len(keep), -1, dtype=np.int64)
    for place, number in enumerate(numbers.tolist()):
        assigned[fitted == number] = place
    found = [
        _described(np.flatnonzero(assigned == place), kept_texts, kept, words.get(number, []))
        for place, number in enumerate(numbers.tolist())
    ]
    found, none = _calibrated(found, kept)
    return Discovery(tuple(_with_different_labels(found)), len(keep), none, assigned, kept)


def _joined(
    model: Any, texts: Sequence[str], embeddings: npt.NDArray[np.float32], fitted: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The topics after those that lie together were made one: leaves also cut crowds that are of one kind."""
    from sklearn.cluster import AgglomerativeClustering

    numbers = np.array(sorted(set(fitted.tolist()) - {-1}))
    if len(numbers) < 2:
        return fitted
    centres = np.stack([embeddings[fitted == number].mean(axis=0) for number in numbers])
    linkage = AgglomerativeClustering(None, metric="cosine", linkage="average", distance_threshold=1 - TOGETHER)
    group = linkage.fit_predict(centres)
    crowds = [numbers[group == g].tolist() for g in range(group.max() + 1) if (group == g).sum() > 1]
    if not crowds:
        return fitted
    model.merge_topics(list(texts), crowds)
    return np.asarray(model.topics_)


def _calibrated(found: Sequence[Discovered], embeddings: npt.NDArray[np.float32]) -> tuple[list[Discovered], float]:
    """The topics with their thresholds, and the share of spans in none.

    HDBSCAN leaves a third of all spans out, most of them near a topic. Each span speaks of the topic that it is nearest
    to, but for the farthest of those.
    """
    if not found:
        return [], 1.0
    similarity = embeddings @ np.stack([topic.centroid for topic in found]).T
    nearest, best = similarity.argmax(axis=1), similarity.max(axis=1)
    ready, inside = [], 0
    for place, topic in enumerate(found):
        own = best[nearest == place]
        least = float(np.quantile(own, FARTHEST_SHARE)) if len(own) else topic.threshold
        threshold = round(max(LEAST_SIMILARITY, least), 4)
        inside += int((own >= threshold).sum())
        ready.append(replace(topic, threshold=threshold))
    return ready, 1 - inside / len(embeddings)


def _bertopic(n: int, min_topic_spans: int, seed: int) -> Any:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from bertopic import BERTopic
    from bertopic.vectorizers import ClassTfidfTransformer
    from hdbscan import HDBSCAN
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer
    from umap import UMAP

    stop = [*ENGLISH_STOP_WORDS, "handle", "link", "email", "phone", "http", "https", "amp", "just", "got", "ve", "don"]
    return BERTopic(
        embedding_model=None,
        umap_model=UMAP(
            n_neighbors=min(15, n - 1),
            n_components=5,
            min_dist=0.0,
            metric="cosine",
            # The spectral start fails where the neighbour graph falls apart into components.
            init="pca",
            random_state=seed,
            n_jobs=1,
        ),
        # Leaves of the tree of densities: by the default, the excess of mass, one dense crowd can swallow all others
        # (98 % of some samples). What leaves leave out is taken in by its nearest topic.
        hdbscan_model=HDBSCAN(
            min_cluster_size=min_topic_spans,
            min_samples=min(_MIN_SAMPLES, min_topic_spans),
            cluster_selection_method="leaf",
            metric="euclidean",
            prediction_data=False,
        ),
        vectorizer_model=CountVectorizer(stop_words=stop, ngram_range=(1, 2), token_pattern=r"(?u)\b[^\W\d_]{3,}\b"),
        ctfidf_model=ClassTfidfTransformer(reduce_frequent_words=True),
        top_n_words=_KEYWORDS,
        calculate_probabilities=False,
        verbose=False,
    )


def _described(
    members: npt.NDArray[np.intp],
    texts: Sequence[str],
    embeddings: npt.NDArray[np.float32],
    words: list[tuple[str, float]],
) -> Discovered:
    centroid = embeddings[members].mean(axis=0)
    centroid = (centroid / max(float(np.linalg.norm(centroid)), 1e-9)).astype(np.float32)
    similarity = embeddings[members] @ centroid
    nearest = members[np.argsort(-similarity)]
    examples = list(dict.fromkeys(texts[i] for i in nearest))[:_EXAMPLES]
    keywords = tuple(word for word, weight in words if word and weight > 0)
    return Discovered(label_of(keywords), keywords, centroid, LEAST_SIMILARITY, len(members), tuple(examples))


def label_of(keywords: Sequence[str]) -> str:
    """The strongest words that do not repeat each other: "checkout, payment, card"."""
    chosen: list[str] = []
    for word in keywords:
        parts = set(word.split())
        if not any(parts & set(other.split()) for other in chosen):
            chosen.append(word)
        if len(chosen) == _LABEL_WORDS:
            break
    return ", ".join(chosen) or "unnamed"


def _with_different_labels(found: Sequence[Discovered]) -> list[Discovered]:
    seen: dict[str, int] = {}
    named = []
    for topic in found:
        seen[topic.label] = seen.get(topic.label, 0) + 1
        if seen[topic.label] > 1:
            topic = replace(topic, label=f"{topic.label} ({seen[topic.label]})")
        named.append(topic)
    return named
