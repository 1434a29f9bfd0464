"""`python -m vocengine.training train|ask|export RECIPE --run FOLDER`: train an encoder, ask it about the texts of
another recipe whose teacher it is, measure and write it.
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

# Waiting threads that spin take the processor from those that compute: with another busy process on a machine
# of 2 cores a step takes 3.1 s, and 0.7 s with threads that sleep. It is read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def main() -> None:
    """Parse the command line and run one stage."""
    parser = argparse.ArgumentParser(prog="python -m vocengine.training", description=__doc__)
    parser.add_argument("stage", choices=("train", "ask", "export"))
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--run", type=Path, required=True, help="folder of the run: checkpoint and cached embeddings")
    parser.add_argument("--teacher", type=Path, help="folder of the teacher's opinions: ask writes, train reads it")
    parser.add_argument(
        "--with",
        dest="earlier",
        type=Path,
        help="weights (model.safetensors) to go on from or to average with, as the recipe says",
    )
    parser.add_argument("--to", type=Path, help="export: the model folder to write (default: the recipe's folder)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--interim", action="store_true", help="export: without the final look at the test sets")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    import torch

    from vocengine.corpora import data_folder
    from vocengine.training.recipe import load_recipe

    torch.set_num_threads(options.threads)
    recipe = load_recipe(options.recipe)
    checkpoint: Path = options.run / "checkpoint.pt"
    if options.stage == "train":
        from vocengine.training.trainer import prepare, train

        run = prepare(recipe, folder=data_folder(), work=options.run, teacher=options.teacher, earlier=options.earlier)
        train(run, checkpoint=checkpoint)
    elif options.stage == "ask":
        from vocengine.training.trainer import ask

        ask(recipe, folder=data_folder(), work=options.run, checkpoint=checkpoint, to=options.teacher)
    else:
        from vocengine.training.export import export

        target: Path = options.to or options.recipe.parent
        export(
            recipe,
            checkpoint=checkpoint,
            folder=data_folder(),
            target=target,
            earlier=options.earlier,
            measure_test=not options.interim,
        )


if __name__ == "__main__":
    main()
