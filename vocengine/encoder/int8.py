"""Products in 8-bit integers, for processors whose 32-bit units are the limit.

Weights: symmetric, one scale for each output (-127..127). Activations: one scale for each token, and the few inputs
that reach furthest apart from the others, in 32 bits (Dettmers et al. 2022, LLM.int8()); one scale for a whole batch
errs 2.5 times as much. Of `qkv` and `up` each other input is divided by the square root of its range, which the weights
take over (after Xiao et al. 2022, SmoothQuant). In 8 bits where the processor adds their products exactly, else in 7:
processors without VNNI add pairs of products in 16 bits, and 127 · 127 · 2 is the most that these hold. Everything
between the products (softmax, normalisation, GELU, residuals) keeps 32 bits.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vocengine.encoder.network import Layer, TokenEncoder

_WEIGHT_MAX = 127
# The least value of GELU, rounded down.
GELU_FLOOR = -0.17
# Inputs of a product that keep 32 bits: 8 change readings as little and cost 5 % more time.
_APART = 3
# Words at random have the same wide inputs as texts have, and a model needs no texts beside it to be loaded.
_SAMPLE_ROWS, _SAMPLE_TOKENS = 16, 32
_TRIED_ROWS, _TRIED_INPUTS = 64, 384


class Int8Linear:
    """`nn.Linear` over (n, inputs) 32-bit rows, its product in integers (oneDNN).

    `ranges` (inputs,) is how far from zero each input reaches, where that differs much between them; without it, inputs
    stand apart by their weights. `floor` is a value that no input is under, where there is one: its rows then use all
    steps above it.
    """

    def __init__(self, linear: nn.Linear, *, ranges: Tensor | None = None, floor: float | None = None) -> None:
        weight, bias = linear.weight.detach().float().clone(), linear.bias.detach().float()
        # A few weights of 20 times the usual size would leave their output few steps for all others.
        usual = weight.square().mean(1, keepdim=True).sqrt().clamp_min(1e-12)
        size = (weight / usual).abs().amax(0) if ranges is None else ranges
        self._apart = size.topk(min(_APART, len(size))).indices
        exact = weight[:, self._apart]
        weight[:, self._apart] = 0
        self._shrink = None
        if ranges is not None:
            spread = ranges.clamp_min(1e-6).sqrt()
            weight *= spread
            self._shrink = spread.reciprocal().index_fill_(0, self._apart, 0)
        # A row of zeros has no range; any scale keeps it zero.
        scales = weight.abs().amax(1).clamp_min(1e-12) / _WEIGHT_MAX
        whole = (weight / scales[:, None]).round()
        self._scales = scales
        self._zeros = torch.zeros(len(weight), dtype=torch.int64)
        self._packed = torch.ops.onednn.qlinear_prepack(whole.to(torch.int8), None)
        self._half = 1 << activation_bits() - 1
        self._floor = floor
        if floor is not None:
            # What was taken off every input comes back through the weights' sums.
            bias = bias + floor * (whole.sum(1) * scales)
        # With a column of ones behind the inputs the bias costs no pass of its own.
        self._exact = torch.cat([exact, bias[:, None]], 1).T.contiguous()

    def __call__(self, rows: Tensor) -> Tensor:
        """(n, inputs) → (n, outputs); with a floor, `rows` is scratch afterwards."""
        # In place and in plain steps: addcmul takes 5 times as long as a product and a sum, vector_norm 10 times as
        # long as abs and amax, and a conversion to unsigned bytes 4 to 10 times as long as to signed ones.
        half = self._half
        apart = F.pad(rows.index_select(1, self._apart), (0, 1), value=1.0)
        if self._floor is None:
            scaled = rows if self._shrink is None else rows * self._shrink
            step = scaled.abs().amax(1, keepdim=True).mul_(1 / (half - 1)).clamp_min_(1e-12)
            scaled = (scaled * step.reciprocal()).round_()
        else:
            step = (rows.amax(1, keepdim=True) - self._floor).mul_(1 / (2 * half - 1)).clamp_min_(1e-12)
            scaled = rows.sub_(self._floor).mul_(step.reciprocal()).sub_(half).round_()
        # -half..half - 1 → 0..2 · half - 1: of signed bytes 128 more are 128 less, and both are the same byte unsigned.
        whole = scaled.to(torch.int8).add_(half if half < 128 else -128).view(torch.uint8)
        product = _product(whole, half if self._floor is None else 0, self._packed, self._scales, self._zeros)
        return product.mul_(step).addmm_(apart, self._exact)


def input_ranges(encoder: TokenEncoder) -> list[dict[str, Tensor]]:
    """How far from zero each input of the products `qkv` and `up` reaches, layer by layer, in a pass over words drawn
    at random, always the same ones.
    """
    found: list[dict[str, Tensor]] = []
    watched = []
    for layer in encoder.layers:
        assert isinstance(layer, Layer)
        ranges: dict[str, Tensor] = {}
        for name in ("qkv", "up"):

            def note(_: nn.Module, inputs: tuple[Tensor], ranges: dict[str, Tensor] = ranges, name: str = name) -> None:
                ranges[name] = inputs[0].abs().amax((0, 1))

            watched.append(getattr(layer, name).register_forward_pre_hook(note))
        found.append(ranges)
    draw = torch.Generator().manual_seed(0)
    size = (_SAMPLE_ROWS, min(_SAMPLE_TOKENS, encoder.positions.num_embeddings))
    ids = torch.randint(encoder.words.num_embeddings, size, generator=draw)
    was_training = encoder.training
    try:
        with torch.no_grad():
            encoder.eval()(ids, torch.ones_like(ids))
    finally:
        encoder.train(was_training)
        for each in watched:
            each.remove()
    return found


@cache
def activation_bits() -> int:
    """8 where this processor adds products of 8-bit integers exactly, else 7; found by a product of the largest."""
    largest = torch.full((_TRIED_ROWS, _TRIED_INPUTS), 255, dtype=torch.uint8)
    weight = torch.full((_TRIED_ROWS, _TRIED_INPUTS), _WEIGHT_MAX, dtype=torch.int8)
    ones, zeros = torch.ones(_TRIED_ROWS), torch.zeros(_TRIED_ROWS, dtype=torch.int64)
    found = _product(largest, 0, torch.ops.onednn.qlinear_prepack(weight, None), ones, zeros)
    return 8 if bool((found == 255 * _WEIGHT_MAX * _TRIED_INPUTS).all()) else 7


def _product(whole: Tensor, zero: int, packed: Tensor, scales: Tensor, zeros: Tensor) -> Tensor:
    product: Tensor = torch.ops.onednn.qlinear_pointwise(
        whole, 1.0, zero, packed, scales, zeros, None, 1.0, 0, torch.float32, "none", [], ""
    )
    return product
