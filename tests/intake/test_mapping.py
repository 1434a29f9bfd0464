"""A mapping that is wrong says where, what was found and what would be right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vocengine.errors import MappingError
from vocengine.intake import Mapping, load_mapping, shipped_mappings
from vocengine.intake.mapping import CsvOptions, Fields, mapping_from
from vocengine.intake.rules import TIME_PRESETS, RatingRule, RoleRule, Rule, Spread, TimeRule, TurnsRule

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "mappings.md"
FIELDS: dict[str, Any] = {
    "source": {"constant": "shop"},
    "channel": {"constant": "review"},
    "occurred_at": "at",
    "text": "text",
}
TURNS: dict[str, Any] = {"path": "log", "role": {"constant": "customer"}, "text": "said"}


def fields(**changes: Any) -> dict[str, Any]:
    merged = {**FIELDS, **changes}
    return {"fields": {name: rule for name, rule in merged.items() if rule is not None}}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"feilds": {}}, ["unknown key 'feilds'", "did you mean 'fields'"]),
        ({}, ["fields", "passthrough"]),
        ({"passthrough": True, **fields()}, ["fields", "passthrough"]),
        ({"passthrough": True, "skip_if_empty": ["text"]}, ["skip_if_empty", "passthrough"]),
        (fields(source=None), ["fields.source", "missing"]),
        (fields(text=None), ["text nor turns"]),
        (fields(channel={"constant": "pigeon"}), ["'pigeon'", "review, survey"]),
        (fields(moment="at"), ["fields", "unknown key 'moment'"]),
        (fields(nps={"path": "n", "cats": "int"}), ["fields.nps", "'cats'", "did you mean 'cast'"]),
        (fields(nps={"path": "n", "cast": "integer"}), ["fields.nps.cast", "'integer'", "'int'"]),
        (fields(nps=9), ["fields.nps", "9", "constant"]),
        (fields(nps={}), ["fields.nps", "none is given", "path, first_of"]),
        (fields(nps={"path": "a", "constant": 1}), ["fields.nps", "path and constant"]),
        (fields(nps={"path": "a..b"}), ["fields.nps", "'a..b'", "empty step"]),
        (fields(nps={"path": "a", "otherwise": 1}), ["otherwise", "map"]),
        (fields(nps={"path": "a", "separator": "/"}), ["separator", "join"]),
        (fields(title={"template": "no braces"}), ["'no braces'", "constant"]),
        (fields(title={"template": "{a..b}"}), ["'a..b'"]),
        (fields(occurred_at={"path": "at", "zone": "Mars/Base"}), ["occurred_at.zone", "'Mars/Base'", "Europe/Berlin"]),
        (fields(occurred_at={"path": "at", "formats": "DD.MM.YYYY"}), ["'DD.MM.YYYY'", "strptime", "day_first"]),
        (fields(occurred_at={"path": "at", "formats": "%d.%Q"}), ["'%d.%Q'"]),
        (fields(occurred_at={"path": "at", "formats": []}), ["formats", "is empty"]),
        (fields(occurred_at={"spread": {"start": "2024-01-01", "step_s": 1}}), ["spread.start", "2024-01-01"]),
        (fields(occurred_at={"spread": {"start": "2024-01-01T00:00:00Z", "step_s": 0}}), ["step_s", "0"]),
        (fields(rating={"path": "r", "min": 5, "max": 1}), ["fields.rating", "min 5", "max 1"]),
        (fields(customer_id={"path": "n", "hash": True}), ["customer_id", "salt"]),
        ({**fields(customer_id={"path": "n", "hash": True}), "salt_env": "NO_SUCH_SALT"}, ["NO_SUCH_SALT"]),
        ({**fields(), "skip_if_empty": ["txet"]}, ["skip_if_empty", "'txet'", "text"]),
        ({**fields(), "skip_if_empty": ["title"]}, ["skip_if_empty", "title"]),
        ({**fields(), "order_by": "event_id"}, ["order_by", "'event_id'", "occurred_at"]),
        ({**fields(), "format": "xlsx"}, ["format", "'xlsx'", "parquet"]),
        ({**fields(), "csv": {"delimiter": "||"}}, ["csv.delimiter", "'||'", "1 character"]),
        ({**fields(), "csv": {"encoding": "ebcdic"}}, ["csv.encoding", "'ebcdic'", "latin-1"]),
        (fields(turns={**TURNS, "path": ""}), ["turns.path", "''"]),
        (fields(turns={**TURNS, "role": {"present": {"c": "client"}}}), ["present.c", "'client'", "customer"]),
        (fields(turns={**TURNS, "at": {"spread": {"start": "2024-01-01T00:00:00Z", "step_s": 1}}}), ["spread"]),
        (fields(attributes=["a.b", "c.b"]), ["attributes", "'a.b'", "'c.b'"]),
        (fields(attributes=[7]), ["attributes", "7"]),
    ],
)
def test_a_wrong_mapping_names_the_key_the_value_and_what_would_be_right(
    document: dict[str, Any], says: list[str]
) -> None:
    with pytest.raises(MappingError) as error:
        mapping_from({"name": "mine", **document})
    message = str(error.value)
    assert message.startswith("mapping mine: ")
    assert [part for part in says if part not in message] == [], message


@pytest.mark.parametrize(
    ("content", "says"), [("fields: [", "not valid YAML"), ("- a", "holds a list"), ("", "holds a NoneType")]
)
def test_a_file_that_is_no_mapping_is_named(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(MappingError, match=says) as error:
        load_mapping(path)
    assert str(path) in str(error.value)


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(MappingError, match=r"'airlines'.*airline_tweets.*nps_survey"):
        load_mapping("airlines")


def test_a_path_that_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="is not a file"):
        load_mapping(tmp_path / "none.yaml")


@pytest.mark.parametrize("name", shipped_mappings())
def test_every_shipped_mapping_loads_and_describes_itself(name: str) -> None:
    mapping = load_mapping(name)
    assert mapping.name == name and mapping.description


def test_the_shipped_mappings_are_in_the_reference() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    assert [name for name in shipped_mappings() if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    "model", [Mapping, CsvOptions, Fields, Rule, RatingRule, TimeRule, Spread, RoleRule, TurnsRule]
)
def test_every_key_is_in_the_reference(model: Any) -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    assert [key for key in model.model_fields if f"`{key}`" not in text] == []


def test_every_time_preset_is_in_the_reference() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    assert [preset for preset in TIME_PRESETS if f"`{preset}`" not in text] == []


def test_the_whole_example_of_the_reference_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOCENGINE_SALT", "secret")
    path = tmp_path / "example.yaml"
    path.write_text(REFERENCE.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    assert load_mapping(path).csv.encoding == "cp1252"


def test_the_digest_changes_with_the_rules_and_the_salt_and_not_with_the_description() -> None:
    one, described, other, salted = (
        mapping_from({**fields(**changes), **keys}).digest()
        for changes, keys in [
            ({}, {}),
            ({}, {"description": "hm"}),
            ({"title": "t"}, {}),
            ({}, {"salt": "s"}),
        ]
    )
    assert one == described and len({one, other, salted}) == 3
