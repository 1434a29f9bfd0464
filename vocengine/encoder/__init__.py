"""One small encoder, one pass: sentiment, emotions and an embedding for a text and for each of its spans."""

from __future__ import annotations

import os
from pathlib import Path

from vocengine.encoder.interface import (
    Encoder,
    EncoderInfo,
    Encodings,
    emotion_names_over_threshold,
    emotions_over_threshold,
)

__all__ = [
    "Encoder",
    "EncoderInfo",
    "Encodings",
    "emotion_names_over_threshold",
    "emotions_over_threshold",
    "load_encoder",
]


def load_encoder(
    model: str | Path = "voc-encoder",
    *,
    backend: str = "auto",
    threads: int | None = None,
    cache_dir: Path | None = None,
) -> Encoder:
    """Load a model folder, by bundled name or path, ready to read.

    `backend` is `auto` (timed once for each kind of processor, remembered in `cache_dir`), `torch-fp32`,
    `torch-bf16` or `torch-int8`; `threads` is set for the whole process. Raises ModelMissing, ModelDamaged,
    SettingsError.
    """
    # Threads that spin while they wait slow each other down where cores are shared; read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from vocengine.encoder.voc_encoder import load

    return load(model, backend=backend, threads=threads, cache_dir=cache_dir)
