"""Mention: that one monitored key was spoken of, once, with which sentiment; the detector's input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

SIGNALS = ("anger", "cancel_intent")
"""What a mention can show beside its sentiment."""


@dataclass(frozen=True, slots=True)
class Mention:
    """One monitored key touched by one event, on `voc.mentions`, keyed by `key`.

    `key` is `<kind>:<id>`, for example `topic:12`, `customer:C-7`, `segment:region=north`, or of a pair
    `topic~product:12~kettle`. `score` is the mean sentiment −1..1 of what was said about the key (a topic's spans, also
    of a pair with a topic, else the whole event). `excerpt` is the
    masked sentence that carries it, so that an alert has evidence without waiting for the store. `also` holds the other
    keys that the event touches, but for its customer's, with their labels: what a fall of this key may come from. A
    pair and its parts are not among each other's.
    `signals` are those of `SIGNALS` that it shows.
    """

    kind: str
    key: str
    occurred_at: datetime
    event_id: str
    customer_id: str | None
    score: float
    weight: float
    negative: bool
    channel: str
    product: str | None
    label: str
    excerpt: str
    received_at: datetime
    also: Mapping[str, str] = field(default_factory=dict)
    signals: tuple[str, ...] = ()
    schema_version: int = 1
