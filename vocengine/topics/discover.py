"""Topics discovered by BERTopic over span embeddings: UMAP, HDBSCAN, c-TF-IDF.

BERTopic finds and describes the groups; what is kept of each is a centroid in the encoder's own space and a
threshold, so that assignment is a matrix product and needs neither UMAP nor HDBSCAN.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vocengine.errors import RegistryError
from vocengine.topics.labels import Embed, distinctive_words, empty_words, name_topics

log = logging.getLogger(__name__)

_TOKEN = re.compile(r"\b[^\W\d_]{3,}\b")

# A span of fewer words ("Great!") says how, not about what.
MIN_WORDS = 3
# Of the spans that are nearest to a topic, this share is too far from it to speak of it.
FARTHEST_SHARE = 0.02
# Below this cosine to its centroid no span of this encoder speaks of a topic.
LEAST_SIMILARITY = 0.3
# Groups whose centroids are as near as this are one topic.
TOGETHER = 0.88
# How many neighbours make a place dense; few, so that small topics are found too.
_MIN_SAMPLES = 3
# A span that HDBSCAN leaves out goes with the most of so many neighbours that it did not.
_NEIGHBOURS = 5
# Below this UMAP looks at all pairs itself.
_ALL_PAIRS_BELOW = 4_096
# A text that was copied more often than this counts no more: a crowd of copies is a dense place, not a topic.
_MOST_COPIES = 5
# c-TF-IDF ranks rare words high; those that fewer spans of a topic use say nothing of it.
_KEYWORDS, _LEAST_KEYWORDS, _KEYWORD_CANDIDATES = 10, 3, 60
_KEYWORD_USES, _KEYWORD_SHARE = 3, 0.03
# So many words of a topic may be another's too.
_SHARED_KEYWORDS = 2
_EXAMPLES = 5


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
    texts: Sequence[str],
    embeddings: npt.NDArray[np.float32],
    *,
    min_topic_spans: int = 15,
    seed: int = 7,
    embed: Embed | None = None,
    taken: Collection[str] = (),
) -> Discovery:
    """Find topics in spans: `texts` (n) and their unit-length `embeddings` (n, d). Same seed, same topics.

    `embed` gives phrases their place among the spans, for better labels; none will be one of `taken`. Raises
    RegistryError where there are too few different spans for even two topics. Takes about a minute for 20,000 spans on
    two cores.
    """
    long_enough = [i for i, text in enumerate(texts) if len(text.split()) >= MIN_WORDS]
    if len(long_enough) < 4 * min_topic_spans:
        raise RegistryError(
            f"{len(long_enough)} spans of {MIN_WORDS} words or more are too few for topics of {min_topic_spans} spans: "
            f"at least {4 * min_topic_spans} are needed"
        )
    original, copy_of = _few_copies([texts[i] for i in long_enough])
    if len(set(copy_of)) < 2 * min_topic_spans:
        raise RegistryError(
            f"the {len(long_enough)} spans are copies of {len(set(copy_of))} different texts, too few for topics of "
            f"{min_topic_spans} spans: at least {2 * min_topic_spans} different ones are needed"
        )
    keep = [long_enough[i] for i in original]
    kept_texts, kept = [texts[i] for i in keep], embeddings[keep]
    model = _bertopic(kept, min_topic_spans, seed)
    fitted = _joined(model, kept_texts, kept, np.asarray(model.fit_transform(kept_texts, embeddings=kept)[0]))
    fitted = _with_neighbours(np.asarray(model.umap_model.embedding_), fitted)
    words: dict[int, list[tuple[str, float]]] = model.get_topics()
    numbers, sizes = np.unique(fitted[fitted >= 0], return_counts=True)
    numbers = numbers[np.argsort(-sizes, kind="stable")]
    assigned = np.full(len(keep), -1, dtype=np.int64)
    for place, number in enumerate(numbers.tolist()):
        assigned[fitted == number] = place
    members = [np.flatnonzero(assigned == place) for place in range(len(numbers))]
    ranked = [_ranked(words.get(number, [])) for number in numbers.tolist()]
    said = [_usual([kept_texts[i] for i in of], own) for of, own in zip(members, ranked, strict=True)]
    distinctive = distinctive_words(kept_texts, assigned, len(numbers))
    others = [[*telling, *twice] for telling, (_, twice) in zip(distinctive, said, strict=True)]
    keywords = _keywords([usual for usual, _ in said], others, ranked)
    found = [_described(of, kept_texts, kept, named) for of, named in zip(members, keywords, strict=True)]
    found, none = _calibrated(found, kept)
    if found:
        # A topic without a phrase is called by words, and one word says little.
        strong = [[*words, *more] for words, more in zip(keywords, others, strict=True)]
        centroids = np.stack([topic.centroid for topic in found])
        labels = name_topics(kept_texts, assigned, strong, centroids, embed=embed, taken=taken)
        found = [replace(topic, label=label) for topic, label in zip(found, labels, strict=True)]
    place_of = dict(zip(original, assigned.tolist(), strict=True))
    of_all = np.array([place_of[i] for i in copy_of], dtype=np.int64)
    return Discovery(tuple(found), len(long_enough), none, of_all, embeddings[long_enough])


def _few_copies(texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """The places of the texts without too many copies, and for each text (n) the place that stands for it."""
    first: dict[str, int] = {}
    seen: dict[str, int] = {}
    original: list[int] = []
    copy_of: list[int] = []
    for place, text in enumerate(texts):
        key = " ".join(text.casefold().split())
        seen[key] = seen.get(key, 0) + 1
        copy_of.append(first.setdefault(key, place))
        if seen[key] <= _MOST_COPIES:
            original.append(place)
    return original, copy_of


def _with_neighbours(reduced: npt.NDArray[np.float32], fitted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The topics after each span that was left out has joined the one that most of its neighbours are in."""
    from sklearn.neighbors import KNeighborsClassifier

    none = fitted < 0
    if none.all() or not none.any():
        return fitted
    near = KNeighborsClassifier(min(_NEIGHBOURS, int((~none).sum()))).fit(reduced[~none], fitted[~none])
    filled = fitted.copy()
    filled[none] = near.predict(reduced[none])
    return filled


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

    Each span speaks of the topic that it is nearest to, but for the farthest of those.
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


def _neighbours(embeddings: npt.NDArray[np.float32], count: int) -> tuple[Any, Any] | None:
    """The nearest spans of each span and their distances, exactly; None where UMAP itself looks at all pairs.

    UMAP's own search for more spans than that compiles itself anew in each process, which takes longer than this does
    for 20,000 spans. Grows with the square of their number.
    """
    if len(embeddings) < _ALL_PAIRS_BELOW:
        return None
    from sklearn.neighbors import NearestNeighbors

    distances, places = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(embeddings).kneighbors(embeddings)
    # Of unit vectors: half the square of the distance is 1 − cosine.
    return places, (distances**2 / 2).astype(np.float32)


def _bertopic(embeddings: npt.NDArray[np.float32], min_topic_spans: int, seed: int) -> Any:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from bertopic import BERTopic
    from bertopic.vectorizers import ClassTfidfTransformer
    from hdbscan import HDBSCAN
    from sklearn.feature_extraction.text import CountVectorizer
    from umap import UMAP

    count = min(15, len(embeddings) - 1)
    known = _neighbours(embeddings, count)
    return BERTopic(
        embedding_model=None,
        umap_model=UMAP(
            n_neighbors=count,
            precomputed_knn=(None, None, None) if known is None else (*known, None),
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
            # Starting other processes takes longer than they save in five dimensions.
            core_dist_n_jobs=1,
        ),
        vectorizer_model=CountVectorizer(
            stop_words=sorted(empty_words()), ngram_range=(1, 2), token_pattern=_TOKEN.pattern
        ),
        ctfidf_model=ClassTfidfTransformer(reduce_frequent_words=True),
        top_n_words=_KEYWORD_CANDIDATES,
        calculate_probabilities=False,
        verbose=False,
    )


def _described(
    members: npt.NDArray[np.intp], texts: Sequence[str], embeddings: npt.NDArray[np.float32], keywords: Sequence[str]
) -> Discovered:
    centroid = embeddings[members].mean(axis=0)
    centroid = (centroid / max(float(np.linalg.norm(centroid)), 1e-9)).astype(np.float32)
    similarity = embeddings[members] @ centroid
    nearest = members[np.argsort(-similarity)]
    examples = list(dict.fromkeys(texts[i] for i in nearest))[:_EXAMPLES]
    return Discovered("", tuple(keywords), centroid, LEAST_SIMILARITY, len(members), tuple(examples))


def _ranked(words: Sequence[tuple[str, float]]) -> list[str]:
    return [word for word, weight in words if word and weight > 0]


def _usual(texts: Sequence[str], ranked: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words (of one or two) with the greatest c-TF-IDF among those that several of a topic's spans use, and all
    those that more than one of them uses."""
    said = [f" {' '.join(_TOKEN.findall(text.lower()))} " for text in texts]
    uses = {word: sum(f" {word} " in text for text in said) for word in ranked}
    least = max(_KEYWORD_USES, _KEYWORD_SHARE * len(texts))
    return [word for word in ranked if uses[word] >= least], [word for word in ranked if uses[word] > 1]


def _keywords(usual: Sequence[list[str]], others: Sequence[list[str]], ranked: Sequence[list[str]]) -> list[list[str]]:
    """Keywords of topics: the two most `usual` words of each, more of them that no other topic has, and where these are
    few, `others` that are its own.

    Topics take turns, so that none has three words before another has one. A word that several topics share tells none
    of them apart, and two words are better than a third of that kind; but where a topic has none of its own, its spans'
    words are better than none.
    """
    chosen: list[list[str]] = [[] for _ in usual]
    taken: set[str] = set()
    left = [iter(words) for words in usual]
    for turn in range(_KEYWORDS):
        for words, more in zip(chosen, left, strict=True):
            if word := next((word for word in more if turn < _SHARED_KEYWORDS or word not in taken), None):
                words.append(word)
                taken.add(word)
    for least in range(1, _LEAST_KEYWORDS + 1):
        for words, more_of in zip(chosen, others, strict=True):
            if len(words) < least and (word := next((word for word in more_of if word not in taken), None)):
                words.append(word)
                taken.add(word)
    pairs = zip(chosen, others, ranked, strict=True)
    return [words or (more or rare)[:_LEAST_KEYWORDS] for words, more, rare in pairs]
