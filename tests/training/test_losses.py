"""A rare label counts more where it holds, and its probabilities stay honest."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vocengine.training.batches import Tokenized
from vocengine.training.losses import emphasis_of, label_loss

# 40 texts: label 0 in every fourth, label 1 in one, the others in every second.
_TEXTS = [
    Tokenized((1,), (), tuple(n for n in range(5) if (i % 4 == 0 if n == 0 else i == 0 if n == 1 else i % 2 == 0)))
    for i in range(40)
]


def test_a_label_counts_more_by_the_power_of_how_much_rarer_it_is_than_the_median() -> None:
    found = emphasis_of("intents", _TEXTS, 0.5)
    assert found is not None
    assert found.tolist() == pytest.approx([2**0.5, 20**0.5, 1, 1, 1], rel=1e-4)
    assert emphasis_of("intents", _TEXTS, 0.0) is None
    assert emphasis_of("sentiment", _TEXTS, 0.5) is None


def test_a_head_taught_with_emphasis_still_says_how_frequent_a_label_is() -> None:
    emphasis = emphasis_of("intents", _TEXTS, 0.5)
    logits = nn.Parameter(torch.zeros(5))

    class Constant(nn.Module):
        def forward(self, pooled: torch.Tensor) -> torch.Tensor:
            return logits.expand(len(pooled), 5)

    heads = nn.ModuleDict({"intents": Constant()})
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(600):
        loss = label_loss("intents", heads, torch.zeros(40, 3), torch.zeros(0, 3), _TEXTS, emphasis=emphasis)
        assert loss is not None
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert logits.sigmoid().tolist() == pytest.approx([0.25, 0.025, 0.5, 0.5, 0.5], abs=0.01)
