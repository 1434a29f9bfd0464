"""The models, loaded once a run."""

from __future__ import annotations

import os

import pytest

from vocengine.pipeline import Models
from vocengine.settings import load_settings
from vocengine.stream.enrich_member import load_models


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """The shipped encoder and the language identifier."""
    overrides = {
        "data_dir": tmp_path_factory.mktemp("models"),
        "encoder.model": os.environ.get("VOCENGINE_ENCODER__MODEL"),
    }
    return load_models(load_settings(environ={}, overrides=overrides))
