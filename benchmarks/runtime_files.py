"""What other runtimes load of this engine's encoder: `python -m benchmarks.runtime_files RUNTIME FOLDER` writes it.

A process of its own, so that the memory of exporting, calibrating and converting is not counted as that of reading.
All start from a plain `BertModel` of transformers with the encoder's weights: that is the graph whose attention the
optimizer of ONNX Runtime recognises, and the class that the converter of CTranslate2 reads.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from shutil import copy
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from benchmarks.peer import minilm
from vocengine import corpora
from vocengine.encoder.base import find_base
from vocengine.encoder.network import Shape, TokenEncoder
from vocengine.encoder.voc_encoder import load

_CALIBRATION_TEXTS = 300
_PLACES = {
    "attention.output.dense": "out",
    "attention.output.LayerNorm": "norm_attention",
    "intermediate.dense": "up",
    "output.dense": "down",
    "output.LayerNorm": "norm_inner",
}


def write(runtime: str, folder: Path) -> Path:
    """The file or folder that `runtime` loads, written into `folder`."""
    encoder = load("voc-encoder", backend="torch-fp32", threads=None, cache_dir=None).network.encoder
    bert = as_bert(encoder)
    if runtime.startswith("ctranslate2"):
        return _converted(bert, folder)
    exported = _exported(bert, folder)
    if runtime.startswith("onnxruntime"):
        return _fused(exported, integers=runtime.endswith("int8"))
    return _quantised(exported) if runtime.endswith("int8") else exported


def as_bert(encoder: TokenEncoder) -> BertModel:
    """The encoder as transformers has it; the pooler, which nothing here reads, stays random."""
    shape, own = Shape(), encoder.state_dict()
    config = BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.dimensions,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.attention_heads,
        intermediate_size=shape.inner,
        max_position_embeddings=shape.positions,
        layer_norm_eps=1e-12,
        # Written out in plain operations, which the optimizer of ONNX Runtime puts together again as its own.
        attn_implementation="eager",
        # The converter of CTranslate2 asks for it; transformers knows no other any more.
        position_embedding_type="absolute",
    )
    state = {
        "embeddings.word_embeddings.weight": own["words.weight"],
        "embeddings.position_embeddings.weight": own["positions.weight"],
        "embeddings.token_type_embeddings.weight": own["segment"].repeat(config.type_vocab_size, 1),
        "embeddings.LayerNorm.weight": own["norm.weight"],
        "embeddings.LayerNorm.bias": own["norm.bias"],
    }
    for layer in range(shape.layers):
        theirs, ours = f"encoder.layer.{layer}", f"layers.{layer}"
        for kind in ("weight", "bias"):
            parts = own[f"{ours}.qkv.{kind}"].chunk(3)
            for part, values in zip(("query", "key", "value"), parts, strict=True):
                state[f"{theirs}.attention.self.{part}.{kind}"] = values
            for place, name in _PLACES.items():
                state[f"{theirs}.{place}.{kind}"] = own[f"{ours}.{name}.{kind}"]
    bert = BertModel(config).eval()
    unset, unknown = bert.load_state_dict(state, strict=False)
    if unknown or any(not name.startswith("pooler.") for name in unset):
        raise ValueError(f"BertModel lacks {unknown} or got no weights for {unset}; only its pooler may stay as it is")
    return bert


class _States(nn.Module):
    """Token states alone, from ids and mask."""

    def __init__(self, bert: BertModel) -> None:
        super().__init__()
        self._bert = bert

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        states: Tensor = self._bert(input_ids=ids, attention_mask=mask).last_hidden_state
        return states


def _exported(bert: BertModel, folder: Path) -> Path:
    path, ids = folder / "encoder.onnx", torch.randint(1_000, 2_000, (2, 16))
    axes = {0: "rows", 1: "length"}
    with warnings.catch_warnings():
        # That the exporter which traces is the older one: what the newer one writes is not recognised.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _States(bert).eval(),
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=["ids", "mask"],
            output_names=["states"],
            dynamic_axes={"ids": axes, "mask": axes, "states": axes},
            opset_version=17,
            dynamo=False,
            verbose=False,
        )
    return path


def _fused(exported: Path, *, integers: bool) -> Path:
    """The graph after ONNX Runtime's optimizer for BERT; with `integers`, weights in 8 bits by channel.

    Raises ValueError where a layer's attention is not recognised.
    """
    from onnxruntime.transformers.optimizer import optimize_model

    shape, path = Shape(), exported.with_name("fused.onnx")
    optimized = optimize_model(
        str(exported), model_type="bert", num_heads=shape.attention_heads, hidden_size=shape.dimensions, opt_level=1
    )
    found = optimized.get_fused_operator_statistics()["Attention"]
    if found != shape.layers:
        raise ValueError(f"ONNX Runtime recognised the attention of {found} layers; it must be {shape.layers}")
    optimized.save_model_to_file(str(path))
    if not integers:
        return path
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = exported.with_name("int8.onnx")
    quantize_dynamic(
        path,
        whole,
        per_channel=True,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Attention"],
        # ONNX cannot tell the type of what the fused operators give.
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    return whole


def _quantised(exported: Path) -> Path:
    """Weights and activations in 8 bits by NNCF's recipe for transformers (SmoothQuant, bias correction).

    Ranges are those over tweets of the train split, which are neither timed nor scored.
    """
    # As its own tests run: otherwise it reports its use over the network.
    os.environ["NNCF_CI"] = "1"
    import nncf
    import openvino

    found = nncf.quantize(
        openvino.Core().read_model(exported),
        nncf.Dataset(list(_train_tweets())),
        subset_size=_CALIBRATION_TEXTS,
        model_type=nncf.ModelType.TRANSFORMER,
    )
    path = exported.with_name("int8.xml")
    openvino.save_model(found, path, compress_to_fp16=False)
    return path


def _train_tweets() -> Iterator[dict[str, Any]]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(find_base().tokenizer))
    tokenizer.no_padding()
    tokenizer.enable_truncation(Shape().positions)
    for tweet in corpora.sentiment(corpora.data_folder(), "train")[:_CALIBRATION_TEXTS]:
        ids = torch.tensor([tokenizer.encode(tweet.text).ids])
        yield {"ids": ids.numpy(), "mask": torch.ones_like(ids).numpy()}


def _converted(bert: BertModel, folder: Path) -> Path:
    """CTranslate2's folder in 32 bits: it goes to 8 bits when it loads."""
    from ctranslate2.converters import TransformersConverter

    source = folder / "bert"
    bert.save_pretrained(source)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        copy(minilm() / name, source)
    return Path(TransformersConverter(str(source)).convert(str(folder / "ctranslate2")))


if __name__ == "__main__":
    with redirect_stdout(sys.stderr):
        written = write(sys.argv[1], Path(sys.argv[2]))
    print(written)
