"""Encoders to test with: the one that ships, and one whose heads are drawn at random."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vocengine.encoder import Encoder, load_encoder
from vocengine.encoder.artifact import BaseRef, ModelConfig, save
from vocengine.encoder.base import BASE_NAME, BASE_SHA256, find_base
from vocengine.encoder.network import Network, base_state


@pytest.fixture(scope="session")
def calibrations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calibrations")


@pytest.fixture(scope="session")
def exact(calibrations: Path) -> Encoder:
    """The shipped model in 32 bits."""
    return load_encoder(backend="torch-fp32", cache_dir=calibrations)


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete model folder, its heads untrained."""
    torch.manual_seed(1)
    network = Network({"sentiment": 3, "emotions": 2, "tweet_emotion": 4})
    network.encoder.load_state_dict(base_state(find_base().weights))
    config = ModelConfig(
        name="random",
        version="0",
        languages=("en",),
        base=BaseRef(name=BASE_NAME, sha256=BASE_SHA256),
        weights_sha256="",
        heads={"sentiment": 3, "emotions": 2, "tweet_emotion": 4},
        sentiment_labels=("negative", "neutral", "positive"),
        emotion_labels=("anger", "joy"),
        emotion_thresholds=(0.4, 0.6),
        tweet_emotion_labels=("anger", "joy", "optimism", "sadness"),
        sentiment_temperature=1.0,
        span_temperature=1.0,
    )
    folder = tmp_path_factory.mktemp("models") / "random"
    save(folder, config, network.state_dict())
    return folder
