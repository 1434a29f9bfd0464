"""A new dense group of spans → an alert that a person can check."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vocengine.contracts import Alert, Driver, Evidence, Verbatim

KIND = "emerging_topic"
METHOD = "nearest-neighbour two-sample test"
_DRIVERS = 5
_VERBATIMS = 5


@dataclass(frozen=True, slots=True)
class Voice:
    """A span of the group, masked."""

    event_id: str
    occurred_at: datetime
    channel: str
    product: str | None
    score: float
    text: str


@dataclass(frozen=True, slots=True)
class Emerged:
    """The group: of the newest `window` spans these `voices`, the most typical first, are in it.

    `new_share` is the part of them that the `reference` spans of the fit do not explain. `chance` is the probability of
    such a count where nothing is new; it had to be under `needed`.
    """

    candidate_id: int
    label: str
    voices: Sequence[Voice]
    window: int
    reference: int
    reference_from: datetime
    new_share: float
    chance: float
    needed: float


def to_alert(emerged: Emerged, *, budget: str, raised_at: datetime) -> Alert:
    """The alert for a group; the id follows from who said it, so a replay repeats it."""
    voices = emerged.voices
    times = [voice.occurred_at for voice in voices]
    observed = len(voices) / emerged.window
    expected = observed * (1 - emerged.new_share)
    variance = observed * (1 - observed) / emerged.window + expected * (1 - expected) / emerged.reference
    half = 1.96 * math.sqrt(variance)
    basis = "\x1f".join([KIND, *sorted(f"{voice.event_id}\x1e{voice.text}" for voice in voices)])
    return Alert(
        alert_id="a-" + hashlib.sha256(basis.encode()).hexdigest()[:20],
        kind="emerging_topic",
        key=f"candidate:{emerged.candidate_id}",
        label=emerged.label,
        window_start=min(times),
        window_end=max(times),
        baseline_mean=round(expected, 4),
        baseline_n=emerged.reference,
        baseline_from=min(emerged.reference_from, min(times)),
        observed_mean=round(observed, 4),
        observed_n=len(voices),
        change=round(observed - expected, 4),
        change_low=round(observed - expected - half, 4),
        change_high=round(observed - expected + half, 4),
        evidence=Evidence(
            METHOD, round(-math.log10(max(emerged.chance, 1e-300)), 1), round(-math.log10(emerged.needed), 1), budget
        ),
        # How bad it is nobody knows yet: that is what a person is asked.
        severity="medium",
        drivers=_drivers(voices),
        verbatims=tuple(
            Verbatim(v.event_id, v.occurred_at, v.channel, v.score, v.text) for v in _different(voices)[:_VERBATIMS]
        ),
        opened_at=max(times),
        raised_at=raised_at,
    )


def _drivers(voices: Sequence[Voice]) -> tuple[Driver, ...]:
    counts = Counter([("channel", v.channel) for v in voices] + [("product", v.product) for v in voices if v.product])
    return tuple(Driver(kind, name, round(n / len(voices), 3), n) for (kind, name), n in counts.most_common(_DRIVERS))


def _different(voices: Sequence[Voice]) -> list[Voice]:
    return list({voice.text.lower(): voice for voice in reversed(voices)}.values())[::-1]
