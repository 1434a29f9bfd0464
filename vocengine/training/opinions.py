"""The teacher's opinions: its logits for every text that a student trains on, computed once and kept in files."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vocengine.encoder.network import Network
from vocengine.errors import SettingsError
from vocengine.training.batches import Tokenized, collate
from vocengine.training.losses import HEADS
from vocengine.training.recipe import Task

log = logging.getLogger(__name__)

_BATCH_TEXTS = 128


@dataclass(frozen=True, slots=True)
class Opinions:
    """Logits of a teacher for the texts of one task: `whole[head]` (n, labels), and `spans` (m, 3) of which those of
    text i are rows `first[i]:first[i + 1]`."""

    whole: Mapping[str, Tensor]
    spans: Tensor
    first: Sequence[int]

    def of(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """The opinions on these texts, spans under the name `spans`."""
        rows = list(indices)
        found = {name: logits[rows].float() for name, logits in self.whole.items()}
        places = [place for row in rows for place in range(self.first[row], self.first[row + 1])]
        found["spans"] = self.spans[places].float()
        return found


def write(network: Network, texts: Mapping[Task, Sequence[Tokenized]], folder: Path, *, pad: int, bf16: bool) -> None:
    """Ask a trained teacher about every text, and write its logits to `folder`, a file a task."""
    network.eval()
    folder.mkdir(parents=True, exist_ok=True)
    for task, of_task in texts.items():
        log.info("asking the teacher about %d texts of %s", len(of_task), task)
        asked = _ask(network, of_task, pad=pad, bf16=bf16)
        arrays: dict[str, Any] = {f"whole_{name}": logits.half().numpy() for name, logits in asked.whole.items()}
        arrays |= {"digest": np.array(_digest(of_task)), "spans": asked.spans.half().numpy()}
        np.savez(_file(folder, task), **arrays)


def read(folder: Path, task: Task, texts: Sequence[Tokenized]) -> Opinions:
    """The opinions that `write` left on these texts. Raises SettingsError where there are none, or on others."""
    file = _file(folder, task)
    if not file.is_file():
        raise SettingsError(f"the teacher's opinions {file} are absent: run the stage ask with this recipe first")
    with np.load(file) as stored:
        if str(stored["digest"]) != _digest(texts):
            raise SettingsError(f"the teacher's opinions {file} are on other texts: run the stage ask again")
        whole = {
            name.removeprefix("whole_"): torch.from_numpy(stored[name])
            for name in stored.files
            if name.startswith("whole_")
        }
        return Opinions(whole, torch.from_numpy(stored["spans"]), _first(texts))


def _ask(network: Network, texts: Sequence[Tokenized], *, pad: int, bf16: bool) -> Opinions:
    heads = {name: head for name, head in network.heads.items() if name != "effort"}
    whole = {name: torch.empty(len(texts), HEADS[name]) for name in heads}
    first = _first(texts)
    spans = torch.empty(first[-1], 3)
    order = sorted(range(len(texts)), key=lambda index: len(texts[index].ids))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        for begin in range(0, len(order), _BATCH_TEXTS):
            rows = order[begin : begin + _BATCH_TEXTS]
            inputs = collate([texts[row] for row in rows], pad=pad)
            attended = network.pool(network.encoder(inputs.ids, inputs.mask), inputs.spans).attended
            for name, head in heads.items():
                whole[name][rows] = head(attended[:, 0]).float()
            parts = attended[:, 1:][inputs.spans[:, 1:].any(-1)]
            places = [place for row in rows for place in range(first[row], first[row + 1])]
            if places:
                spans[places] = network.heads["sentiment"](parts).float()
    return Opinions(whole, spans, first)


def _first(texts: Sequence[Tokenized]) -> list[int]:
    return [0, *np.cumsum([len(text.spans) for text in texts]).tolist()]


def _file(folder: Path, task: Task) -> Path:
    return folder / f"opinions-{task}.npz"


def _digest(texts: Sequence[Tokenized]) -> str:
    # Of what teacher and student share; their tokens have other numbers.
    return hashlib.sha256(repr([(text.checksum, len(text.spans)) for text in texts]).encode()).hexdigest()
