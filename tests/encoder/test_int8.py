"""Products in 8-bit integers: near the exact ones, whatever stands out of the inputs, in 8 bits and in 7."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from vocengine.encoder import int8
from vocengine.encoder.int8 import GELU_FLOOR, Int8Linear, input_ranges
from vocengine.encoder.network import Shape, TokenEncoder


def error(found: Tensor, wanted: Tensor) -> float:
    """Root mean square of the difference as a share of the wanted."""
    return float((found - wanted).square().mean().sqrt() / wanted.square().mean().sqrt())


@pytest.fixture(params=[8, 7])
def bits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    wanted = int(request.param)
    if wanted > int8.activation_bits():
        pytest.skip("this processor does not add products of 8 bits exactly")
    monkeypatch.setattr(int8, "activation_bits", lambda: wanted)
    return wanted


def test_products_are_near_the_exact_ones(bits: int) -> None:
    torch.manual_seed(2)
    linear, rows = nn.Linear(384, 96), torch.randn(50, 384)
    assert error(Int8Linear(linear)(rows), linear(rows).detach()) < {8: 0.012, 7: 0.022}[bits]


def test_inputs_that_reach_far_cost_the_others_nothing(bits: int) -> None:
    torch.manual_seed(2)
    linear, rows = nn.Linear(384, 96), torch.randn(50, 384)
    rows[:, [3, 77]] *= 40
    # What the other inputs say, beside those two that drown them.
    small = nn.Linear(384, 96)
    small.load_state_dict(linear.state_dict())
    small.weight.data[:, [3, 77]] = 0
    wanted = small(rows).detach()
    apart = linear(rows).detach() - wanted
    found = Int8Linear(linear, ranges=rows.abs().amax(0))(rows)
    assert error(found - apart, wanted) < {8: 0.012, 7: 0.022}[bits]
    assert error(Int8Linear(linear)(rows) - apart, wanted) > 0.1


def test_a_weight_that_stands_out_leaves_its_output_its_steps(bits: int) -> None:
    torch.manual_seed(2)
    linear, rows = nn.Linear(384, 96), torch.randn(50, 384)
    linear.weight.data[5, 9] = 8.0
    wanted = linear(rows).detach()
    found = Int8Linear(linear)(rows)
    assert error(found[:, 5] - 8.0 * rows[:, 9], wanted[:, 5] - 8.0 * rows[:, 9]) < {8: 0.012, 7: 0.022}[bits]


def test_rows_above_a_floor_use_all_steps(bits: int) -> None:
    torch.manual_seed(2)
    linear, rows = nn.Linear(1_536, 96), nn.functional.gelu(torch.randn(50, 1_536))
    wanted = linear(rows).detach()
    assert error(Int8Linear(linear, floor=GELU_FLOOR)(rows.clone()), wanted) < {8: 0.012, 7: 0.018}[bits]


def test_the_ranges_of_an_encoder_are_found_alike_each_time_and_leave_it_as_it_was() -> None:
    torch.manual_seed(2)
    encoder = TokenEncoder(Shape(layers=2)).train()
    first, again = input_ranges(encoder), input_ranges(encoder)
    assert [sorted(ranges) for ranges in first] == [["qkv", "up"]] * 2
    assert all(torch.equal(one[name], two[name]) for one, two in zip(first, again, strict=True) for name in one)
    assert encoder.training
    # Normalised states: each of 384 inputs reaches a few units, none of them nothing.
    assert all(1 < float(values.min()) <= float(values.max()) < 20 for ranges in first for values in ranges.values())
    assert not any(module._forward_pre_hooks for module in encoder.modules())
