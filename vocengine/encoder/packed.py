"""The token encoder's forward pass for serving: over the tokens there are, with weights laid out for the processor.

Padding takes part in attention alone. Weights are put once into the order in which oneDNN multiplies, which torch's own
`linear` does at every call or, on processors that are not Intel's, not at all: its 32-bit products then run at half of
what the processor can do. The operators are those that torch's compiler emits; torch is pinned, and the tests run them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vocengine.encoder.int8 import GELU_FLOOR, Int8Linear, input_ranges
from vocengine.encoder.network import Layer, TokenEncoder

# Rows of tokens whose order the laid-out weights are best for; a hint.
_USUAL_ROWS = 1_024
# Up to this length plain products beat the fused attention, whose tiles are larger than such texts.
_SHORT = {torch.float32: 48, torch.bfloat16: 96}
# Numbers of rows are rounded up to a multiple of this, small ones to less.
_ROWS_STEP, _FEW_ROWS_STEP, _FEW_ROWS = 64, 16, 256

Product = Callable[[Tensor], Tensor]
Sum = Callable[[Tensor, Tensor], Tensor]


class PackedEncoder:
    """A TokenEncoder with the same results but for rounding; `precision` is of products and states.

    With `integers` the products run in 8 bits (vocengine.encoder.int8) and all else in 32.
    """

    def __init__(
        self, encoder: TokenEncoder, *, precision: torch.dtype = torch.float32, integers: bool = False
    ) -> None:
        layers = [layer for layer in encoder.layers if isinstance(layer, Layer)]
        ranges = input_ranges(encoder) if integers else [None] * len(layers)
        self._layers = [_Layer(layer, precision, own) for layer, own in zip(layers, ranges, strict=True)]
        self._words = encoder.words.weight.detach()
        self._places = (encoder.positions.weight + encoder.segment).detach()
        self._norm = _norm(encoder.norm, torch.float32)
        self._precision = precision

    def __call__(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(n, length) ids and 0/1 mask → (n, length, d) token states; those of padding are zero."""
        rows, length = ids.shape
        real = mask.bool()
        where = _places_read(real)
        tokens, places, back = ids.flatten(), torch.arange(length).repeat(rows), None
        if where is not None:
            tokens, places = tokens[where], places[where]
            # Places of padding show the first token: attention masks them, and no state of theirs is read.
            back = torch.zeros(rows * length, dtype=torch.long).index_copy_(0, where, torch.arange(len(where)))
        states = self._norm(self._words[tokens].add_(self._places[places])).to(self._precision)
        bias = None
        if not bool(real.all()):
            low = torch.finfo(self._precision).min
            bias = torch.zeros(mask.shape).masked_fill(~real, low)[:, None, None, :]
        for layer in self._layers:
            states = layer(states, where, back, rows, length, bias)
        return _spread(states, where, rows * length).view(rows, length, -1)


class _Layer:
    """A layer in one precision; with the ranges of its inputs its products run in integers."""

    def __init__(self, layer: Layer, precision: torch.dtype, ranges: dict[str, Tensor] | None) -> None:
        self._heads = layer.heads
        self._qkv: Product
        # These two add to what came in.
        self._out: Sum
        self._down: Sum
        if ranges is not None:
            self._qkv, out = Int8Linear(layer.qkv, ranges=ranges["qkv"]), Int8Linear(layer.out)
            up, down = Int8Linear(layer.up, ranges=ranges["up"]), Int8Linear(layer.down, floor=GELU_FLOOR)
            # In oneDNN's integer product GELU is slower than after it.
            self._up: Product = lambda rows: F.gelu(up(rows))
            self._out = lambda rows, states: out(rows).add_(states)
            self._down = lambda rows, states: down(rows).add_(states)
        else:
            self._qkv, self._up = _laid_out(layer.qkv, precision), _laid_out(layer.up, precision, gelu=True)
            self._out, self._down = _laid_out_sum(layer.out, precision), _laid_out_sum(layer.down, precision)
        self._norm_attention = _norm(layer.norm_attention, precision)
        self._norm_inner = _norm(layer.norm_inner, precision)

    def __call__(
        self,
        states: Tensor,
        where: Tensor | None,
        back: Tensor | None,
        rows: int,
        length: int,
        bias: Tensor | None,
    ) -> Tensor:
        """States of the tokens at the places `where`; `back` are their numbers by place. None: of all places."""
        width = states.shape[1]
        qkv = self._qkv(states)
        # By numbers of rows: indexing in brackets takes four times as long.
        qkv = qkv if back is None else qkv.index_select(0, back)
        context = _attend(qkv.view(rows, length, 3, self._heads, width // self._heads), bias)
        context = context.reshape(rows * length, width)
        if where is not None:
            context = context.index_select(0, where)
        states = self._norm_attention(self._out(context, states))
        normed: Tensor = self._norm_inner(self._down(self._up(states), states))
        return normed


def _places_read(real: Tensor) -> Tensor | None:
    """Numbers of the (n, length) places that hold tokens, the first one again up to a round count; None for all places.

    oneDNN makes and keeps a program for each number of rows: where each batch has its own, making them takes time and
    keeping them a gigabyte. A token that is read twice has the same state twice.
    """
    count = int(real.sum())
    step = _FEW_ROWS_STEP if count <= _FEW_ROWS else _ROWS_STEP
    more = -count % step
    if count == real.numel() and not more:
        return None
    where = torch.nonzero(real.flatten()).squeeze(1)
    return torch.cat([where, where[:1].expand(more)]) if more else where


def _attend(qkv: Tensor, bias: Tensor | None) -> Tensor:
    """(n, length, 3, heads, d) → (n, length, heads, d)."""
    if qkv.shape[1] > _SHORT[qkv.dtype]:
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mask = None if bias is None else bias.to(qkv.dtype)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2)
    q, k, v = qkv.permute(2, 0, 3, 1, 4).contiguous().unbind(0)
    # In 16 bits softmax over so few places takes four times as long as in 32.
    scores = torch.matmul(q, k.transpose(-1, -2)).float().mul_(1 / math.sqrt(q.shape[-1]))
    if bias is not None:
        scores.add_(bias)
    return torch.matmul(scores.softmax(-1).to(v.dtype), v).transpose(1, 2)


def _laid_out(linear: nn.Linear, precision: torch.dtype, *, gelu: bool = False) -> Product:
    weight, bias = linear.weight.detach().to(precision), linear.bias.detach().to(precision)
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return lambda rows: F.gelu(F.linear(rows, weight, bias)) if gelu else F.linear(rows, weight, bias)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, _USUAL_ROWS)
    name, algorithm = ("gelu", "none") if gelu else ("none", "")

    def product(rows: Tensor) -> Tensor:
        found: Tensor = torch.ops.mkldnn._linear_pointwise(rows, packed, bias, name, [], algorithm)
        return found

    return product


def _laid_out_sum(linear: nn.Linear, precision: torch.dtype) -> Sum:
    """A product that adds its result to other rows; in 16 bits in one pass."""
    if precision != torch.bfloat16 or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        # In 32 bits one pass takes as long as two, and its programs 40 MB.
        product = _laid_out(linear, precision)
        return lambda rows, states: product(rows).add_(states)
    weight, bias = linear.weight.detach().to(precision), linear.bias.detach().to(precision)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, _USUAL_ROWS)

    def summed(rows: Tensor, states: Tensor) -> Tensor:
        found: Tensor = torch.ops.mkldnn._linear_pointwise.binary(rows, states, packed, bias, "add")
        return found

    return summed


def _norm(norm: nn.LayerNorm, precision: torch.dtype) -> nn.LayerNorm:
    return deepcopy(norm).to(precision)


def _spread(packed: Tensor, where: Tensor | None, size: int) -> Tensor:
    """(tokens, d) rows put at their places among `size`; zeros elsewhere."""
    return packed if where is None else packed.new_zeros(size, packed.shape[1]).index_copy_(0, where, packed)
