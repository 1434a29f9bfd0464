"""What each key of a mapping does to a value."""

from __future__ import annotations

from typing import Any

import pytest

from vocengine.contracts import Feedback, Rejected
from vocengine.intake import Row, Skipped, Translator
from vocengine.intake.mapping import mapping_from
from vocengine.intake.rules import parse_path

BASE: dict[str, Any] = {
    "event_id": "id",
    "source": {"constant": "shop"},
    "channel": {"constant": "review"},
    "occurred_at": "at",
    "text": "text",
}
RECORD: dict[str, Any] = {"id": "1", "at": "2026-03-01T12:30:00Z", "text": "It leaks."}


def outcome(fields: dict[str, Any], record: dict[str, Any], *, number: int = 1, **keys: Any) -> Any:
    mapping = mapping_from({"name": "test", **keys, "fields": {**BASE, **fields}})
    return Translator(mapping).translate(Row(number, {**RECORD, **record}))


def event(fields: dict[str, Any], record: dict[str, Any], **keys: Any) -> Feedback:
    found = outcome(fields, record, **keys)
    assert isinstance(found, Feedback), found
    return found


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("text", ("text",)),
        ("Review Text", ("Review Text",)),
        ("a.b.c", ("a", "b", "c")),
        ("a[0].b", ("a", 0, "b")),
        ("a[-1][2]", ("a", -1, 2)),
        ('"v1.0".text', ("v1.0", "text")),
        ('"No."[0]', ("No.", 0)),
        ("Q1 [comment]", ("Q1 [comment]",)),
    ],
)
def test_a_path_is_read_as_its_steps(path: str, steps: tuple[str | int, ...]) -> None:
    assert parse_path(path) == steps


@pytest.mark.parametrize("path", ["", " ", "a..b", ".a", "a.", "[0]", 'a"b', '"a'])
def test_a_path_that_cannot_be_read_is_an_error_that_shows_it(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        parse_path(path)


@pytest.mark.parametrize(
    ("rule", "record", "product"),
    [
        ("model", {"model": "Kettle"}, "Kettle"),
        ("model", {}, None),
        ("model", {"model": "  "}, None),
        ("model", {"model": 815}, "815"),
        ("model", {"model": 815.0}, "815"),
        ("model name", {"model name": "Kettle"}, "Kettle"),
        ("item.model", {"item": {"model": "Kettle"}}, "Kettle"),
        ("item.model", {"item.model": "flat", "item": {"model": "nested"}}, "flat"),
        ("item.model", {"item": "Kettle"}, None),
        ("items[1].model", {"items": [{"model": "a"}, {"model": "b"}]}, "b"),
        ("items[-1].model", {"items": [{"model": "a"}, {"model": "b"}]}, "b"),
        ("items[5].model", {"items": [{"model": "a"}]}, None),
        ({"first_of": ["a", "b"]}, {"a": "", "b": "second"}, "second"),
        ({"first_of": ["a", "b"]}, {"a": "first", "b": "second"}, "first"),
        ({"constant": "Kettle"}, {}, "Kettle"),
        ({"template": "{a} {b.c}"}, {"a": "Kettle", "b": {"c": 2}}, "Kettle 2"),
        ({"template": "{a} {b}"}, {"a": "Kettle"}, "Kettle"),
        ({"template": "{a} {b}"}, {}, None),
        ({"template": "{{{a}}}"}, {"a": "x"}, "{x}"),
        ({"join": ["a", "b"]}, {"a": "x", "b": 2}, "x-2"),
        ({"join": ["a", "b"], "separator": "/"}, {"a": "x", "b": 2}, "x/2"),
        ({"join": ["a", "b"]}, {"a": "x"}, None),
        ({"path": "m", "map": {"D": "Delta"}}, {"m": "D"}, "Delta"),
        ({"path": "m", "map": {"D": "Delta"}}, {"m": "U"}, "U"),
        ({"path": "m", "map": {"D": "Delta"}, "otherwise": "other"}, {"m": "U"}, "other"),
        ({"path": "m", "map": {"D": "Delta"}, "otherwise": None}, {"m": "U"}, None),
        ({"path": "m", "map": {1: "one"}}, {"m": 1}, "one"),
        ({"path": "m", "map": {1: "one"}}, {"m": "1"}, "one"),
        ({"path": "m", "map": {True: "on"}}, {"m": True}, "on"),
        ({"path": "m", "default": "none said"}, {"m": ""}, "none said"),
        ({"path": "m", "map": {"D": "Delta"}, "default": "x"}, {}, "x"),
        ({"path": "m", "prefix": "p-"}, {"m": "1"}, "p-1"),
        ({"path": "m", "prefix": "p-"}, {}, None),
    ],
)
def test_a_rule_gives_the_value(rule: object, record: dict[str, Any], product: str | None) -> None:
    assert event({"product": rule}, record).product == product


@pytest.mark.parametrize(
    ("cast", "value", "kept"),
    [
        (None, "7", "7"),
        (None, {"a": [1]}, {"a": [1]}),
        ("int", "7", 7),
        ("int", " 7 ", 7),
        ("int", "7.0", 7),
        ("int", 12345678901234567890, 12345678901234567890),
        ("float", "7", 7.0),
        ("str", 7, "7"),
        ("str", True, "true"),
        ("bool", "Yes", True),
        ("bool", 0, False),
    ],
)
def test_a_cast_gives_an_attribute_its_type(cast: str | None, value: Any, kept: Any) -> None:
    rule = {"path": "x", "cast": cast} if cast else {"path": "x"}
    found = event({"attributes": {"x": rule}}, {"x": value}).attributes["x"]
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("fields", "record", "field", "shown"),
    [
        ({"attributes": {"x": {"path": "x", "cast": "int"}}}, {"x": "many"}, "attributes.x", "'many'"),
        ({"attributes": {"x": {"path": "x", "cast": "int"}}}, {"x": "7.5"}, "attributes.x", "'7.5'"),
        ({"attributes": {"x": {"path": "x", "cast": "float"}}}, {"x": "inf"}, "attributes.x", "'inf'"),
        ({"attributes": {"x": {"path": "x", "cast": "bool"}}}, {"x": "perhaps"}, "attributes.x", "'perhaps'"),
        ({"product": "x"}, {"x": ["a"]}, "product", "['a']"),
        ({"nps": "x"}, {"x": "nine"}, "nps", "'nine'"),
        ({"nps": "x"}, {"x": "11"}, "nps", "11"),
        ({"rating": {"path": "x", "max": 5}}, {"x": "6"}, "rating", "6"),
        ({"channel": "x"}, {"x": "pigeon"}, "channel", "'pigeon'"),
        ({"source": "x"}, {}, "source", "missing"),
        ({}, {"at": ""}, "occurred_at", "missing"),
        ({}, {"at": "yesterday"}, "occurred_at", "'yesterday'"),
        ({}, {"at": "2026-03-01T12:30:00"}, "occurred_at", "no zone"),
        ({}, {"at": "1970-01-01T00:00:00Z"}, "occurred_at", "1970"),
    ],
)
def test_a_value_that_does_not_fit_refuses_the_row_naming_field_and_value(
    fields: dict[str, Any], record: dict[str, Any], field: str, shown: str
) -> None:
    found = outcome(fields, record)
    assert isinstance(found, Rejected)
    assert found.field == field and shown in found.message and field in found.message


@pytest.mark.parametrize(
    ("rule", "value", "utc"),
    [
        ({}, "2026-03-01T12:30:00+01:00", "2026-03-01T11:30:00"),
        ({"zone": "Europe/Berlin"}, "2026-07-01 12:30:00", "2026-07-01T10:30:00"),
        ({"zone": "UTC"}, "2026-03-01", "2026-03-01T00:00:00"),
        ({"formats": "%Y-%m-%d %H:%M:%S %z"}, "2015-02-24 11:35:52 -0800", "2015-02-24T19:35:52"),
        ({"formats": ["%d %b %Y", "iso"]}, "2026-03-01T12:30:00Z", "2026-03-01T12:30:00"),
        ({"formats": "%Y%m%d", "zone": "UTC"}, 20260301, "2026-03-01T00:00:00"),
        ({"formats": "day_first", "zone": "UTC"}, "03/04/2025", "2025-04-03T00:00:00"),
        ({"formats": "month_first", "zone": "UTC"}, "03/04/2025", "2025-03-04T00:00:00"),
        ({"formats": "day_first", "zone": "UTC"}, "31.12.24 14:05", "2024-12-31T14:05:00"),
        ({"formats": "day_first", "zone": "UTC"}, "31-12-2024 2:05 PM", "2024-12-31T14:05:00"),
        ({"formats": "epoch_s"}, 1425211800, "2015-03-01T12:10:00"),
        ({"formats": "epoch_ms"}, "1425211800123", "2015-03-01T12:10:00.123000"),
        ({"formats": "excel_days", "zone": "UTC"}, "45352.5", "2024-03-01T12:00:00"),
    ],
)
def test_a_time_is_read_by_its_formats_and_zone(rule: dict[str, Any], value: Any, utc: str) -> None:
    found = event({"occurred_at": {"path": "at", **rule}}, {"at": value}).occurred_at
    assert found.isoformat() == f"{utc}+00:00"


@pytest.mark.parametrize(("preset", "value"), [("day_first", "01/31/2025"), ("epoch_s", "soon"), ("epoch_s", True)])
def test_a_preset_does_not_guess(preset: str, value: Any) -> None:
    found = outcome({"occurred_at": {"path": "at", "formats": preset, "zone": "UTC"}}, {"at": value})
    assert isinstance(found, Rejected) and preset in found.message


def test_spread_gives_each_row_number_a_time_of_its_own() -> None:
    rule = {"spread": {"start": "2024-01-01T00:00:00Z", "step_s": 90}}
    times = [event({"occurred_at": rule}, {}, number=n).occurred_at.isoformat() for n in (1, 2, 41)]
    assert times == ["2024-01-01T00:00:00+00:00", "2024-01-01T00:01:30+00:00", "2024-01-01T01:00:00+00:00"]


def test_a_hash_hides_the_name_keeps_the_person_and_depends_on_the_salt() -> None:
    rule = {"customer_id": {"path": "name", "hash": True}}
    ada, again, bob, salted = (
        event(rule, {"name": name}, salt=salt).customer_id
        for name, salt in [("ada", "s"), ("ada", "s"), ("bob", "s"), ("ada", "other")]
    )
    assert ada == again and len({ada, bob, salted}) == 3
    assert ada is not None and ada.startswith("h-") and len(ada) == 18 and "ada" not in ada


def test_a_salt_of_the_environment_goes_before_that_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = {"customer_id": {"path": "name", "hash": True}}
    keys = {"salt": "file", "salt_env": "TEST_SALT"}
    of_file = event(rule, {"name": "ada"}, **keys).customer_id
    monkeypatch.setenv("TEST_SALT", "environment")
    assert event(rule, {"name": "ada"}, **keys).customer_id != of_file
    assert event(rule, {"name": "ada"}, salt="environment").customer_id == (
        event(rule, {"name": "ada"}, **keys).customer_id
    )


def test_a_rating_carries_its_scale() -> None:
    rating = event({"rating": {"path": "stars", "min": 0, "max": 10}}, {"stars": "8"}).rating
    assert rating is not None and (rating.value, rating.min, rating.max) == (8.0, 0.0, 10.0)


def test_scores_are_cast_to_their_own_types() -> None:
    found = event({"nps": "n", "csat": "c", "ces": "e"}, {"n": "9", "c": "4.5", "e": 3})
    assert (found.nps, found.csat, found.ces) == (9, 4.5, 3.0)


def test_segments_become_text_and_empty_ones_are_left_out() -> None:
    found = event({"segments": {"region": "r", "plan": "p"}}, {"r": 7, "p": ""})
    assert found.segments == {"region": "7"}


def test_a_list_of_attributes_is_named_by_the_last_step_and_nothing_else_is_kept() -> None:
    found = event({"attributes": ["a.b", "c d"]}, {"a": {"b": 1}, "c d": "x", "secret": "s"})
    assert found.attributes == {"b": 1, "c d": "x"}


def test_null_values_are_nothing() -> None:
    found = event({"product": {"path": "m", "default": "none"}}, {"m": "N/A"}, null_values=["N/A"])
    assert found.product == "none"


def test_a_row_is_skipped_with_the_reason_before_it_could_be_refused() -> None:
    found = outcome({}, {"text": " ", "at": "nonsense"}, skip_if_empty=["text"])
    assert found == Skipped("text is empty")
    assert isinstance(outcome({}, {"text": " "}), Rejected)


@pytest.mark.parametrize(
    ("role", "turn", "expected"),
    [
        ({"path": "by", "map": {"visitor": "customer"}, "otherwise": "agent"}, {"by": "visitor"}, "customer"),
        ({"path": "by", "map": {"visitor": "customer"}, "otherwise": "agent"}, {"by": "Ann"}, "agent"),
        ({"present": {"client": "customer"}, "otherwise": "agent"}, {"client": "x"}, "customer"),
        ({"present": {"client": "customer"}, "otherwise": "agent"}, {"agent": "x"}, "agent"),
        ({"present": {"client": "customer"}, "otherwise": "agent"}, {"client": ""}, "agent"),
        ({"present": {"bot": "bot", "client": "customer"}}, {"client": "x", "bot": "y"}, "bot"),
    ],
)
def test_a_turn_has_the_role_that_the_rule_says(role: dict[str, Any], turn: dict[str, str], expected: str) -> None:
    turns = {"path": "log", "role": role, "text": "said", "at": "when"}
    log = [{"client": "c", "by": "visitor", "said": "help"}, {**turn, "said": "hm", "when": "2026-03-01T12:30:00Z"}]
    found = event({"turns": turns, "text": {"constant": "x"}}, {"log": log}).turns[1]
    assert (found.role, found.text) == (expected, "hm")
    assert found.at is not None and found.at.isoformat() == "2026-03-01T12:30:00+00:00"


def test_turns_without_words_are_left_out() -> None:
    turns = {"path": "log", "role": {"constant": "customer"}, "text": "said"}
    log = [{"said": "help"}, {"said": ""}, {}]
    assert [t.text for t in event({"turns": turns}, {"log": log}).turns] == ["help"]


@pytest.mark.parametrize(("log", "field"), [("hello", "turns"), (["hello"], "turns.0")])
def test_turns_of_another_shape_refuse_the_row(log: Any, field: str) -> None:
    found = outcome({"turns": {"path": "log", "role": {"constant": "customer"}, "text": "said"}}, {"log": log})
    assert isinstance(found, Rejected) and found.field == field


def test_a_role_that_nothing_names_refuses_the_row() -> None:
    turns = {"path": "log", "role": {"present": {"client": "customer"}}, "text": "said"}
    found = outcome({"turns": turns}, {"log": [{"said": "hm"}]})
    assert isinstance(found, Rejected) and found.field == "turns.0.role"


def test_an_id_left_out_is_derived_and_stable() -> None:
    first, again = (event({"event_id": "none"}, {}).event_id for _ in range(2))
    assert first == again != event({"event_id": "none"}, {"text": "Fine."}).event_id
