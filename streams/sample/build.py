"""Turn the sample's verbatims into three weeks of feedback events, with the truth about them beside it.

    python streams/sample/build.py [--out FOLDER]

Reads `verbatims/*.jsonl`, each line of which a person wrote once and which is used exactly once, and writes
`feedback.jsonl` (events of the contract Feedback, in order of `occurred_at`) and `ground_truth.json`.
Everything that the verbatims leave open (who, when, where) is drawn from one seed, so that the same verbatims
always give the same bytes. Only the standard library is needed.
"""

from __future__ import annotations

import argparse
import bisect
import itertools
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SEED = 20260907
START = datetime(2026, 9, 7, tzinfo=UTC)
END = START + timedelta(days=21)

CUSTOMERS = 420
# Weights fall with the rank to this power: a few customers write often, most once to four times.
ACTIVITY_EXPONENT = 0.75
ACTIVITY_OFFSET = 6
REGIONS = {"north": 0.24, "south": 0.26, "east": 0.16, "west": 0.16, "midlands": 0.18}
TIERS = {"standard": 0.78, "gold": 0.18, "platinum": 0.04}
HOTEL_PLACEHOLDER = "C-PLATINUM"
HOTEL_ID = "C-0007"

# How busy each hour is, UTC, in British summer time: quiet nights, a lunch bump, a peak in the evening.
HOUR_WEIGHTS = (2, 1, 1, 1, 1, 3, 7, 11, 13, 13, 14, 17, 16, 13, 12, 13, 16, 20, 24, 25, 21, 14, 8, 4)
WEEKEND_FACTOR = 1.4
SLOT = timedelta(minutes=10)

ORDER = re.compile(r"LM-\d{6}")
ORDER_STAGES = frozenset({"pay", "deliver", "return", "support"})
ORDER_SHARE = 0.4

# Days and hours after START of the hotel's messages, in their order: they tell a story.
HOTEL_FRIENDLY = (
    (0, 9.2), (1, 10.6), (2, 14.1), (4, 8.4), (5, 18.9), (6, 16.3),
    (7, 11.5), (8, 9.9), (9, 13.2), (10, 8.1), (10, 17.4), (13, 19.6),
)  # fmt: skip
HOTEL_SOUR = (
    (15, 9.3), (15, 13.7), (15, 17.8), (16, 9.1), (16, 12.6), (16, 16.5), (17, 7.9), (17, 11.2),
    (17, 18.3), (18, 8.8), (18, 13.4), (18, 16.9), (19, 9.7), (19, 12.4),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Incident:
    """What really happened, from when to when [started_at, ended_at), and which alerts count as reporting it.

    An alert reports the incident where the kind of its key is in `kinds` and either its key is in `keys`, or one
    of `label_words` stands, as a whole word in any case, in its label, its drivers or its verbatims.
    """

    id: str
    phase: str
    kind: str
    title: str
    started_at: datetime
    ended_at: datetime
    kinds: tuple[str, ...]
    keys: tuple[str, ...]
    label_words: tuple[str, ...] = ()
    region: str | None = None

    def as_truth(self) -> dict[str, Any]:
        """As it stands in `ground_truth.json`."""
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "started_at": _rfc3339(self.started_at),
            "ended_at": _rfc3339(self.ended_at),
            "match": {
                "kinds": list(self.kinds),
                "keys": list(self.keys),
                "label_words": list(self.label_words),
            },
        }


COURIER = Incident(
    id="courier-strike-north",
    phase="courier",
    kind="segment",
    title="Couriers on strike in the north",
    started_at=datetime(2026, 9, 17, 6, tzinfo=UTC),
    ended_at=datetime(2026, 9, 20, 18, tzinfo=UTC),
    kinds=("segment", "topic", "journey_stage", "channel"),
    keys=("segment:region=north", "journey_stage:deliver"),
    label_words=(
        "courier",
        "couriers",
        "delivery",
        "driver",
        "drivers",
        "depot",
        "strike",
        "parcel",
        "leeds",
    ),
    region="north",
)
CHECKOUT = Incident(
    id="checkout-failure",
    phase="checkout",
    kind="topic",
    title="The checkout fails: payments declined, charged twice, baskets emptied",
    started_at=datetime(2026, 9, 21, 10, tzinfo=UTC),
    ended_at=datetime(2026, 9, 22, 20, tzinfo=UTC),
    kinds=("topic", "journey_stage", "channel"),
    keys=("journey_stage:pay",),
    label_words=("checkout", "payment", "payments", "pay", "card", "declined", "charged", "basket"),
)
HOTEL = Incident(
    id="hotel-turns-sour",
    phase="sour",
    kind="customer",
    title="A platinum customer, a hotel, turns from fond to furious",
    started_at=datetime(2026, 9, 22, 9, tzinfo=UTC),
    ended_at=datetime(2026, 9, 27, 9, tzinfo=UTC),
    kinds=("customer",),
    keys=(f"customer:{HOTEL_ID}",),
)
INCIDENTS = (COURIER, CHECKOUT, HOTEL)


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who writes in, with the region and tier that never change, and how often relative to others."""

    id: str
    region: str
    tier: str
    weight: float


class Clock:
    """Moments in a window [start, end), as busy as the hours of a shop are.

    `at(share)` is where that share (0..1) of the window's traffic has gone by.
    """

    def __init__(self, start: datetime, end: datetime) -> None:
        self._slots = [start + SLOT * i for i in range(max(1, int((end - start) / SLOT)))]
        busy = [HOUR_WEIGHTS[s.hour] * (WEEKEND_FACTOR if s.weekday() >= 5 else 1.0) for s in self._slots]
        self._cumulated = list(itertools.accumulate(busy))

    def at(self, share: float) -> datetime:
        """The moment, to the second."""
        wanted = share * self._cumulated[-1]
        i = min(bisect.bisect_right(self._cumulated, wanted), len(self._slots) - 1)
        before = self._cumulated[i - 1] if i else 0.0
        within = (wanted - before) / (self._cumulated[i] - before)
        return self._slots[i] + timedelta(seconds=int(within * SLOT.total_seconds()))


def read_verbatims(folder: Path) -> list[dict[str, Any]]:
    """All verbatims, by file name and line.

    Raises ValueError where an id stands twice.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            verbatim = json.loads(line)
            if verbatim["id"] in found:
                raise ValueError(f"{path.name}:{number}: id {verbatim['id']!r} stands twice; ids must be unique")
            found[verbatim["id"]] = verbatim
    return list(found.values())


def make_customers(rng: random.Random) -> list[Customer]:
    """The customers; the hotel is one of them, but writes only its own verbatims."""
    ranks = list(range(CUSTOMERS))
    rng.shuffle(ranks)
    customers = []
    for number, rank in enumerate(ranks, 1):
        region = rng.choices(list(REGIONS), list(REGIONS.values()))[0]
        tier = rng.choices(list(TIERS), list(TIERS.values()))[0]
        customer_id = f"C-{number:04d}"
        if customer_id == HOTEL_ID:
            region, tier = "south", "platinum"
        weight = 0.0 if customer_id == HOTEL_ID else (rank + ACTIVITY_OFFSET) ** -ACTIVITY_EXPONENT
        customers.append(Customer(customer_id, region, tier, weight))
    return customers


def schedule(
    verbatims: Sequence[dict[str, Any]], customers: Sequence[Customer], rng: random.Random
) -> Iterator[tuple[dict[str, Any], datetime, Customer]]:
    """Who said each verbatim, and when."""
    by_id = {c.id: c for c in customers}
    hotel = sorted((v for v in verbatims if v.get("customer") == HOTEL_PLACEHOLDER), key=lambda v: v["order"])
    for verbatim, (day, hour) in zip(hotel, HOTEL_FRIENDLY + HOTEL_SOUR, strict=True):
        yield verbatim, START + timedelta(days=day, hours=hour), by_id[HOTEL_ID]

    others = [v for v in verbatims if v.get("customer") != HOTEL_PLACEHOLDER]
    baseline = [v for v in others if v["phase"] == "baseline"]
    rng.shuffle(baseline)
    clock = Clock(START, END)
    weights = [c.weight for c in customers]
    for i, verbatim in enumerate(baseline):
        # One draw in each equal share of the traffic: no day is empty or crowded by chance.
        when = clock.at((i + rng.random()) / len(baseline))
        yield verbatim, when, rng.choices(customers, weights)[0]

    for incident in (COURIER, CHECKOUT):
        able = [c for c in customers if c.weight and incident.region in (None, c.region)]
        told = [v for v in others if v["phase"] == incident.phase]
        for verbatim, who in zip(told, _distinct(able, len(told), rng), strict=True):
            # `hours` after the start, where the words say when they were written ("third day", "since yesterday").
            low, high = verbatim.get("hours", (0, None))
            start = incident.started_at + timedelta(hours=low)
            end = incident.ended_at if high is None else incident.started_at + timedelta(hours=high)
            yield verbatim, Clock(start, min(end, incident.ended_at)).at(rng.random()), who


def _distinct(customers: Sequence[Customer], n: int, rng: random.Random) -> list[Customer]:
    """n customers, the active ones likelier, nobody twice before everybody was once."""
    drawn: list[Customer] = []
    while len(drawn) < n:
        # Efraimidis and Spirakis 2006: the largest u^(1/weight) are a weighted sample without replacement.
        drawn += sorted(customers, key=lambda c: rng.random() ** (1 / c.weight), reverse=True)[: n - len(drawn)]
    return drawn


def make_event(verbatim: dict[str, Any], when: datetime, who: Customer, rng: random.Random) -> dict[str, Any]:
    """The Feedback event; keys that the verbatim does not fill are left out."""
    channel = verbatim["channel"]
    event: dict[str, Any] = {
        "schema_version": 1,
        "event_id": f"larkmoor-{verbatim['id']}",
        "source": f"larkmoor-{channel}",
        "channel": channel,
        "occurred_at": _rfc3339(when),
    }
    if "turns" in verbatim:
        event["turns"] = list(_timed(verbatim["turns"], when, rng))
    else:
        event["text"] = verbatim["text"]
    if title := verbatim.get("title"):
        event["title"] = title
    event["customer_id"] = who.id
    if channel != "social":  # posts come without a declared language
        event["language"] = "en"
    if "rating" in verbatim:
        event["rating"] = {"value": verbatim["rating"], "min": 1, "max": 5}
    event |= {score: verbatim[score] for score in ("nps", "csat") if score in verbatim}
    if verbatim["product"]:
        event["product"] = verbatim["product"]
    event["journey_stage"] = verbatim["stage"]
    event["segments"] = {"region": who.region, "tier": who.tier}
    if order := _order(verbatim, rng):
        event["attributes"] = {"order": order}
    return event


def _timed(turns: Iterable[dict[str, str]], when: datetime, rng: random.Random) -> Iterator[dict[str, str]]:
    for turn in turns:
        yield {"role": turn["role"], "text": turn["text"], "at": _rfc3339(when)}
        when += timedelta(seconds=rng.randint(12, 95))


def _order(verbatim: dict[str, Any], rng: random.Random) -> str | None:
    """The order that the text names; else, where a shop's system would know it, a number now and then."""
    if named := ORDER.search(_words(verbatim)):
        return named.group()
    known = verbatim["channel"] != "social" and verbatim["stage"] in ORDER_STAGES
    return f"LM-{rng.randint(200_000, 209_999)}" if known and rng.random() < ORDER_SHARE else None


def _words(verbatim: dict[str, Any]) -> str:
    return "\n".join([verbatim.get("text", ""), *(turn["text"] for turn in verbatim.get("turns", ()))])


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def build(folder: Path = HERE / "verbatims") -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The events in order of time, and the truth about them."""
    rng = random.Random(SEED)
    verbatims = read_verbatims(folder)
    scheduled = list(schedule(verbatims, make_customers(rng), rng))
    if len(scheduled) != len(verbatims):
        raise ValueError(f"{len(verbatims) - len(scheduled)} verbatims have a phase that is none of the known")
    events = [make_event(verbatim, when, who, rng) for verbatim, when, who in scheduled]
    events.sort(key=lambda event: (event["occurred_at"], event["event_id"]))
    truth = {
        "incidents": [incident.as_truth() for incident in INCIDENTS],
        "events": {
            f"larkmoor-{v['id']}": {
                "theme": v["theme"],
                "polarity": v["polarity"],
                "phase": v["phase"],
                "personal_data": v.get("pii", []),
            }
            for v in sorted(verbatims, key=lambda v: v["id"])
        },
    }
    return events, truth


def write(out: Path, events: Iterable[dict[str, Any]], truth: dict[str, Any]) -> None:
    """Both files, UTF-8, one event a line."""
    lines = (json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n" for event in events)
    (out / "feedback.jsonl").write_text("".join(lines), encoding="utf-8")
    incidents = json.dumps(truth["incidents"], ensure_ascii=False, indent=2).replace("\n", "\n ")
    entries = ",\n  ".join(f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in truth["events"].items())
    (out / "ground_truth.json").write_text(
        f'{{\n "incidents": {incidents},\n "events": {{\n  {entries}\n }}\n}}\n', encoding="utf-8"
    )


def main() -> None:
    """Write the sample."""
    parser = argparse.ArgumentParser(description="Build the sample's feedback.jsonl and ground_truth.json.")
    parser.add_argument("--out", type=Path, default=HERE, help="the folder to write to (this script's own)")
    write(parser.parse_args().out, *build())


if __name__ == "__main__":
    main()
