"""Weights averaged over two trainings of one base, which lie in one basin and together err less than either.

Model soups, Wortsman et al. 2022.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def average(later: Mapping[str, Tensor], earlier: Mapping[str, Tensor], *, share: float) -> dict[str, Tensor]:
    """`share` (0..1) of the later training's weights, the rest of the earlier's; heads that only the later has stay."""
    return {
        name: (share * value.float() + (1 - share) * earlier[name].float()).to(value.dtype)
        if name in earlier
        else value
        for name, value in later.items()
    }
