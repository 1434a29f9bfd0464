"""The parts of a change: whatever was said, they add up to it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocengine.trends.contribution import Portion, contributions, whole

SCORES = st.lists(st.floats(-1, 1, allow_nan=False), max_size=30)
GROUPS = st.dictionaries(st.sampled_from("abcdef"), SCORES, max_size=6)
# A message: the groups that it is in, in equal parts, and its score.
MESSAGES = st.lists(
    st.tuples(st.sets(st.sampled_from("abcde"), min_size=1), st.floats(-1, 1, allow_nan=False)), min_size=1, max_size=60
)


def portion(scores: list[float]) -> Portion:
    return whole(len(scores), sum(scores), sum(s * s for s in scores))


def portioned(messages: list[tuple[set[str], float]]) -> dict[str, Portion]:
    found: dict[str, Portion] = {}
    for groups, s in messages:
        w = 1 / len(groups)
        for group in groups:
            added = Portion(w, w * s, w * s * s, w * w, w * w * s, w * w * s * s)
            found[group] = found.get(group, Portion()) + added
    return found


@given(MESSAGES, MESSAGES)
def test_the_parts_add_up_to_the_change(
    before: list[tuple[set[str], float]], after: list[tuple[set[str], float]]
) -> None:
    found = contributions(portioned(before), portioned(after))
    assert found is not None
    change = sum(s for _, s in after) / len(after) - sum(s for _, s in before) / len(before)
    assert found.difference == pytest.approx(change, abs=1e-9)
    assert sum(part.total for part in found.parts.values()) == pytest.approx(change, abs=1e-9)
    assert sum(part.before_share for part in found.parts.values()) == pytest.approx(1)
    for part in found.parts.values():
        assert part.total == pytest.approx(part.mix + part.level)
        if part.low is not None and part.high is not None:
            assert part.low <= part.total <= part.high


@given(GROUPS, GROUPS)
def test_exchanging_the_windows_turns_every_part_round(
    before: dict[str, list[float]], after: dict[str, list[float]]
) -> None:
    first, second = ({name: portion(s) for name, s in side.items()} for side in (before, after))
    there, back = contributions(first, second), contributions(second, first)
    assert (there is None) == (back is None) == (not any(before.values()) or not any(after.values()))
    if there and back:
        assert there.parts.keys() == back.parts.keys()
        for name, part in there.parts.items():
            assert (part.mix, part.level) == pytest.approx((-back.parts[name].mix, -back.parts[name].level), abs=1e-9)


def test_a_group_that_only_grows_is_mix_and_one_that_only_falls_is_level() -> None:
    grows = contributions({"bad": portion([-0.8] * 10), "good": portion([0.4] * 90)},
                          {"bad": portion([-0.8] * 30), "good": portion([0.4] * 70)})  # fmt: skip
    assert grows is not None
    # Shares 0.1 → 0.3 of a mean 1.2 below the other: the mean falls by 0.24, all of it mix.
    assert grows.difference == pytest.approx(-0.24)
    assert [part.level for part in grows.parts.values()] == pytest.approx([0, 0])
    assert grows.parts["bad"].mix < 0 and grows.parts["good"].mix < 0
    falls = contributions({"a": portion([0.5] * 40), "b": portion([0.1] * 60)},
                          {"a": portion([-0.5] * 40), "b": portion([0.1] * 60)})  # fmt: skip
    assert falls is not None
    assert falls.parts["a"].level == pytest.approx(-0.4) == falls.difference
    assert falls.parts["a"].certain and falls.parts["b"].total == 0 and not falls.parts["b"].certain


def test_a_group_that_is_new_has_only_mix() -> None:
    found = contributions({"old": portion([0.2] * 20)}, {"old": portion([0.2] * 20), "new": portion([-0.6] * 20)})
    assert found is not None
    new = found.parts["new"]
    assert (new.before_mean, new.level) == (None, 0) and new.mix < 0


def test_nothing_on_one_side_is_no_change() -> None:
    assert contributions({}, {"a": portion([0.1])}) is None
    assert contributions({"a": portion([0.1])}, {"a": Portion()}) is None


def test_about_95_of_100_intervals_hold_the_true_part() -> None:
    source = random.Random(3)

    def said(share: float, mean: float) -> list[tuple[set[str], float]]:
        groups = [
            {"a"} if source.random() < share else {"b"} if source.random() < 0.7 else {"a", "b"} for _ in range(300)
        ]
        return [(g, max(-1.0, min(1.0, source.gauss(mean if g == {"a"} else 0.3, 0.35)))) for g in groups]

    true = [contributions(portioned([m for _ in range(300) for m in said(0.2, 0.1)]),
                          portioned([m for _ in range(300) for m in said(0.35, -0.2)]))]  # fmt: skip
    assert true[0] is not None
    expected, held, rounds = true[0].parts["a"].total, 0, 400
    for _ in range(rounds):
        found = contributions(portioned(said(0.2, 0.1)), portioned(said(0.35, -0.2)))
        assert found is not None
        part = found.parts["a"]
        assert part.low is not None and part.high is not None
        held += part.low <= expected <= part.high
    assert 0.92 <= held / rounds <= 0.99
