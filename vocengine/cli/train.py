"""vocengine train."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--run", "work", type=click.Path(path_type=Path), required=True, help="Folder of the run; goes on there.")
@click.option("--teacher", type=click.Path(path_type=Path), help="Folder of the teacher's opinions.")
@click.option(
    "--with",
    "earlier",
    type=click.Path(path_type=Path),
    help="Earlier weights, for a recipe that goes on from them or averages.",
)
@click.option("--to", "target", type=click.Path(path_type=Path), help="The model folder to write; default: RUN/model.")
@click.option("--threads", type=click.IntRange(min=1), help="Default: one for each core.")
def train(
    recipe: Path, work: Path, teacher: Path | None, earlier: Path | None, target: Path | None, threads: int | None
) -> None:
    """Train an encoder by RECIPE, a YAML file such as models/voc-encoder/recipe.yaml, and write it as a model folder.

    A run that was interrupted goes on from its last checkpoint. The data sets are read from the folder that
    VOCENGINE_DATA names.
    """
    import logging
    import os

    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    import torch

    from vocengine.corpora import data_folder
    from vocengine.training.export import export
    from vocengine.training.recipe import load_recipe
    from vocengine.training.trainer import prepare
    from vocengine.training.trainer import train as run_training

    if threads is not None:
        torch.set_num_threads(threads)
    loaded, folder = load_recipe(recipe), data_folder()
    checkpoint = work / "checkpoint.pt"
    run_training(prepare(loaded, folder=folder, work=work, teacher=teacher, earlier=earlier), checkpoint=checkpoint)
    written = target or work / "model"
    export(loaded, checkpoint=checkpoint, folder=folder, target=written, earlier=earlier)
    click.echo(f"written: {written}; read with it: vocengine classify --model {written} TEXT")
