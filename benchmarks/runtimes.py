"""Other runtimes under the same encoder: ONNX Runtime and OpenVINO run the layers, everything around them is ours.

They are measured, not shipped: `docs/decisions/011` and `012` say what serves instead. Their packages are the extra
`runtimes`.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vocengine.encoder.network import TokenEncoder
from vocengine.encoder.voc_encoder import VocEncoder, load

RUNTIMES = ("onnxruntime-fp32", "onnxruntime-int8", "openvino-fp32", "openvino-bf16")


class OnnxRuntime:
    """The layers by ONNX Runtime, after its optimizer for BERT; with `int8` the products in 8 bits."""

    dtype = torch.float32

    def __init__(self, name: str, encoder: TokenEncoder, folder: Path) -> None:
        import onnxruntime
        from onnxruntime.transformers.optimizer import optimize_model

        self.name: Any = name
        exported, fused = _exported(encoder, folder), folder / "fused.onnx"
        optimized = optimize_model(str(exported), model_type="bert", num_heads=12, hidden_size=384, opt_level=1)
        optimized.save_model_to_file(str(fused))
        if name.endswith("int8"):
            from onnxruntime.quantization import QuantType, quantize_dynamic

            whole = folder / "int8.onnx"
            quantize_dynamic(
                fused, whole, per_channel=True, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul"]
            )
            fused = whole
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self._session = onnxruntime.InferenceSession(str(fused), options, providers=["CPUExecutionProvider"])

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(n, length) ids and 0/1 mask → (n, length, d) token states."""
        (found,) = self._session.run(None, {"ids": ids.numpy(), "mask": mask.numpy()})
        return torch.from_numpy(found)


class OpenVino:
    """The layers by OpenVINO, in 32 bits or in bf16."""

    dtype = torch.float32

    def __init__(self, name: str, encoder: TokenEncoder, folder: Path) -> None:
        import openvino

        self.name: Any = name
        precision = "bf16" if name.endswith("bf16") else "f32"
        config = {
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": str(torch.get_num_threads()),
        }
        core = openvino.Core()
        self._request = core.compile_model(
            core.read_model(_exported(encoder, folder)), "CPU", config
        ).create_infer_request()

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(n, length) ids and 0/1 mask → (n, length, d) token states."""
        found = self._request.infer({"ids": ids.numpy(), "mask": mask.numpy()})
        return torch.from_numpy(np.array(found[0], dtype=np.float32))


def load_with(runtime: str, model: str = "voc-encoder") -> VocEncoder:
    """This engine's encoder with its layers run by another runtime."""
    encoder = load(model, backend="torch-fp32", threads=None, cache_dir=None)
    with tempfile.TemporaryDirectory() as folder:
        kind = OnnxRuntime if runtime.startswith("onnxruntime") else OpenVino
        return encoder.on(kind(runtime, encoder.network.encoder, Path(folder)))


def _exported(encoder: TokenEncoder, folder: Path) -> Path:
    path = folder / "encoder.onnx"
    ids = torch.randint(1_000, 2_000, (2, 16))
    rows, length = torch.export.Dim("rows", min=1, max=4_096), torch.export.Dim("length", min=2, max=512)
    with warnings.catch_warnings():
        # About what the exporter itself uses of torch.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            encoder,
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=["ids", "mask"],
            output_names=["states"],
            dynamic_shapes={"ids": {0: rows, 1: length}, "mask": {0: rows, 1: length}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    return path
