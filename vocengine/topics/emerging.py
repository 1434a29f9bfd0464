"""New topics between two fits: places where the newest spans lie denser than a sample of what was said before.

Each span is looked at once, when it arrives. Of the k spans nearest to it, newest and reference together, those of the
newest are counted. As long as nothing new is said, the newest spans and the reference are two samples of one thing, and
that count is hypergeometric (the nearest-neighbour two-sample test of Schilling 1986, at one place). So the chance of a
false find is known for each look, and the budget is shared among the looks. What is counted errs on the quiet side: an
author and a wording count once among the newest, each time in the reference.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vocengine.topics.discover import TOGETHER
from vocengine.topics.labels import by_keywords

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

# The newest spans that are compared with the reference: few for what comes fast, many for what comes slowly.
WINDOWS = (1_000, 4_000)
# How many neighbours are looked at; a group of any size between shows at one of them.
NEIGHBOURS = (8, 12, 16, 24, 32)
# Beyond this, more of a reference makes no place clearer.
REFERENCE_SPANS = 5_000
# Most of a find must be new: the share of its spans that the reference does not explain, as it is met and is kept.
_NEW_SHARE, _KEPT_SHARE = 0.85, 0.95
# A member's own nearest spans are that much new too.
_MEMBER_SHARE, _MEMBER_NEIGHBOURS = 0.8, 12
_ROUNDS = 2
_MOST_MEMBERS = 200
_KEYWORDS, _EXAMPLES = 10, 5
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Policy:
    """At most one false find in `one_false_in_spans` spans; a group has at least `min_authors` authors and wordings."""

    one_false_in_spans: float = 10_000.0
    min_authors: int = 8

    def __str__(self) -> str:
        return f"at most 1 false find in {self.one_false_in_spans:,.0f} clauses"


@dataclass(frozen=True, slots=True)
class Window:
    """The newest spans, oldest first: `embeddings` (n, d) of unit length; equal numbers in `authors` (n,) are one
    author, in `wordings` (n,) one wording."""

    embeddings: Floats
    authors: Integers
    wordings: Integers


@dataclass(frozen=True, slots=True)
class Group:
    """A new dense group. `members` are places in the window, the most typical first; a span belongs where its cosine to
    `centroid` (d,) is at least `threshold`.

    `chance` is the probability of such a count where nothing is new, which had to be under `needed`: `newest` of the
    `neighbours` nearest spans were among the newest `window` and not among the `reference`. `new_share` is the part
    (0..1) of the members that the reference does not explain.
    """

    centroid: Floats
    threshold: float
    members: tuple[int, ...]
    chance: float
    needed: float
    neighbours: int
    newest: int
    window: int
    reference: int
    new_share: float


def find(window: Window, arrived: int, reference: Floats, topics: Floats, policy: Policy) -> list[Group]:
    """Groups around any of the newest `arrived` spans of the window that the reference (m, d) lacks, the surest first.

    `topics` (t, d) are the centroids that a new one has to lie apart from. Costs one matrix product of what arrived
    with window and reference. Where each span arrives once, the finds on an unchanged stream keep the policy's budget.
    """
    most = max(NEIGHBOURS)
    if min(len(window.embeddings), len(reference)) <= most or not arrived:
        return []
    begin = len(window.embeddings) - arrived
    fresh = window.embeddings[begin:]
    to_reference = np.flip(np.sort(fresh @ reference.T, axis=1), axis=1)[:, :most]
    to_window = fresh @ window.embeddings.T
    to_window[np.arange(arrived), begin + np.arange(arrived)] = -np.inf
    needed = 1.0 / policy.one_false_in_spans / len(NEIGHBOURS) / len(WINDOWS)
    seen = []
    for newest in WINDOWS:
        start = max(0, len(window.embeddings) - newest)
        others = len(window.embeddings) - start - 1
        nearest = np.flip(np.sort(to_window[:, start:], axis=1), axis=1)[:, :most]
        # Rank of each of the newest among both: its place plus the references before it.
        before = np.stack([np.searchsorted(-r, -w, side="right") for r, w in zip(to_reference, nearest, strict=True)])
        rank = before + np.arange(1, most + 1)
        for k in NEIGHBOURS:
            least = max(policy.min_authors - 1, _least(k, others, len(reference), needed))
            enough = ((rank <= k).sum(axis=1) >= least) & (begin + np.arange(arrived) >= start)
            seen += [(start, row, k, least) for row in np.flatnonzero(enough).tolist()]
    looks = []
    for start, row, k, least in seen:
        # Authors and wordings count once; only few rows come this far.
        count = _different_newest(window, start, begin + row, to_window[row, start:], to_reference[row], k)
        others = len(window.embeddings) - start - 1
        explained = (k - count) * others / len(reference) / max(count, 1)
        if count >= least and 1 - explained >= _NEW_SHARE:
            looks.append((_chance(count, k, others, len(reference)), row, start, k, count))
    groups: list[Group] = []
    for chance, row, start, k, count in sorted(looks):
        if any(fresh[row] @ group.centroid >= group.threshold for group in groups):
            continue
        grown = _grown(window, start, begin + row, reference, count, policy.min_authors)
        if grown is None:
            continue
        members, centroid, threshold, new_share = grown
        apart = [*topics, *(group.centroid for group in groups)]
        if apart and float(np.max(np.stack(apart) @ centroid)) >= TOGETHER:
            continue
        size = len(window.embeddings) - start
        groups.append(
            Group(centroid, threshold, members, chance, needed, k, count, size, len(reference), round(new_share, 3))
        )
    return groups


def describe(members: Sequence[str], others: Sequence[str]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Label, keywords and examples of a group, by its texts (the most typical first) against other texts.

    A word tells as much as its share of the group's texts exceeds that of the others: its part of the Kullback–Leibler
    divergence. So no list of stop words is needed.
    """
    inside, outside = _shares(members), _shares(others)
    least = 2 / max(len(members), 1)
    weights = {
        word: share * math.log(share / (outside.get(word, 0.0) + 1 / (len(others) + 1)))
        for word, share in inside.items()
        if share >= least
    }
    best = sorted(weights, key=lambda word: (-weights[word], word))
    keywords = tuple(word for word in best if weights[word] > 0)[:_KEYWORDS]
    return by_keywords(keywords), keywords, tuple(dict.fromkeys(members))[:_EXAMPLES]


def numbered(names: Iterable[str]) -> Integers:
    """(n,) numbers, equal where the names are."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


def wording(text: str) -> str:
    """What two texts share that differ in capitals, numbers and punctuation alone."""
    return " ".join(word.lower() for word in re.findall(r"[^\W\d_]+", text))


def _different_newest(window: Window, start: int, place: int, to_window: Floats, to_reference: Floats, k: int) -> int:
    """How many of the k nearest are of the window where those by the same author or in the same words count once."""
    authors, wordings = {int(window.authors[place])}, {int(window.wordings[place])}
    count = passed = 0
    for at in np.argsort(-to_window).tolist():
        while passed < len(to_reference) and to_reference[passed] >= to_window[at]:
            passed += 1
        if count + passed >= k or at + start == place:
            break
        author, words = int(window.authors[start + at]), int(window.wordings[start + at])
        if author not in authors and words not in wordings:
            authors.add(author)
            wordings.add(words)
            count += 1
    return count


def _grown(
    window: Window, start: int, place: int, reference: Floats, count: int, least: int
) -> tuple[tuple[int, ...], Floats, float, float] | None:
    """The whole group around a span: its members, centroid, threshold and how much of it is new.

    A place that was picked because it looks new looks newer than it is. So the members are tested again by their own
    neighbours, and the group ends where the reference begins to explain it.
    """
    newest = window.embeddings[start:]
    ratio = len(newest) / len(reference)
    members = np.argsort(-(newest @ window.embeddings[place]))[: count + 1]
    for _ in range(_ROUNDS):
        kept = members[_new_share(newest, members, reference, ratio) >= _MEMBER_SHARE]
        if len(kept) < 2:
            return None
        centroid = newest[kept].mean(axis=0)
        centroid = (centroid / np.linalg.norm(centroid)).astype(np.float32)
        similarity = newest @ centroid
        order = np.argsort(-similarity)[:_MOST_MEMBERS]
        known = np.searchsorted(np.sort(-(reference @ centroid)), -similarity[order], side="right")
        different = _first(window.authors[start + order]) & _first(window.wordings[start + order])
        counted = np.cumsum(different)
        share = 1 - known * ratio / np.maximum(counted, 1)
        far = np.flatnonzero((share >= _KEPT_SHARE) & (counted >= least))
        if not len(far):
            return None
        last = int(far[-1])
        members = order[: last + 1]
    threshold = math.floor(float(similarity[members[-1]]) * 1e4) / 1e4
    return tuple((members + start).tolist()), centroid, threshold, float(share[last])


def _new_share(newest: Floats, members: npt.NDArray[np.intp], reference: Floats, ratio: float) -> Floats:
    """(members,) share of each member's nearest that the reference does not explain."""
    k = _MEMBER_NEIGHBOURS
    to_window = newest[members] @ newest.T
    to_window[np.arange(len(members)), members] = -np.inf
    far = np.concatenate(
        [np.partition(-part, k - 1, axis=1)[:, :k] for part in (to_window, newest[members] @ reference.T)], axis=1
    )
    count = (np.argsort(far, axis=1, kind="stable")[:, :k] < k).sum(axis=1)
    share: Floats = (1 - (k - count) * ratio / np.maximum(count, 1)).astype(np.float32)
    return share


def _first(values: Integers) -> npt.NDArray[np.bool_]:
    """(n,) whether a value occurs here for the first time."""
    found = np.zeros(len(values), dtype=np.bool_)
    found[np.unique(values, return_index=True)[1]] = True
    return found


def _least(k: int, newest: int, reference: int, chance: float) -> int:
    """The smallest count of the newest among k whose chance is under `chance`; k + 1 where there is none."""
    total, least = 0.0, k + 1
    for count in range(k, -1, -1):
        total += math.exp(_log_probability(count, k, newest, reference))
        if total >= chance:
            break
        least = count
    return least


def _chance(count: int, k: int, newest: int, reference: int) -> float:
    return math.fsum(math.exp(_log_probability(c, k, newest, reference)) for c in range(count, k + 1))


def _log_probability(count: int, k: int, newest: int, reference: int) -> float:
    """Hypergeometric: `count` of k drawn from `newest` and `reference` together are of the newest."""
    if count > newest or k - count > reference:
        return -math.inf
    return _log_choose(newest, count) + _log_choose(reference, k - count) - _log_choose(newest + reference, k)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _shares(texts: Sequence[str]) -> dict[str, float]:
    """Share of the texts that hold each word, and each pair of neighbouring words."""
    counts: Counter[str] = Counter()
    for text in texts:
        words = _WORD.findall(text.lower())
        counts.update({*words, *(f"{a} {b}" for a, b in itertools.pairwise(words))})
    return {word: n / len(texts) for word, n in counts.items()}
