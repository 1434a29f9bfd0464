"""Dropout by random bytes: the share that it says, the mean kept, nothing when it serves."""

from __future__ import annotations

import pytest
import torch

from vocengine.encoder.network import Dropout


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_it_drops_its_share_and_keeps_the_mean(p: float) -> None:
    torch.manual_seed(0)
    states = Dropout(p)(torch.ones(997, 1_001))
    assert float((states == 0).float().mean()) == pytest.approx(p, abs=0.003)
    assert float(states.mean()) == pytest.approx(1.0, abs=0.003)


def test_it_changes_nothing_when_it_serves_or_when_its_share_is_none() -> None:
    states = torch.randn(7, 5)
    assert torch.equal(Dropout(0.5).eval()(states), states)
    assert torch.equal(Dropout(0.0)(states), states)
