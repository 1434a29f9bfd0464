"""A model folder: `model.safetensors` in 16 bits without the word embeddings, and `config.json` beside it.

The word embeddings are half of all parameters, were frozen in training, and come from the installed base model.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vocengine.encoder.base import Base, sha256_of
from vocengine.errors import ModelDamaged, ModelMissing, SettingsError
from vocengine.paths import resource

if TYPE_CHECKING:
    from torch import Tensor

    from vocengine.encoder.network import Network

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
_WORDS = "encoder.words.weight"


class BaseRef(BaseModel):
    """The pretrained model that the weights stand on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    sha256: str


class ModelConfig(BaseModel):
    """`config.json` of a model folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str
    languages: tuple[str, ...]
    base: BaseRef
    weights_sha256: str
    dimensions: int = 384
    heads: dict[str, int]
    sentiment_labels: tuple[str, ...]
    emotion_labels: tuple[str, ...]
    emotion_thresholds: tuple[float, ...]
    tweet_emotion_labels: tuple[str, ...]
    intent_labels: tuple[str, ...] = ()
    intent_thresholds: tuple[float, ...] = ()
    # Effort is told where something is said of it with at least this probability.
    effort_threshold: float = Field(default=0.5, gt=0, lt=1)
    # Added to the logits of a whole text: customers complain more often than the tweets that trained it.
    sentiment_bias: tuple[float, ...] = (0.0, 0.0, 0.0)
    # Logits are divided by it before the softmax: a probability of 0.8 is right 8 times of 10 on the val split.
    sentiment_temperature: float = Field(gt=0)
    span_temperature: float = Field(gt=0)
    window_tokens: int = Field(default=256, ge=16, le=512)
    window_overlap_tokens: int = Field(default=32, ge=0)
    windows_max: int = Field(default=64, ge=1)
    # SHA-256 of each file that trained the weights.
    training_data: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model folder, its configuration read."""

    folder: Path
    config: ModelConfig

    @property
    def weights(self) -> Path:
        return self.folder / WEIGHTS


def find_artifact(model: str | Path) -> Artifact:
    """Open the model folder of a bundled name (`voc-encoder`) or of a path, without reading its weights.

    Raises ModelMissing where there is none, ModelDamaged where `config.json` cannot be understood.
    """
    folder = Path(model)
    if not (folder / CONFIG).is_file():
        try:
            folder = resource("models", str(model))
        except SettingsError:
            raise ModelMissing(
                f"encoder.model {str(model)!r} is neither a bundled model nor a folder with {CONFIG} and {WEIGHTS}"
            ) from None
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise ModelMissing(f"the model folder {folder} lacks {name}: fetch the model again or train it")
    try:
        config = ModelConfig.model_validate_json((folder / CONFIG).read_bytes())
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(map(str, fault["loc"])) or "the file"
        raise ModelDamaged(f"{field} of {folder / CONFIG} is wrong: {fault['msg'].lower()}; fetch it again") from None
    return Artifact(folder, config)


def verify(artifact: Artifact) -> None:
    """Check the weights against the digest in the configuration; raises ModelDamaged."""
    found = sha256_of(artifact.weights)
    if found != artifact.config.weights_sha256:
        raise ModelDamaged(
            f"{artifact.weights} has SHA-256 {found}, {artifact.config.weights_sha256} is expected: fetch it again"
        )


def is_valid(folder: Path) -> bool:
    """Whether a folder holds a complete model whose weights match their digest."""
    try:
        verify(find_artifact(folder))
    except (ModelMissing, ModelDamaged):
        return False
    return True


def load_network(artifact: Artifact, base: Base) -> Network:
    """The network in 32 bits, ready to read: weights checked, word embeddings from the base.

    Raises ModelDamaged for other bytes than the configuration names.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    from vocengine.encoder.network import Network

    verify(artifact)
    network = Network(artifact.config.heads)
    try:
        state = {name: value.float() for name, value in load_file(artifact.weights).items()}
        with safe_open(base.weights, "pt") as stored:
            state[_WORDS] = stored.get_tensor("embeddings.word_embeddings.weight")
        network.load_state_dict(state, assign=True)
    except (SafetensorError, RuntimeError) as error:
        raise ModelDamaged(f"{artifact.weights} does not hold this encoder's weights: {error}") from None
    return network.eval().requires_grad_(False)


def save(folder: Path, config: ModelConfig, state: Mapping[str, Tensor]) -> Artifact:
    """Write a model folder; `config.weights_sha256` is filled in here. Word embeddings are left out."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    small = {name: value.to(torch.float16).contiguous() for name, value in state.items() if name != _WORDS}
    part = folder / f"{WEIGHTS}.part"
    save_file(small, part, metadata={"name": config.name, "version": config.version})
    config = config.model_copy(update={"weights_sha256": sha256_of(part)})
    # safetensors makes the file private; a model is meant to be read by whoever runs the engine.
    part.chmod(0o644)
    os.replace(part, folder / WEIGHTS)
    text = json.dumps(config.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
    (folder / CONFIG).write_text(text, encoding="utf-8")
    return Artifact(folder, config)
