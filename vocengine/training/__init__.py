"""Recipe-driven training of the encoder that ships: `python -m vocengine.training models/voc-encoder/recipe.yaml`."""

from __future__ import annotations
