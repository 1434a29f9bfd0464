"""What answers are worth: nothing said weighs one, more truth never weighs less, and no key is silenced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocengine.cases import importance

COUNTS = st.integers(0, 10_000)


@given(COUNTS, COUNTS)
def test_a_key_without_answers_weighs_one(all_real: int, others: int) -> None:
    assert importance(0, 0, all_real=all_real, all_judged=all_real + others) == pytest.approx(1.0)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_a_weight_is_bounded_and_grows_with_real_problems(real: int, false: int, more_real: int, more: int) -> None:
    whole = {"all_real": real + 1 + more_real, "all_judged": real + 1 + false + more_real + more}
    weight = importance(real, real + false, **whole)
    assert 0.25 <= weight <= importance(real + 1, real + 1 + false, **whole) <= 4
    assert importance(real, real + false + 1, **whole) <= weight


def test_one_answer_moves_little_and_many_move_much() -> None:
    half = {"all_real": 50, "all_judged": 100}
    assert importance(0, 1, **half) == pytest.approx(0.8)
    assert importance(1, 1, **half) == pytest.approx(1.2)
    assert importance(0, 50, **half) == 0.25
    assert importance(20, 20, all_real=25, all_judged=500) == 4.0
