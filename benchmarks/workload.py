"""Feedback to measure with: days of history, then a live stretch in which products fall one after the other."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from benchmarks.texts import Verbatim

HISTORY_START = datetime(2026, 3, 2, tzinfo=UTC)
HISTORY_DAYS = 5
# A day of its own: the detectors compare with the days before.
LIVE_START = HISTORY_START + timedelta(days=HISTORY_DAYS)

# Praise that a product has behind it, and complaints by which it falls: enough for the default alert settings, which
# ask for 50. Days that stream in within seconds arrive out of order, and what is two days late trains nothing.
PRAISE_EACH = 90
COMPLAINTS_EACH = 30
_PRODUCTS, _CUSTOMERS = 40, 4_000
_REGIONS = ("north", "south", "east", "west")
_CHANNELS = ("social", "social", "social", "review", "review", "survey", "email", "ticket")


@dataclass(frozen=True, slots=True)
class Record:
    """A record for the feedback topic; `due_s` is when to send it, in seconds from the start of its stretch."""

    event_id: str
    value: bytes
    occurred_at: datetime
    due_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Stock:
    """Texts set apart, so that no text is used twice: praise and complaints for the falls, the rest for all else."""

    praise: list[Verbatim]
    complaints: list[Verbatim]
    rest: list[Verbatim]
    falls: int


def set_apart(verbatims: Sequence[Verbatim], *, falls: int) -> Stock:
    """Texts for up to `falls` products that fall; fewer where there is too little praise or complaint."""
    praise = [v for v in verbatims if v.tone == "positive"]
    complaints = [v for v in verbatims if v.tone == "negative"]
    falls = min(falls, len(praise) // PRAISE_EACH, len(complaints) // (2 * COMPLAINTS_EACH))
    praise, complaints = praise[: falls * PRAISE_EACH], complaints[: falls * COMPLAINTS_EACH]
    taken = {v.text for v in (*praise, *complaints)}
    return Stock(praise, complaints, [v for v in verbatims if v.text not in taken], falls)


def warm_up(stock: Stock, events: int, *, prefix: str, seed: int) -> list[Record]:
    """`events` records on the day before the history. Takes its texts from the end of `stock.rest`."""
    own = Stock([], [], stock.rest[-events:], 0)
    del stock.rest[-events:]
    return history(own, events, prefix=prefix, seed=seed, start=HISTORY_START - timedelta(days=1), days=1)


def history(
    stock: Stock,
    events: int,
    *,
    prefix: str,
    seed: int,
    start: datetime = HISTORY_START,
    days: float = HISTORY_DAYS,
) -> list[Record]:
    """`events` records over `days` days, in order of time: the praise that falls need, and others.

    Takes its texts out of `stock`.
    """
    draw = random.Random(seed)
    said: list[tuple[Verbatim, str | None]] = [
        (v, f"falling-{i % stock.falls:02d}") for i, v in enumerate(stock.praise)
    ]
    stock.praise.clear()
    rest = max(0, events - len(said))
    said += [(v, None) for v in stock.rest[:rest]]
    del stock.rest[:rest]
    draw.shuffle(said)
    step = timedelta(days=days) / max(1, len(said))
    return [_record(f"{prefix}-{i}", v.text, start + i * step, product, draw) for i, (v, product) in enumerate(said)]


def live(stock: Stock, *, rate_per_s: float, duration_s: float, prefix: str, seed: int) -> list[Record]:
    """`rate_per_s` records a second for `duration_s`, among them complaints that let one product after the other
    fall. Event time runs as fast as the clock. Takes its texts out of `stock`; ends early where they run out.
    """
    draw = random.Random(seed)
    planned = sorted(_falls(stock, rate_per_s, duration_s), key=lambda item: item[0])
    stock.complaints.clear()
    count = max(0, int(rate_per_s * duration_s) - len(planned))
    others, stock.rest[:count] = stock.rest[:count], []
    planned += [((i + 0.5) * duration_s / max(1, count), v, None) for i, v in enumerate(others)]
    planned.sort(key=lambda item: item[0])
    return [
        # The microseconds make event times unique: an alert names the one that completed it.
        _record(
            f"{prefix}-{i}", v.text, LIVE_START + timedelta(seconds=due_s, microseconds=i), product, draw, due_s=due_s
        )
        for i, (due_s, v, product) in enumerate(planned)
    ]


def _falls(stock: Stock, rate_per_s: float, duration_s: float) -> Iterator[tuple[float, Verbatim, str | None]]:
    # Complaints take at most half of the traffic; each fall begins after the one before it, with time left at the end.
    most = int(rate_per_s * duration_s / 2) // COMPLAINTS_EACH
    falls = min(stock.falls, most)
    for number in range(falls):
        begin = (number + 0.25) * duration_s / (falls + 1)
        gap = min(0.1, duration_s / (falls + 1) / COMPLAINTS_EACH * 2)
        own = stock.complaints[number * COMPLAINTS_EACH : (number + 1) * COMPLAINTS_EACH]
        for i, verbatim in enumerate(own):
            yield min(begin + i * gap, duration_s), verbatim, f"falling-{number:02d}"


def _record(
    event_id: str, text: str, at: datetime, product: str | None, draw: random.Random, *, due_s: float = 0.0
) -> Record:
    # A few customers write often, most once. Each fall is carried by different people.
    customer = f"X-{event_id}" if product else f"C-{int(_CUSTOMERS * draw.random() ** 2):04d}"
    event: dict[str, Any] = {
        "schema_version": 1,
        "event_id": event_id,
        "source": "benchmark",
        "channel": draw.choice(_CHANNELS),
        "occurred_at": at.isoformat(),
        "text": text,
        "customer_id": customer,
        "product": product or f"product-{int(_PRODUCTS * draw.random() ** 2):02d}",
        "segments": {"region": draw.choice(_REGIONS), "tier": draw.choice(("standard", "plus"))},
        "attributes": {"order": f"N-{draw.randrange(10**6):06d}"},
    }
    return Record(event_id, orjson.dumps(event), at, due_s)
