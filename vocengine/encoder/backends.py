"""Ways to run the token encoder, behind one narrow seam: token ids and mask in, token states out."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol, cast, get_args

import torch
from torch import Tensor

from vocengine.encoder.network import TokenEncoder
from vocengine.encoder.packed import PackedEncoder
from vocengine.errors import SettingsError

log = logging.getLogger(__name__)

BackendName = Literal["torch-fp32", "torch-bf16", "torch-int8"]
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)
_CALIBRATION_ROWS, _CALIBRATION_TOKENS = 32, 32
# Precision is given up for a gain in speed that shows, not for a tie.
_WORTHWHILE = 1.1


class Backend(Protocol):
    """Runs the token encoder."""

    name: BackendName
    dtype: torch.dtype

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(n, length) ids and 0/1 mask → (n, length, d) token states."""
        ...


class TorchBackend:
    """The encoder in one precision: 32 bits, 16-bit floats, or products in 8-bit integers with 32 bits between."""

    def __init__(self, name: BackendName, encoder: TokenEncoder) -> None:
        self.name: BackendName = name
        self.dtype = torch.bfloat16 if name == "torch-bf16" else torch.float32
        self._encoder = PackedEncoder(encoder, precision=self.dtype, integers=name == "torch-int8")

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self._encoder(ids, mask)


def choose_backend(name: str, encoder: TokenEncoder, *, threads: int, cache_dir: Path | None) -> Backend:
    """The backend of a name; `auto` takes the fastest by a short timing, remembered for this processor.

    Raises SettingsError for a name there is not.
    """
    if name == "auto":
        name = fastest(encoder, threads=threads, cache_dir=cache_dir)
    if name not in BACKENDS:
        raise SettingsError(f"encoder.backend is {name!r}; it must be auto, {', '.join(BACKENDS)}")
    return TorchBackend(name, encoder)


def fastest(encoder: TokenEncoder, *, threads: int, cache_dir: Path | None) -> BackendName:
    """The fastest backend here, timed on a batch of this encoder, or as an earlier start timed it."""
    key = f"{_processor()}|torch {torch.__version__}|{threads} threads|{' '.join(BACKENDS)}"
    file = (
        None if cache_dir is None else cache_dir / f"calibration-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    )
    known = _remembered(file)
    if known is not None:
        return known
    from vocengine.encoder.precision import bf16_is_faster

    # Emulated bf16 can be 150 times slower than fp32: one small product tells before a whole encoder runs in it.
    names = [name for name in BACKENDS if name != "torch-bf16" or bf16_is_faster()]
    rates = {name: _texts_per_s(TorchBackend(name, encoder).states) for name in names}
    exact = max((name for name in names if name != "torch-int8"), key=rates.__getitem__)
    best: BackendName = "torch-int8" if rates["torch-int8"] > _WORTHWHILE * rates[exact] else exact
    log.info("encoder backend %s: %s texts/s", best, {name: round(rate) for name, rate in rates.items()})
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps({"for": key, "backend": best, "texts_per_s": rates}, indent=2), encoding="utf-8")
        os.replace(part, file)
    return best


def _texts_per_s(run: Callable[[Tensor, Tensor], Tensor]) -> float:
    ids = torch.randint(1_000, 30_000, (_CALIBRATION_ROWS, _CALIBRATION_TOKENS))
    mask = torch.ones_like(ids)
    best_s = float("inf")
    with torch.inference_mode():
        for _ in range(4):
            begin = time.perf_counter()
            run(ids, mask)
            best_s = min(best_s, time.perf_counter() - begin)
    return _CALIBRATION_ROWS / best_s


def _remembered(file: Path | None) -> BackendName | None:
    if file is None or not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))["backend"]
    except (OSError, ValueError, KeyError, TypeError):
        # A cache that cannot be read is made anew.
        return None
    return cast(BackendName, found) if found in BACKENDS else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    # The model name alone is too little: virtual machines hide it, and the flags decide what is fast.
    kept = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()
