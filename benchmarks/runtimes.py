"""Other runtimes under the same encoder: ONNX Runtime, OpenVINO and CTranslate2 run the layers, all around is ours.

They are measured, not shipped: `docs/decisions/011` and `012` say what serves instead. Their packages are the extra
`runtimes`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vocengine.encoder.voc_encoder import VocEncoder, load

RUNTIMES = (
    "onnxruntime-fp32",
    "onnxruntime-int8",
    "openvino-fp32",
    "openvino-bf16",
    "openvino-int8",
    "ctranslate2-fp32",
    "ctranslate2-int8",
)


class OnnxRuntime:
    """The layers by ONNX Runtime, its own attention included; `int8`: dynamic, weights by channel."""

    dtype = torch.float32

    def __init__(self, name: str, path: Path) -> None:
        import onnxruntime

        self.name: Any = name
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(n, length) ids and 0/1 mask → (n, length, d) token states."""
        (found,) = self._session.run(None, {"ids": ids.numpy(), "mask": mask.numpy()})
        return torch.from_numpy(found)


class OpenVino:
    """The layers by OpenVINO; `int8`: quantised beforehand, what stays in floats as OpenVINO chooses."""

    dtype = torch.float32

    def __init__(self, name: str, path: Path) -> None:
        import openvino

        self.name: Any = name
        config = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": str(torch.get_num_threads()),
        }
        if not name.endswith("int8"):
            config["INFERENCE_PRECISION_HINT"] = "bf16" if name.endswith("bf16") else "f32"
        core = openvino.Core()
        self._request = core.compile_model(core.read_model(path), "CPU", config).create_infer_request()

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(n, length) ids and 0/1 mask → (n, length, d) token states."""
        found = self._request.infer({"ids": ids.numpy(), "mask": mask.numpy()})
        return torch.from_numpy(np.array(found[0], dtype=np.float32))


class CTranslate2:
    """The layers by CTranslate2; `int8`: weights by row as it loads, activations by token as it runs."""

    dtype = torch.float32

    def __init__(self, name: str, path: Path) -> None:
        import ctranslate2

        self.name: Any = name
        self._view = ctranslate2.StorageView.from_array
        self._encoder = ctranslate2.Encoder(
            str(path),
            compute_type="int8_float32" if name.endswith("int8") else "float32",
            inter_threads=1,
            intra_threads=torch.get_num_threads(),
        )

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(n, length) ids and 0/1 mask → (n, length, d) token states."""
        tokens, lengths = ids.to(torch.int32).numpy(), mask.sum(1, dtype=torch.int32).numpy()
        # The view is over the arrays' memory: they live until the call returns.
        found = self._encoder.forward_batch(self._view(tokens), self._view(lengths))
        return torch.from_numpy(np.array(found.last_hidden_state))


_KINDS = {"onnxruntime": OnnxRuntime, "openvino": OpenVino, "ctranslate2": CTranslate2}


def load_with(runtime: str) -> VocEncoder:
    """This engine's encoder with its layers run by another runtime, whose files another process writes."""
    encoder = load("voc-encoder", backend="torch-fp32", threads=None, cache_dir=None)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.runtime_files", runtime, folder],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
            cwd=Path(__file__).resolve().parents[1],
        )
        kind = _KINDS[runtime.split("-")[0]]
        return encoder.on(kind(runtime, Path(done.stdout.splitlines()[-1])))
