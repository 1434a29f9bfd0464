"""A run learns, keeps the word embeddings, and goes on from a checkpoint as if it had never stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vocengine.encoder import load_encoder
from vocengine.encoder.base import find_base
from vocengine.encoder.network import base_state
from vocengine.errors import SettingsError
from vocengine.training import opinions
from vocengine.training.export import export
from vocengine.training.recipe import Recipe, TeacherRecipe
from vocengine.training.trainer import Run, prepare, rate_at, train, trained_state


@pytest.fixture(scope="module")
def checkpoint(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six steps without a stop."""
    recipe = Recipe(name="small", version="0", epochs=1, batch_texts=4, max_tokens=24, precision="fp32")
    work = tmp_path_factory.mktemp("run")
    train(prepare(recipe, folder=small_data, work=work), checkpoint=work / "checkpoint.pt", stop_after=6)
    return work / "checkpoint.pt"


def test_a_run_that_was_stopped_ends_where_one_without_a_stop_does(
    checkpoint: Path, small_data: Path, small_recipe: Recipe, tmp_path: Path
) -> None:
    file = tmp_path / "checkpoint.pt"
    train(prepare(small_recipe, folder=small_data, work=tmp_path), checkpoint=file, stop_after=3)
    again = prepare(small_recipe, folder=small_data, work=tmp_path)
    train(again, checkpoint=file, stop_after=6)
    straight = torch.load(checkpoint, weights_only=True)
    assert again.step == straight["step"] == 6
    for name, value in trained_state(again.network).items():
        assert torch.allclose(value, straight["network"][name], atol=1e-6), name


def test_training_moves_the_encoder_but_not_the_word_embeddings(
    small_data: Path, small_recipe: Recipe, tmp_path: Path
) -> None:
    run = prepare(small_recipe, folder=small_data, work=tmp_path)
    train(run, checkpoint=tmp_path / "checkpoint.pt", stop_after=2)
    before = base_state(find_base().weights)
    assert torch.equal(run.network.encoder.words.weight, before["words.weight"])
    assert not torch.equal(run.network.encoder.layers[5].up.weight, before["layers.5.up.weight"])


def test_a_checkpoint_becomes_a_model_that_loads_and_reads(
    checkpoint: Path, small_data: Path, small_recipe: Recipe, tmp_path: Path
) -> None:
    target = tmp_path / "small"
    metrics = export(small_recipe, checkpoint=checkpoint, folder=small_data, target=target, measure_test=False)
    assert metrics["step"] == 6
    assert 0 <= metrics["val"]["tweeteval_sentiment_macro_recall"] <= 100
    encoder = load_encoder(target, backend="torch-fp32")
    assert encoder.encode(["The food was great"], [[(0, 8)]]).span_sentiment.shape == (1, 3)


def test_a_teacher_draws_its_student_toward_its_opinions(
    checkpoint: Path, small_data: Path, small_recipe: Recipe, tmp_path: Path
) -> None:
    teacher = prepare(small_recipe, folder=small_data, work=tmp_path)
    teacher.network.load_state_dict(torch.load(checkpoint, weights_only=True)["network"], strict=False)
    opinions.write(teacher.network, teacher.texts, tmp_path / "said", pad=0, bf16=False)
    recipe = small_recipe.model_copy(update={"teacher": TeacherRecipe(weight=5.0, own=0.01), "seed": 7, "epochs": 8})

    def distance(run: Run) -> float:
        opinions.write(run.network, run.texts, tmp_path / "now", pad=0, bf16=False)
        now = opinions.read(tmp_path / "now", "sentiment", run.texts["sentiment"]).whole["sentiment"]
        then = opinions.read(tmp_path / "said", "sentiment", run.texts["sentiment"]).whole["sentiment"]
        return float((now.float().softmax(-1) - then.float().softmax(-1)).abs().mean())

    run = prepare(recipe, folder=small_data, work=tmp_path, teacher=tmp_path / "said")
    before = distance(run)
    train(run, checkpoint=tmp_path / "student.pt")
    assert distance(run) < 0.7 * before


def test_a_recipe_that_goes_on_begins_with_the_earlier_weights_and_keeps_the_embedding_of_the_base(
    checkpoint: Path, small_data: Path, small_recipe: Recipe, tmp_path: Path
) -> None:
    earlier = torch.load(checkpoint, weights_only=True)["network"]
    save_file(earlier, tmp_path / "model.safetensors")
    fresh = prepare(small_recipe, folder=small_data, work=tmp_path)
    recipe = small_recipe.model_copy(update={"goes_on": True})
    run = prepare(recipe, folder=small_data, work=tmp_path / "other", earlier=tmp_path / "model.safetensors")
    now = run.network.state_dict()
    assert all(torch.equal(now[name], value) for name, value in earlier.items())
    assert torch.equal(run.kept["sentiment"], fresh.kept["sentiment"])
    with pytest.raises(SettingsError, match="goes on from an earlier training: name its model"):
        prepare(recipe, folder=small_data, work=tmp_path)


def test_opinions_on_other_texts_are_refused(
    checkpoint: Path, small_data: Path, small_recipe: Recipe, tmp_path: Path
) -> None:
    run = prepare(small_recipe, folder=small_data, work=tmp_path)
    opinions.write(run.network, run.texts, tmp_path, pad=0, bf16=False)
    with pytest.raises(SettingsError, match="are on other texts: run the stage ask again"):
        opinions.read(tmp_path, "sentiment", run.texts["sentiment"][1:])
    with pytest.raises(SettingsError, match="are absent: run the stage ask with this recipe first"):
        opinions.read(tmp_path / "elsewhere", "sentiment", run.texts["sentiment"])
    recipe = small_recipe.model_copy(update={"teacher": TeacherRecipe()})
    with pytest.raises(SettingsError, match="name the folder of its opinions with --teacher"):
        prepare(recipe, folder=small_data, work=tmp_path)


@pytest.mark.parametrize(("step", "share"), [(0, 0.1), (9, 1.0), (10, 1.0), (55, 0.5), (100, 0.0)])
def test_the_rate_climbs_in_a_line_and_falls_in_a_line(step: int, share: float) -> None:
    assert rate_at(step, 100, 0.1) == pytest.approx(share)
