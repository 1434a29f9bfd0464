"""The network: the base's own states, and pools that equal pools by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from vocengine.encoder.base import find_base
from vocengine.encoder.network import AttentionPool, Shape, TokenEncoder, base_state
from vocengine.encoder.packed import PackedEncoder


def test_token_states_equal_those_of_the_reference_implementation() -> None:
    transformers = pytest.importorskip("transformers")
    base = find_base()
    reference = transformers.AutoModel.from_pretrained(base.folder, local_files_only=True).eval()
    encoder = TokenEncoder(Shape()).eval()
    encoder.load_state_dict(base_state(base.weights))
    ids = torch.tensor([[101, 1996, 2833, 2001, 2307, 102], [101, 9643, 102, 0, 0, 0]])
    mask = (ids != 0).long()
    with torch.inference_mode():
        wanted = reference(input_ids=ids, attention_mask=mask).last_hidden_state
        found = encoder(ids, mask)
    assert (found - wanted)[mask.bool()].abs().max() < 1e-4


@pytest.mark.parametrize("lengths", [(3,), (16,), (9, 4, 1), (40,) * 8, (60, 31, 7, 7), (100, 2)])
def test_the_pass_that_serves_gives_the_states_of_the_plain_one(lengths: tuple[int, ...]) -> None:
    torch.manual_seed(5)
    encoder = TokenEncoder(Shape(layers=2)).eval()
    ids = torch.randint(1, 30_000, (len(lengths), max(lengths)))
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    with torch.inference_mode():
        wanted, found = encoder(ids, mask), PackedEncoder(encoder)(ids, mask)
    assert (found - wanted)[mask.bool()].abs().max() < 1e-4
    assert found[~mask.bool()].abs().sum() == 0


def test_pools_of_spans_equal_pools_by_hand() -> None:
    torch.manual_seed(3)
    pool = AttentionPool(8)
    states = torch.randn(2, 7, 8)
    spans = torch.zeros(2, 2, 7)
    ranges = {(0, 0): (0, 7), (0, 1): (2, 5), (1, 0): (3, 4), (1, 1): (1, 6)}
    for (row, place), (start, end) in ranges.items():
        spans[row, place, start:end] = 1
    pooled = pool(states, spans)
    for (row, place), (start, end) in ranges.items():
        inside = states[row, start:end]
        scores = pool.score(inside)[:, 0]
        by_hand = (scores.softmax(0)[:, None] * F.gelu(pool.value(inside))).sum(0)
        assert torch.allclose(pooled.attended[row, place], by_hand, atol=1e-6)
        assert torch.allclose(pooled.mean[row, place], inside.mean(0), atol=1e-6)
        assert torch.allclose(pooled.attention_mass[row, place], scores.logsumexp(0), atol=1e-6)


def test_a_span_without_tokens_pools_to_zeros() -> None:
    pooled = AttentionPool(8)(torch.randn(1, 4, 8), torch.zeros(1, 1, 4))
    assert pooled.attended.abs().sum() == 0
    assert pooled.mean.abs().sum() == 0
