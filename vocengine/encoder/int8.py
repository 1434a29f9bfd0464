"""The token encoder with its products in 8-bit integers, for processors whose 32-bit units are the limit.

Weights: symmetric, one scale for each output (-127..127). Activations: one scale for each token (Dettmers et al. 2022,
LLM.int8(), row-wise half; one scale for a whole batch errs 2.5 times as much, as a few tokens have far outliers), in
**7** bits (0..127): processors without VNNI add pairs of products in 16 bits, and 127 · 127 · 2 is the most that these
hold, so nothing saturates on any processor. Everything between the products (softmax, normalisation, GELU, residuals)
keeps 32 bits. Padding takes part in attention alone: products run over the tokens there are.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vocengine.encoder.network import Layer, TokenEncoder

_ACTIVATION_MAX = 127
_WEIGHT_MAX = 127
# The least value of GELU, rounded down.
_GELU_FLOOR = -0.17


class Int8Linear:
    """`nn.Linear` over (n, inputs) 32-bit rows, its product in integers (oneDNN).

    `floor` is a value that no input is under, where there is one: its rows then use all 128 steps above it.
    """

    def __init__(self, linear: nn.Linear, *, floor: float | None = None) -> None:
        weight = linear.weight.detach().float()
        # A row of zeros has no range; any scale keeps it zero.
        scales = weight.abs().amax(1).clamp_min(1e-12) / _WEIGHT_MAX
        whole = (weight / scales[:, None]).round()
        self._scales = scales
        self._zeros = torch.zeros(len(weight), dtype=torch.int64)
        self._packed = torch.ops.onednn.qlinear_prepack(whole.to(torch.int8), None)
        self._floor = floor
        self._zero = (_ACTIVATION_MAX + 1) // 2 if floor is None else 0
        bias = linear.bias.detach().float()
        # What was taken off every input comes back through the weights' sums.
        self._bias = bias if floor is None else bias + floor * (whole.sum(1) * scales)

    def __call__(self, rows: Tensor) -> Tensor:
        if self._floor is None:
            step = torch.linalg.vector_norm(rows, float("inf"), dim=1, keepdim=True) / (_ACTIVATION_MAX - self._zero)
            first = torch.tensor(self._zero + 0.5)
            inverse = step.clamp_min_(1e-12).reciprocal()
        else:
            step = (rows.amax(1, keepdim=True) - self._floor) / _ACTIVATION_MAX
            inverse = step.clamp_min_(1e-12).reciprocal()
            first = 0.5 - self._floor * inverse
        # Adding a half and cutting off rounds.
        whole = torch.addcmul(first, rows, inverse).to(torch.uint8)
        product: Tensor = torch.ops.onednn.qlinear_pointwise(
            whole, 1.0, self._zero, self._packed, self._scales, self._zeros, None,
            1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip
        return torch.addcmul(self._bias, product, step)


class Int8Encoder:
    """A TokenEncoder's forward pass with Int8Linear; embeddings and normalisations are the encoder's own."""

    def __init__(self, encoder: TokenEncoder) -> None:
        self._encoder = encoder
        self._layers = [_Int8Layer(layer) for layer in encoder.layers if isinstance(layer, Layer)]

    def __call__(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(n, length) ids and 0/1 mask → (n, length, d) token states; those of padding are zero."""
        encoder = self._encoder
        rows, length = ids.shape
        real = mask.bool()
        padded = not bool(real.all())
        where = torch.nonzero(real.flatten()).squeeze(1) if padded else None
        tokens = ids.flatten() if where is None else ids.flatten()[where]
        places = torch.arange(length).repeat(rows)
        if where is not None:
            places = places[where]
        states = encoder.words(tokens) + encoder.positions.weight[places] + encoder.segment
        states = encoder.norm(states)
        bias = None
        if padded:
            bias = torch.zeros(mask.shape).masked_fill(~real, torch.finfo(torch.float32).min)[:, None, None, :]
        for layer in self._layers:
            states = layer(states, where, rows, length, bias)
        return _spread(states, where, rows * length).view(rows, length, -1)


class _Int8Layer:
    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._qkv, self._out = Int8Linear(layer.qkv), Int8Linear(layer.out)
        self._up, self._down = Int8Linear(layer.up), Int8Linear(layer.down, floor=_GELU_FLOOR)

    def __call__(self, states: Tensor, where: Tensor | None, rows: int, length: int, bias: Tensor | None) -> Tensor:
        layer, width = self._layer, states.shape[1]
        qkv = _spread(self._qkv(states), where, rows * length)
        q, k, v = qkv.view(rows, length, 3, layer.heads, width // layer.heads).permute(2, 0, 3, 1, 4)
        context = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        context = context.transpose(1, 2).reshape(rows * length, width)
        if where is not None:
            context = context[where]
        states = layer.norm_attention(self._out(context).add_(states))
        normed: Tensor = layer.norm_inner(self._down(F.gelu(self._up(states))).add_(states))
        return normed


def _spread(packed: Tensor, where: Tensor | None, size: int) -> Tensor:
    """(tokens, d) rows put at their places among `size`; zeros elsewhere."""
    return packed if where is None else packed.new_zeros(size, packed.shape[1]).index_copy_(0, where, packed)
