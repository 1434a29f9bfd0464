"""What a topic is called: a phrase of two to four words that its own spans use and others do not.

Candidates are the phrases of a topic's spans. They are ranked by how much more of the topic than of everything uses
them (pointwise Kullback–Leibler divergence, Tomokiyo and Hurst 2003), and the best of them by how near their own
embedding lies to the topic's centroid (Bennani-Smires et al. 2018).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

# (n texts) → (n, d) embeddings of unit length, in the space of the spans'.
Embed = Callable[[Sequence[str]], npt.NDArray[np.float32]]

# What masking leaves behind, and what contractions fall into.
NO_WORDS = frozenset(
    {"handle", "link", "email", "phone", "http", "https", "amp", "just", "got", "ve", "don", "ll", "re"}
)
# Frequent in feedback, and about nothing.
_WEAK = frozenset({"really", "thanks", "please", "like", "looks", "looked"})
# As BERTopic leaves them, without their apostrophes.
_CONTRACTED = frozenset(
    "im ive id dont didnt doesnt cant couldnt wont wouldnt isnt wasnt havent youre theyre thats whats whos".split()
)
_PIECE = re.compile(r"[^.,;:!?()\[\]{}\"“”…/\\|<>*#@\n]+")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_LENGTHS = (2, 3, 4)
# A phrase names a topic only where so many of its spans use it.
_LEAST_USES, _LEAST_SHARE = 3, 0.02
_NEARLY = 0.8
_SHORTLIST = 15
_KEYWORDS = 2
_STEM = 4


def name_topics(
    texts: Sequence[str],
    assigned: npt.NDArray[np.int64],
    keywords: Sequence[Sequence[str]],
    centroids: npt.NDArray[np.float32],
    *,
    embed: Embed | None = None,
    taken: Collection[str] = (),
) -> list[str]:
    """A different label for each topic, in the order of `keywords`, and none of those in `taken`.

    `assigned` (n,) are the topics of the spans `texts`, -1 for none; `centroids` (t, d). Without `embed` the use of
    phrases alone decides. A topic whose spans share no phrase is called by its strongest keywords.
    """
    uses = [Counter[str]() for _ in keywords]
    everywhere: Counter[str] = Counter()
    sizes = Counter(assigned.tolist())
    for text, topic in zip(texts, assigned.tolist(), strict=True):
        said = set(phrases(text))
        everywhere.update(said)
        if topic >= 0:
            uses[topic].update(said)
    labels: list[str] = []
    given = set(taken)
    for topic, words in enumerate(keywords):
        ranked = _ranked(uses[topic], everywhere, sizes[topic], len(texts))[:_SHORTLIST]
        if embed is not None and ranked:
            similarity = embed([phrase for phrase, _ in ranked]) @ centroids[topic]
            pairs = zip(ranked, similarity.tolist(), strict=True)
            # The root keeps the most used phrase from winning whatever it says.
            ranked = sorted(((p, math.sqrt(score) * max(near, 0.0)) for (p, score), near in pairs), key=lambda r: -r[1])
        label = next((phrase for phrase, _ in ranked if phrase not in given), None) or by_keywords(words, given)
        given.add(label)
        labels.append(label)
    return labels


def distinctive_words(texts: Sequence[str], assigned: npt.NDArray[np.int64], topics: int) -> list[list[str]]:
    """For each of `topics` the single words that more of its spans use than of all, the most telling first."""
    uses = [Counter[str]() for _ in range(topics)]
    everywhere: Counter[str] = Counter()
    sizes = Counter(assigned.tolist())
    for text, topic in zip(texts, assigned.tolist(), strict=True):
        said = {word for word in map(str.lower, _WORD.findall(text)) if _tells(word)}
        everywhere.update(said)
        if topic >= 0:
            uses[topic].update(said)
    return [[word for word, _ in _ranked(uses[i], everywhere, sizes[i], len(texts))] for i in range(topics)]


def phrases(text: str) -> Iterator[str]:
    """Phrases of two to four words inside one clause, in lower case, that neither begin nor end with an empty word."""
    for piece in _PIECE.findall(text):
        words = [word.lower().replace("’", "'") for word in _WORD.findall(piece)]
        for length in _LENGTHS:
            for begin in range(len(words) - length + 1):
                first, last = words[begin], words[begin + length - 1]
                if _tells(first) and _tells(last) and first != last:
                    yield " ".join(words[begin : begin + length])


@cache
def empty_words() -> frozenset[str]:
    """Words that neither name nor describe a topic."""
    # Here, since the stream imports this module and never names a topic: scikit-learn takes 40 MB.
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS) | NO_WORDS | _CONTRACTED | _WEAK


def _tells(word: str) -> bool:
    empty = empty_words()
    return len(word) > 2 and word not in empty and word.split("'")[0] not in empty


def _ranked(uses: Counter[str], everywhere: Counter[str], size: int, total: int) -> list[tuple[str, float]]:
    least = max(_LEAST_USES, _LEAST_SHARE * size)
    scored = []
    for phrase, n in uses.items():
        if n >= least:
            here, all_over = n / size, everywhere[phrase] / total
            if here > all_over:
                scored.append((phrase, here * math.log(here / all_over)))
    scored.sort(key=lambda pair: (-pair[1], pair[0]))
    # "customer service" gives way to "customer service line" where nearly all say the longer.
    kept: list[tuple[str, float]] = []
    for phrase, score in scored:
        longer = (other for other, _ in scored if other != phrase and f" {phrase} " in f" {other} ")
        if not any(uses[other] >= _NEARLY * uses[phrase] for other in longer):
            kept.append((phrase, score))
    return kept


def by_keywords(words: Sequence[str], taken: Collection[str] = ()) -> str:
    """The strongest words that do not repeat each other: "checkout, payment"."""
    chosen: list[str] = []
    for word in words:
        if not any(_alike(one, two) for other in chosen for one in word.split() for two in other.split()):
            chosen.append(word)
        if len(chosen) >= _KEYWORDS and ", ".join(chosen) not in taken:
            break
    label = ", ".join(chosen) or "unnamed"
    found, number = label, 2
    while found in taken:
        found, number = f"{label} ({number})", number + 1
    return found


def _alike(one: str, two: str) -> bool:
    """Whether two words are forms of one: "delay" and "delayed"."""
    return one[:_STEM] == two[:_STEM]
