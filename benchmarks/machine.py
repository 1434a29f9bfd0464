"""What the processor is and what it can do: `python -m benchmarks.machine` prints it as one line of JSON."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

_PACKAGES = ("vocengine", "torch", "transformers", "sentence-transformers", "bertopic", "kafka-python", "numpy")
# The flags that decide which matrix units there are.
_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
_LARGEST = 2_048
_TIMED_S = 1.0


def describe() -> dict[str, Any]:
    """Processor, system and versions, for the record beside every figure."""
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in cpu) if value}
    have = set(fields.get("flags", "").split())
    return {
        "cpu": fields.get("model name", platform.machine()),
        "cpu_cores": len(os.sched_getaffinity(0)),
        "cpu_flags": [flag for flag in _FLAGS if flag in have],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _PACKAGES},
    }


def matrix_gflops(dtype_name: str) -> float:
    """Best rate in GFLOP/s of square matrix products in `float32` or `bfloat16`, on all cores.

    By torch's own product or by oneDNN with its weights laid out, whichever is faster: the former is half as fast in
    32 bits on processors that are not Intel's. The size grows only while a product stays short: emulated bf16 would
    take minutes at the full size.
    """
    import torch

    dtype, best, size = getattr(torch, dtype_name), 0.0, 256
    end = time.perf_counter() + _TIMED_S
    with torch.inference_mode():
        while True:
            left, right = torch.ones(size, size, dtype=dtype), torch.ones(size, size, dtype=dtype)
            begin = time.perf_counter()
            torch.mm(left, right)
            took_s = time.perf_counter() - begin
            laid_out = torch.ops.mkldnn._reorder_linear_weight(right, size)
            begin = time.perf_counter()
            torch.ops.mkldnn._linear_pointwise(left, laid_out, None, "none", [], "")
            took_s = min(took_s, time.perf_counter() - begin)
            best = max(best, 2 * size**3 / took_s / 1e9)
            if time.perf_counter() > end:
                return best
            if took_s < 0.05 and size < _LARGEST:
                size *= 2


def main() -> None:
    """Print the description with both rates."""
    rates = {"fp32_gflops": matrix_gflops("float32"), "bf16_gflops": matrix_gflops("bfloat16")}
    print(orjson.dumps(describe() | {name: round(rate, 1) for name, rate in rates.items()}).decode())


if __name__ == "__main__":
    main()
