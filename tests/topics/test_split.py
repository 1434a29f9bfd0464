"""A topic cut in parts at a person's wish, or refused with the figures that say why not."""

from __future__ import annotations

import numpy as np
import pytest

from vocengine.errors import RegistryError
from vocengine.topics.split import by_phrases, into_parts


def unit(rows: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def crowd(*sizes: int, apart: float = 1.0) -> tuple[list[str], np.ndarray]:  # type: ignore[type-arg]
    """Spans around directions that share one axis; each crowd has words of its own."""
    draw = np.random.default_rng(3)
    words = ("late courier", "broken box", "wrong address")
    texts, rows = [], []
    for place, size in enumerate(sizes):
        centre = np.eye(12)[0] + apart * np.eye(12)[place + 1]
        texts += [f"the {words[place]} again number {'i' * (i % 7)}" for i in range(size)]
        rows.append(centre + draw.normal(0, 0.05, (size, 12)))
    return texts, unit(np.concatenate(rows))


def test_parts_are_found_described_and_come_biggest_first() -> None:
    texts, embeddings = crowd(30, 50)
    parts = into_parts(7, texts, embeddings, 2, threshold=0.5, min_spans=10, seed=7)
    assert [part.size for part in parts] == [50, 30]
    assert {"broken", "box"} <= set(parts[0].keywords[:3]) and {"late", "courier"} <= set(parts[1].keywords[:3])
    for part, of in zip(parts, (embeddings[30:], embeddings[:30]), strict=True):
        assert abs(np.linalg.norm(part.centroid) - 1) < 1e-5
        assert (of @ part.centroid >= part.threshold).all() and part.threshold == 0.5
        assert part.examples and part.label


def test_phrases_name_the_parts() -> None:
    texts, embeddings = crowd(30, 50)
    told = unit(np.stack([np.eye(12)[1], np.eye(12)[2]]))
    parts = by_phrases(7, texts, embeddings, ("came late", "came broken"), told, threshold=0.5, min_spans=10)
    assert [(part.label, part.size) for part in parts] == [("came broken", 50), ("came late", 30)]


def test_what_does_not_split_is_refused_with_the_figures() -> None:
    texts, embeddings = crowd(60, 5)
    told = unit(np.stack([np.eye(12)[1], np.eye(12)[2]]))
    with pytest.raises(RegistryError, match=r"would have 60 \(.*\), 5 \(.*\) spans, and each needs 10"):
        into_parts(7, texts, embeddings, 2, threshold=0.5, min_spans=10, seed=7)
    with pytest.raises(RegistryError, match="65 spans of it are stored, and 2 parts of 50 spans need 100"):
        into_parts(7, texts, embeddings, 2, threshold=0.5, min_spans=50, seed=7)
    with pytest.raises(RegistryError, match="2 to 10 can be made"):
        into_parts(7, texts, embeddings, 1, threshold=0.5, min_spans=10, seed=7)
    with pytest.raises(RegistryError, match="split by 2 phrases, 'late', 'Late': give 2 to 10 that differ"):
        by_phrases(7, texts, embeddings, ("late", "Late"), told, threshold=0.5, min_spans=10)
    texts, embeddings = crowd(40, 40, apart=0.1)
    with pytest.raises(RegistryError, match=r"lie at a cosine of 0\.9\d, and 0\.88 or more is one topic"):
        into_parts(7, texts, embeddings, 2, threshold=0.5, min_spans=10, seed=7)
