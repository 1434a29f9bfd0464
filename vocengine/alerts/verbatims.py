"""Which few of many texts are shown: representative of all, different from each other, no near-copies.

Maximal marginal relevance (Carbonell, Goldstein, SIGIR 1998) over the words that texts share: each word weighs by how
few of the texts have it (inverse document frequency), so that "the" brings nothing together.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

# How much being representative counts against being different from what is chosen already.
_RELEVANCE = 0.6
# Texts that share so many of their words are copies of each other: retweets, pasted reviews.
_COPY = 0.75
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


def representative(items: Sequence[T], text_of: Callable[[T], str], *, most: int = 5) -> list[T]:
    """Up to `most` of `items`, the most representative first. Ties go to the earlier item.

    An item without words is chosen only where there is nothing else. Cost is quadratic in items.
    """
    words = [frozenset(_WORD.findall(text_of(item).casefold())) for item in items]
    kept = _without_copies(words)
    if not kept:
        return list(items[:1])
    weights = _rarity([words[i] for i in kept])
    alike = [[_cosine(words[i], words[j], weights) for j in kept] for i in kept]
    central = [(sum(row) - 1.0) / max(1, len(kept) - 1) for row in alike]
    # Both on one scale: else a set of texts that all differ is chosen by difference alone.
    top = max(central) or 1.0
    chosen: list[int] = []
    while len(chosen) < min(most, len(kept)):
        rest = [i for i in range(len(kept)) if i not in chosen]
        best = max(
            rest,
            key=lambda i: (
                _RELEVANCE * central[i] / top - (1 - _RELEVANCE) * max((alike[i][j] for j in chosen), default=0.0)
            ),
        )
        chosen.append(best)
    return [items[kept[i]] for i in chosen]


def _without_copies(words: Sequence[frozenset[str]]) -> list[int]:
    kept: list[int] = []
    for i, own in enumerate(words):
        if own and not any(len(own & words[j]) >= _COPY * len(own | words[j]) for j in kept):
            kept.append(i)
    return kept


def _rarity(words: Sequence[frozenset[str]]) -> dict[str, float]:
    counts = Counter(word for own in words for word in own)
    return {word: math.log((1 + len(words)) / n) for word, n in counts.items()}


def _cosine(a: frozenset[str], b: frozenset[str], weights: dict[str, float]) -> float:
    # Rounded once, so that the order of a set, which differs from run to run, decides no tie.
    shared, of_a, of_b = (math.fsum(weights[word] for word in words) for words in (a & b, a, b))
    size = math.sqrt(of_a * of_b)
    return shared / size if size else 0.0
