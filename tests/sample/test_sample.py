"""The sample: as many different things said as promised, in every channel, with the incidents where they were put."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from vocengine.contracts import Feedback

SAMPLE = Path(__file__).parents[2] / "streams" / "sample"
PERIOD = (datetime(2026, 9, 7, tzinfo=UTC), datetime(2026, 9, 28, tzinfo=UTC))
THEMES = {
    "checkout_payment", "delivery", "product_quality", "returns_refunds", "customer_service", "app_website",
    "price_value", "store_visit", "loyalty_programme", "assembly_instructions", "packaging", "stock_availability",
}  # fmt: skip
# The least that a mask has to find; the retailer's own handle is nobody's.
PERSONAL = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w.])@(?!larkmoor\b)\w+"
    r"|(?:\+44 ?|\b0)7\d{3} ?\d{3} ?\d{3}\b|\b555-\d{4}\b"
    r"|\b\d{4}(?:[ -]?\d{4}){3}\b"
    r"|\b(?:GB|DE)\d{2}[A-Z0-9]{14,}\b"
    r"|https?://\S+[?&]\w*token=\w+",
    re.IGNORECASE,
)

Event = dict[str, Any]


def _load_build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sample_build", SAMPLE / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def events() -> list[Event]:
    lines = (SAMPLE / "feedback.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SAMPLE / "ground_truth.json").read_text(encoding="utf-8"))
    return loaded


def _words(event: Event) -> str:
    parts = [event.get("title", ""), event.get("text", ""), *(t["text"] for t in event.get("turns", ()))]
    return "\n".join(part for part in parts if part)


def _normalised(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _at(event: Event) -> datetime:
    return datetime.fromisoformat(event["occurred_at"])


def _incident(truth: dict[str, Any], incident_id: str) -> tuple[datetime, datetime]:
    found = next(i for i in truth["incidents"] if i["id"] == incident_id)
    return datetime.fromisoformat(found["started_at"]), datetime.fromisoformat(found["ended_at"])


def _of_phase(events: list[Event], truth: dict[str, Any], phase: str) -> list[Event]:
    return [e for e in events if truth["events"][e["event_id"]]["phase"] == phase]


def test_the_files_are_what_build_makes(tmp_path: Path) -> None:
    build = _load_build()
    build.write(tmp_path, *build.build())
    for name in ("feedback.jsonl", "ground_truth.json"):
        assert (tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes(), (
            f"{name} is out of date: run python streams/sample/build.py"
        )


def test_every_verbatim_is_used_exactly_once(events: list[Event], truth: dict[str, Any]) -> None:
    ids = [
        "larkmoor-" + json.loads(line)["id"]
        for path in (SAMPLE / "verbatims").glob("*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert sorted(ids) == sorted(e["event_id"] for e in events) == sorted(truth["events"])


def test_every_event_keeps_the_contract_with_no_unknown_field(events: list[Event]) -> None:
    for event in events:
        read = Feedback.model_validate(event)
        assert read.event_id == event["event_id"]
        assert set(read.attributes) <= {"order"}


def test_at_least_1200_different_texts(events: list[Event]) -> None:
    assert len({_normalised(_words(e)) for e in events}) == len(events) >= 1200


def test_no_two_texts_are_nearly_the_same(events: list[Event]) -> None:
    """Jaccard similarity of the sets of three words in a row; half of them shared is a copy with a word changed."""
    grams: dict[str, set[tuple[str, ...]]] = {}
    holders: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for event in events:
        words = _normalised(_words(event)).split()
        grams[event["event_id"]] = set(zip(words, words[1:], words[2:], strict=False))
        for gram in grams[event["event_id"]]:
            holders[gram].append(event["event_id"])
    shared = Counter(pair for ids in holders.values() for pair in combinations(sorted(ids), 2))
    copies = [(a, b) for (a, b), n in shared.items() if n / len(grams[a] | grams[b]) >= 0.5]
    assert copies == []


def test_all_channels_products_themes_and_stages_occur(events: list[Event], truth: dict[str, Any]) -> None:
    channels = Counter(e["channel"] for e in events)
    assert set(channels) == {"review", "survey", "chat", "social", "ticket"}
    assert min(channels.values()) >= 100
    products = Counter(e["product"] for e in events if "product" in e)
    assert len(products) == 12 and min(products.values()) >= 40
    assert {t["theme"] for t in truth["events"].values()} == THEMES
    stages = {e["journey_stage"] for e in events}
    assert stages == {"discover", "order", "pay", "deliver", "use", "return", "support"}


def test_events_stand_in_order_of_time_within_three_weeks(events: list[Event]) -> None:
    times = [_at(e) for e in events]
    assert times == sorted(times)
    assert PERIOD[0] <= times[0] and times[-1] < PERIOD[1]


def test_ordinary_feedback_follows_the_rhythm_of_day_and_week(events: list[Event], truth: dict[str, Any]) -> None:
    baseline = _of_phase(events, truth, "baseline")
    days = Counter(_at(e).date() for e in baseline)
    assert len(days) == 21
    weekend = [n for day, n in days.items() if day.weekday() >= 5]
    working = [n for day, n in days.items() if day.weekday() < 5]
    assert min(weekend) > max(working)
    hours = Counter(_at(e).hour for e in baseline)
    assert sum(hours[h] for h in (17, 18, 19, 20)) > 5 * sum(hours[h] for h in (0, 1, 2, 3))


def test_a_customer_keeps_region_and_tier_and_many_use_several_channels(events: list[Event]) -> None:
    segments, channels = defaultdict(set), defaultdict(set)
    for event in events:
        segments[event["customer_id"]].add(tuple(sorted(event["segments"].items())))
        channels[event["customer_id"]].add(event["channel"])
    assert all(len(kept) == 1 for kept in segments.values())
    assert 350 <= len(segments) <= 420
    assert sum(len(used) > 1 for used in channels.values()) >= 120
    assert {e["segments"]["region"] for e in events} == {"north", "south", "east", "west", "midlands"}
    assert {e["segments"]["tier"] for e in events} == {"standard", "gold", "platinum"}


def test_no_theme_is_complained_about_more_than_praised_in_ordinary_weeks(truth: dict[str, Any]) -> None:
    told: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in truth["events"].values():
        if entry["phase"] == "baseline":
            told[entry["theme"]][entry["polarity"]] += 1
    assert set(told) == THEMES
    assert [theme for theme, n in told.items() if n["positive"] < n["negative"]] == []
    total = sum(told.values(), Counter())
    assert 0.48 <= total["positive"] / total.total() <= 0.62
    assert 0.18 <= (total["mixed"] + total["neutral"]) / total.total() <= 0.27


@pytest.mark.parametrize(
    ("phase", "incident_id", "theme", "regions"),
    [
        ("checkout", "checkout-failure", "checkout_payment", {"north", "south", "east", "west", "midlands"}),
        ("courier", "courier-strike-north", "delivery", {"north"}),
    ],
)
def test_an_incident_is_told_while_it_lasts_by_many_in_its_regions(
    phase: str, incident_id: str, theme: str, regions: set[str], events: list[Event], truth: dict[str, Any]
) -> None:
    start, end = _incident(truth, incident_id)
    told = _of_phase(events, truth, phase)
    assert len(told) >= 80
    assert all(start <= _at(e) < end for e in told)
    assert {e["segments"]["region"] for e in told} == regions
    assert len({e["customer_id"] for e in told}) >= 0.8 * len(told)
    entries = [truth["events"][e["event_id"]] for e in told]
    assert {entry["theme"] for entry in entries} == {theme}
    assert sum(entry["polarity"] == "negative" for entry in entries) >= 0.9 * len(entries)
    ordinary = [e for e in _of_phase(events, truth, "baseline") if start <= _at(e) < end]
    assert len(ordinary) >= 50, "life goes on beside the incident"


def test_the_hotel_is_fond_for_two_weeks_and_then_turns(events: list[Event], truth: dict[str, Any]) -> None:
    start, end = _incident(truth, "hotel-turns-sour")
    hotel = next(i for i in truth["incidents"] if i["kind"] == "customer")
    (key,) = hotel["match"]["keys"]
    own = [e for e in events if key == f"customer:{e['customer_id']}"]
    phases = [truth["events"][e["event_id"]]["phase"] for e in own]
    assert phases == ["baseline"] * 12 + ["sour"] * 14
    assert all(_at(e) < PERIOD[0] + timedelta(days=15) for e in own[:12])
    assert all(start <= _at(e) < end for e in own[12:])
    assert {e["segments"]["tier"] for e in own} == {"platinum"}
    assert len({e["channel"] for e in own[12:]}) >= 4


def test_personal_data_is_planted_where_the_truth_says(events: list[Event], truth: dict[str, Any]) -> None:
    planted = 0
    for event in events:
        words = _words(event)
        literals = truth["events"][event["event_id"]]["personal_data"]
        planted += bool(literals)
        assert [x for x in literals if x not in words] == [], event["event_id"]
        found = [m.group() for m in PERSONAL.finditer(words)]
        missed = [f for f in found if not any(f in x for x in literals)]
        assert missed == [], f"{event['event_id']} holds personal data that ground_truth.json does not name"
    assert 0.05 <= planted / len(events) <= 0.10


def test_an_id_that_stands_twice_is_refused_with_its_place(tmp_path: Path) -> None:
    line = json.dumps({"id": "r-0001"}) + "\n"
    (tmp_path / "a.jsonl").write_text(line + line, encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.jsonl:2: id 'r-0001'"):
        _load_build().read_verbatims(tmp_path)
