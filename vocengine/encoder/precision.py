"""What the processor is fast in, found out by a timed product: flags do not tell emulated bf16 from real."""

from __future__ import annotations

import time

import torch

# A tie goes to fp32; real bf16 units are 3 to 10 times faster, emulated ones up to 150 times slower.
_WORTHWHILE = 1.3
_TOKENS, _INNER, _OUTER = 128, 384, 1_536


def bf16_is_faster() -> bool:
    """Whether matrix products in bf16 clearly beat fp32 here; takes some 10 ms, 1 s where bf16 is emulated."""
    return _seconds(torch.float32) > _WORTHWHILE * _seconds(torch.bfloat16)


def _seconds(dtype: torch.dtype) -> float:
    left, right = torch.ones(_TOKENS, _INNER, dtype=dtype), torch.ones(_INNER, _OUTER, dtype=dtype)
    best = float("inf")
    with torch.inference_mode():
        for _ in range(6):
            begin = time.perf_counter()
            torch.mm(left, right)
            best = min(best, time.perf_counter() - begin)
    return best
