"""Mention: that one monitored key was spoken of, once, with which sentiment; the detector's input."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Mention:
    """One monitored key touched by one event, on `voc.mentions`, keyed by `key`.

    `key` is `<kind>:<id>`, for example `topic:12`, `customer:C-7`, `segment:region=north`. `score` is the mean
    sentiment −1..1 of what was said about the key (a topic's spans, else the whole event). `excerpt` is the
    masked sentence that carries it, so that an alert has evidence without waiting for the store.
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
    schema_version: int = 1
