"""Products in 8-bit integers, for processors whose 32-bit units are the limit.

Weights: symmetric, one scale for each output (-127..127). Activations: one scale for each token (Dettmers et al. 2022,
LLM.int8(), row-wise half; one scale for a whole batch errs 2.5 times as much, as a few tokens have far outliers), in
**7** bits (0..127): processors without VNNI add pairs of products in 16 bits, and 127 · 127 · 2 is the most that these
hold, so nothing saturates on any processor. Everything between the products (softmax, normalisation, GELU, residuals)
keeps 32 bits.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_ACTIVATION_MAX = 127
_WEIGHT_MAX = 127
# The least value of GELU, rounded down.
GELU_FLOOR = -0.17


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
        """(n, inputs) → (n, outputs); with a floor, `rows` is scratch afterwards."""
        # In place and in plain steps: addcmul takes 5 times as long as a product and a sum, vector_norm 10 times as
        # long as abs and amax, and a conversion to unsigned bytes 4 times as long as to signed ones.
        if self._floor is None:
            step = rows.abs().amax(1, keepdim=True).mul_(1 / (_ACTIVATION_MAX - self._zero))
            # Adding a half and cutting off rounds.
            scaled = (rows * step.clamp_min_(1e-12).reciprocal()).add_(self._zero + 0.5)
        else:
            step = (rows.amax(1, keepdim=True) - self._floor).mul_(1 / _ACTIVATION_MAX)
            scaled = rows.sub_(self._floor).mul_(step.clamp_min_(1e-12).reciprocal()).add_(0.5)
        # 7 bits are the same bytes with a sign and without.
        whole = scaled.to(torch.int8).view(torch.uint8)
        product: Tensor = torch.ops.onednn.qlinear_pointwise(
            whole, 1.0, self._zero, self._packed, self._scales, self._zeros, None,
            1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip
        return product.mul_(step).add_(self._bias)
