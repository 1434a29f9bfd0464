"""A topic cut in parts at the wish of a person: by number, or by phrases that name the parts.

The parts are described as a fit describes what it finds: a centroid, a threshold no higher than the topic's, the words
that set the part apart (class-based TF-IDF; Grootendorst 2022) and the spans nearest to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vocengine.errors import RegistryError
from vocengine.topics.discover import FARTHEST_SHARE, LEAST_SIMILARITY, TOGETHER, Discovered

Floats = npt.NDArray[np.float32]

MOST_PARTS = 10
_KEYWORDS = 10
_EXAMPLES = 5
_LABEL_WORDS = 3
_TRIES = 10


def into_parts(
    topic_id: int,
    texts: Sequence[str],
    embeddings: Floats,
    count: int,
    *,
    threshold: float,
    min_spans: int,
    seed: int,
) -> list[Discovered]:
    """The topic's spans, `texts` (n) and their unit-length `embeddings` (n, d), in `count` parts by k-means.

    `threshold` is the topic's own. The biggest part comes first. Raises RegistryError where a part would be
    too small or the parts lie together.
    """
    from sklearn.cluster import KMeans

    if not 2 <= count <= MOST_PARTS:
        raise RegistryError(f"topic {topic_id} cannot be split into {count} parts: 2 to {MOST_PARTS} can be made")
    _enough(topic_id, len(texts), count, min_spans)
    places = KMeans(count, n_init=_TRIES, random_state=seed).fit_predict(embeddings)
    return _checked(topic_id, _parts(texts, embeddings, places, count, threshold), min_spans)


def by_phrases(
    topic_id: int,
    texts: Sequence[str],
    embeddings: Floats,
    phrases: Sequence[str],
    phrase_embeddings: Floats,
    *,
    threshold: float,
    min_spans: int,
) -> list[Discovered]:
    """The topic's spans by the nearest of `phrases`, whose parts are called after them; else as `into_parts`."""
    if len({phrase.casefold() for phrase in phrases}) < max(2, len(phrases)) or len(phrases) > MOST_PARTS:
        raise RegistryError(
            f"topic {topic_id} is split by {len(phrases)} phrases, {', '.join(map(repr, phrases))}: "
            f"give 2 to {MOST_PARTS} that differ"
        )
    _enough(topic_id, len(texts), len(phrases), min_spans)
    places = (embeddings @ phrase_embeddings.T).argmax(axis=1)
    parts = _parts(texts, embeddings, places, len(phrases), threshold, labels=phrases)
    return _checked(topic_id, parts, min_spans)


def _enough(topic_id: int, spans: int, count: int, min_spans: int) -> None:
    if spans < count * min_spans:
        raise RegistryError(
            f"topic {topic_id} does not split into {count}: {spans:,} spans of it are stored, "
            f"and {count} parts of {min_spans} spans need {count * min_spans:,}"
        )


def _parts(
    texts: Sequence[str],
    embeddings: Floats,
    places: npt.NDArray[np.int64],
    count: int,
    reach: float,
    *,
    labels: Sequence[str] | None = None,
) -> list[Discovered]:
    found = []
    words = _words([" ".join(texts[i] for i in np.flatnonzero(places == part).tolist()) for part in range(count)])
    for part in range(count):
        members = np.flatnonzero(places == part)
        label = labels[part] if labels else ", ".join(words[part][:_LABEL_WORDS]) or f"part {part + 1}"
        if not len(members):
            found.append(Discovered(label, (), np.zeros(embeddings.shape[1], dtype=np.float32), 1.0, 0, ()))
            continue
        centre = embeddings[members].mean(axis=0)
        centroid = (centre / max(float(np.linalg.norm(centre)), 1e-9)).astype(np.float32)
        similarity = embeddings[members] @ centroid
        nearest = members[np.argsort(-similarity)]
        # The spans are those that the topic let in, so its own farthest are gone already: a part that leaves out the
        # farthest of them again would give up what the topic spoke of.
        threshold = max(LEAST_SIMILARITY, min(reach, float(np.quantile(similarity, FARTHEST_SHARE))))
        examples = tuple(dict.fromkeys(texts[i] for i in nearest.tolist()))[:_EXAMPLES]
        found.append(Discovered(label, words[part], centroid, round(threshold, 4), len(members), examples))
    return _with_different_labels(sorted(found, key=lambda part: -part.size))


def _checked(topic_id: int, parts: list[Discovered], min_spans: int) -> list[Discovered]:
    """The parts, where each is large enough and no two of them are one by the measure of a fit."""
    sizes = ", ".join(f"{part.size:,} ({part.label})" for part in parts)
    if parts[-1].size < min_spans:
        raise RegistryError(
            f"topic {topic_id} does not split into {len(parts)}: the parts would have {sizes} spans, "
            f"and each needs {min_spans}"
        )
    cosines = np.stack([part.centroid for part in parts]) @ np.stack([part.centroid for part in parts]).T
    np.fill_diagonal(cosines, -1)
    left, right = divmod(int(cosines.argmax()), len(parts))
    if cosines[left, right] >= TOGETHER:
        raise RegistryError(
            f"topic {topic_id} does not split into {len(parts)}: the parts {parts[left].label!r} and "
            f"{parts[right].label!r} lie at a cosine of {cosines[left, right]:.2f}, and {TOGETHER} or more is one topic"
        )
    return parts


def _words(documents: Sequence[str]) -> list[tuple[str, ...]]:
    """The words that set each part apart from the others."""
    from bertopic.vectorizers import ClassTfidfTransformer
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

    vectorizer = CountVectorizer(stop_words=list(ENGLISH_STOP_WORDS), token_pattern=r"(?u)\b[^\W\d_]{3,}\b")
    try:
        counts = vectorizer.fit_transform(documents)
    except ValueError:  # nothing but stop words
        return [()] * len(documents)
    weights = ClassTfidfTransformer(reduce_frequent_words=True).fit(counts).transform(counts).toarray()
    names = vectorizer.get_feature_names_out()
    return [tuple(str(names[i]) for i in np.argsort(-row, kind="stable")[:_KEYWORDS] if row[i] > 0) for row in weights]


def _with_different_labels(parts: Sequence[Discovered]) -> list[Discovered]:
    seen: dict[str, int] = {}
    named = []
    for part in parts:
        seen[part.label] = seen.get(part.label, 0) + 1
        named.append(part if seen[part.label] == 1 else replace(part, label=f"{part.label} ({seen[part.label]})"))
    return named
