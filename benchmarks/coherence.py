"""How well a topic's words belong together, and how different topics' words are."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"[^\W\d_]{3,}")
_WORDS = 10


def npmi(topics: Sequence[Sequence[str]], documents: Sequence[str]) -> float:
    """Mean normalised pointwise mutual information −1..1 of the pairs among each topic's first ten single words, over
    whole documents (Bouma 2009; Röder et al. 2015). Pairs that never meet count −1."""
    lists = [single_words(words) for words in topics]
    wanted = {word for words in lists for word in words}
    alone: Counter[str] = Counter()
    together: Counter[tuple[str, str]] = Counter()
    for document in documents:
        found = sorted(wanted & set(_WORD.findall(document.lower())))
        alone.update(found)
        together.update(itertools.combinations(found, 2))
    total = len(documents)
    scores = []
    for words in lists:
        pairs = [_npmi(alone[a], alone[b], together[a, b], total) for a, b in itertools.combinations(sorted(words), 2)]
        if pairs:
            scores.append(sum(pairs) / len(pairs))
    return sum(scores) / len(scores) if scores else math.nan


def diversity(topics: Sequence[Sequence[str]]) -> float:
    """Share 0..1 of different words among all topics' first ten single words (Dieng et al. 2020)."""
    words = [word for topic in topics for word in single_words(topic)]
    return len(set(words)) / len(words) if words else math.nan


def single_words(words: Sequence[str]) -> list[str]:
    """The first ten of them that are one word."""
    return list(dict.fromkeys(word for word in words if _WORD.fullmatch(word)))[:_WORDS]


def _npmi(a: int, b: int, both: int, total: int) -> float:
    if not both:
        return -1.0
    joint = both / total
    # Words that are always there together say all that there is.
    return math.log(joint / (a / total * b / total)) / -math.log(joint) if joint < 1 else 1.0
