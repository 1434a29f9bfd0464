"""New topics between two fits: found early and pure where there is one, and rarely where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import hypergeom

from vocengine.topics import emerging
from vocengine.topics.emerging import NEIGHBOURS, Group, Policy, Window, describe, find, numbered, wording

D = 24
NONE = np.zeros((0, D), dtype=np.float32)


class World:
    """Spans around a dozen centres, and a thirteenth of which nobody speaks yet."""

    def __init__(self, seed: int) -> None:
        self._draw = np.random.default_rng(seed)
        self.centres = self.unit(self._draw.normal(size=(13, D)))

    def unit(self, rows: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def said(self, centres: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return self.unit(self.centres[centres] + 0.18 * self._draw.normal(size=(len(centres), D)))

    def known(self, n: int) -> np.ndarray:  # type: ignore[type-arg]
        return self.said(self._draw.integers(0, 12, n))

    def mixed(self, n: int, *, centre: int, share: float) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
        which = np.where(self._draw.random(n) < share, centre, self._draw.integers(0, 12, n))
        return self.said(which), which == centre


def look(
    spans: np.ndarray,  # type: ignore[type-arg]
    reference: np.ndarray,  # type: ignore[type-arg]
    *,
    topics: np.ndarray = NONE,  # type: ignore[type-arg]
    authors: list[int] | None = None,
    wordings: list[int] | None = None,
    policy: Policy | None = None,
) -> list[Group]:
    """All spans at once, each arriving now."""
    each = list(range(len(spans)))
    window = Window(spans, np.array(authors or each), np.array(wordings or each))
    return find(window, len(spans), reference, topics, policy or Policy())


def test_the_chance_of_a_count_is_the_hypergeometric_tail() -> None:
    for k, newest, reference in ((8, 900, 5_000), (32, 40, 300), (16, 4_000, 5_000)):
        for count in range(k + 1):
            exact = hypergeom.sf(count - 1, newest + reference, newest, k)
            assert emerging._chance(count, k, newest, reference) == pytest.approx(exact, rel=1e-6)
        least = emerging._least(k, newest, reference, 1e-3)
        assert hypergeom.sf(least - 1, newest + reference, newest, k) < 1e-3
        assert hypergeom.sf(least - 2, newest + reference, newest, k) >= 1e-3


@pytest.mark.parametrize("seed", range(4))
def test_a_new_group_is_found_alone_and_pure(seed: int) -> None:
    world = World(seed)
    reference = world.known(1_500)
    spans, new = world.mixed(900, centre=12, share=0.03)
    [group] = look(spans, reference, topics=world.centres[:12])
    assert new[list(group.members)].mean() >= 0.8 and len(group.members) >= 8
    assert group.centroid @ world.centres[12] > 0.9
    assert abs(np.linalg.norm(group.centroid) - 1) < 1e-5
    assert (spans[list(group.members)] @ group.centroid >= group.threshold).all()
    assert group.chance < group.needed and group.newest <= group.neighbours in NEIGHBOURS


def test_an_unchanged_stream_keeps_the_budget() -> None:
    """At most one false find in 500 spans; there are 8,000."""
    finds = 0
    for seed in range(10):
        world = World(100 + seed)
        finds += len(look(world.known(800), world.known(1_500), policy=Policy(one_false_in_spans=500, min_authors=3)))
    assert finds <= 16


def test_one_author_and_one_wording_are_one_voice() -> None:
    world = World(1)
    reference = world.known(1_500)
    spans, new = world.mixed(900, centre=12, share=0.03)
    each = list(range(len(spans)))
    same = [10_000 if is_new else i for i, is_new in zip(each, new, strict=True)]
    assert look(spans, reference, authors=each, wordings=each)
    assert look(spans, reference, authors=same) == []
    assert look(spans, reference, wordings=same) == []


@pytest.mark.parametrize(("authors", "found"), [(4, False), (30, True)])
def test_a_few_loud_authors_are_no_crowd(authors: int, found: bool) -> None:
    world = World(2)
    spans, new = world.mixed(900, centre=12, share=0.05)
    loud = [10_000 + i % authors if is_new else i for i, is_new in enumerate(new.tolist())]
    groups = look(spans, world.known(1_500), authors=loud)
    assert any(new[list(group.members)].mean() > 0.5 for group in groups) == found


def test_more_of_a_known_topic_is_no_new_one() -> None:
    world = World(3)
    spans, _ = world.mixed(900, centre=4, share=0.3)
    assert look(spans, world.known(1_500), topics=world.centres[:12]) == []


def test_what_lies_together_with_a_topic_in_force_is_no_new_one() -> None:
    world = World(4)
    spans, _ = world.mixed(900, centre=12, share=0.05)
    reference = world.known(1_500)
    assert look(spans, reference, topics=world.centres[:12])
    assert look(spans, reference, topics=world.centres) == []


def test_two_new_groups_are_two_finds() -> None:
    world = World(5)
    reference = world.said(np.arange(1_500) % 11)
    spans = world.said(np.array([11 if i % 25 == 0 else 12 if i % 25 == 1 else i % 11 for i in range(900)]))
    groups = look(spans, reference)
    nearest = sorted(int((world.centres @ group.centroid).argmax()) for group in groups)
    assert nearest == [11, 12]


def test_too_little_to_compare_finds_nothing() -> None:
    world = World(6)
    assert look(world.known(20), world.known(1_000)) == []
    assert look(world.known(500), world.known(10)) == []
    assert find(Window(NONE, np.array([]), np.array([])), 0, world.known(1_000), NONE, Policy()) == []


def test_a_group_is_described_by_the_words_that_set_it_apart() -> None:
    members = [f"the kettle lid {what} again" for what in ("leaks", "leaks badly", "broke", "leaks water")]
    others = [f"the courier came {day} again" for day in ("monday", "tuesday", "late", "early")] * 10
    label, keywords, examples = describe(members, others)
    assert label.startswith("kettle lid") or label.startswith("kettle")
    assert "leaks" in keywords and not {"the", "again"} & set(keywords)
    assert examples == tuple(members)


def test_wordings_differ_in_words_alone() -> None:
    assert wording("It BROKE, after 3 days!") == wording("it broke after 12 days")
    assert wording("it broke") != wording("it works")
    assert numbered(["a", "b", "a"]).tolist() == [0, 1, 0]
