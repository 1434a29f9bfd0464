"""The words of a mapping: how one field of Feedback is got from a record (pydantic models, no behaviour)."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

TIME_PRESETS = ("iso", "epoch_s", "epoch_ms", "excel_days", "day_first", "month_first")
PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_INDEXED = re.compile(r"^(.*?)((?:\[-?\d+\])*)$", re.DOTALL)
_SEGMENT = re.compile(r'"([^"]*)"((?:\[-?\d+\])*)(?:\.|$)|([^."]*)(?:\.|$)')


def parse_path(path: str) -> tuple[str | int, ...]:
    """Steps of a path: `a.b[0]."c.d"` → ("a", "b", 0, "c.d"). Raises ValueError saying what is wrong."""
    steps: list[str | int] = []
    place = 0
    while place < len(path):
        found = _SEGMENT.match(path, place)
        if found is None:
            raise ValueError(f"path {path!r} cannot be read at character {place}: quotes must enclose a whole name")
        quoted, indexes, bare = found.groups()
        if quoted is not None:
            steps.append(quoted)
        else:
            name, indexes = _INDEXED.match(bare).groups()  # type: ignore[union-attr]  # matches any string
            if not name.strip() and (steps == [] or not indexes):
                raise ValueError(_empty_step(path))
            if name:
                steps.append(name)
        steps.extend(int(index) for index in re.findall(r"-?\d+", indexes))
        place = found.end()
    if not steps or (path.endswith(".")):
        raise ValueError(_empty_step(path))
    return tuple(steps)


def _empty_step(path: str) -> str:
    return (
        f"path {path!r} has an empty step: write names joined by dots, such as author.name or items[0].text; "
        "a name that holds a dot goes in double quotes, such as '\"No.\"'"
    )


def placeholders(template: str) -> tuple[str, ...]:
    """Paths in braces of a template; `{{` and `}}` are braces."""
    return tuple(found[1] for found in PLACEHOLDER.finditer(template) if found[1] is not None)


class Part(BaseModel):
    """Base of every part of a mapping: an unknown key is an error that names the known ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: object) -> object:
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    near = difflib.get_close_matches(str(key), cls.model_fields, n=1)
                    hint = f"did you mean {near[0]!r}? " if near else ""
                    raise ValueError(f"unknown key {key!r}; {hint}The keys here are {', '.join(cls.model_fields)}")
        return data


def plain_key(key: object) -> str:
    """YAML and JSON have true and 1; a map is looked up by how a file would write them."""
    return str(key).lower() if isinstance(key, bool) else str(key)


def _plain_keys(value: object) -> object:
    return {plain_key(k): v for k, v in value.items()} if isinstance(value, dict) else value


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


ValueMap = Annotated[dict[str, Any], BeforeValidator(_plain_keys)]
Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_more)]
SOURCES = ("path", "first_of", "constant", "template", "join")


class Rule(Part):
    """How one value is got. Exactly one source, then in this order: map, default, cast, hash, prefix."""

    path: str | None = None
    first_of: Names | None = None
    constant: Any = None
    template: str | None = None
    join: Names | None = None
    separator: str = "-"
    optional: bool = False
    map: ValueMap | None = None
    otherwise: Any = None
    default: Any = None
    cast: Literal["int", "float", "str", "bool"] | None = None
    hash: bool = False
    prefix: str = ""

    @model_validator(mode="after")
    def _one_source(self) -> Rule:
        sources = self.sources()
        given = [name for name in sources if name in self.model_fields_set]
        if len(given) != 1:
            found = f"{' and '.join(given)} are given" if given else "none is given"
            raise ValueError(f"{found}; exactly one of {', '.join(sources)} says where the value comes from")
        if "separator" in self.model_fields_set and self.join is None:
            raise ValueError("separator is given without join, to which it belongs")
        if "otherwise" in self.model_fields_set and self.map is None and given != ["present"]:
            raise ValueError("otherwise is given without map, to which it belongs")
        for path in self.paths():
            parse_path(path)
        if self.template is not None and not placeholders(self.template):
            raise ValueError(f"template {self.template!r} has no path in braces; for a fixed value use constant")
        return self

    def sources(self) -> tuple[str, ...]:
        """Keys of which exactly one has to be given."""
        return SOURCES

    def paths(self) -> tuple[str, ...]:
        """Every path that the rule reads."""
        if self.path is not None:
            return (self.path,)
        if self.template is not None:
            return placeholders(self.template)
        return self.first_of or self.join or ()


class RatingRule(Rule):
    """A rating and the ends of its scale."""

    min: float = 1.0
    max: float = 5.0

    @model_validator(mode="after")
    def _scale(self) -> RatingRule:
        if not self.min < self.max:
            raise ValueError(f"min {self.min:g} must be below max {self.max:g}")
        return self


class Spread(Part):
    """Synthetic times for data without any: `start` + (row number − 1) × `step_s`."""

    start: AwareDatetime
    step_s: Annotated[float, Field(gt=0)]


class TimeRule(Rule):
    """A time: `formats` are tried in order (strptime, or a preset), `zone` is for values that name none."""

    formats: Names = ("iso",)
    zone: str | None = None
    spread: Spread | None = None

    @field_validator("formats")
    @classmethod
    def _readable(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        presets = ", ".join(TIME_PRESETS)
        if not formats:
            raise ValueError(f"is empty; give strptime formats such as '%d/%m/%Y %H:%M', or presets: {presets}")
        for form in formats:
            if form in TIME_PRESETS:
                continue
            if "%" not in form:
                raise ValueError(f"{form!r} is neither a strptime format such as '%d/%m/%Y' nor one of {presets}")
            try:
                datetime.strptime(datetime(2024, 1, 31, 12, 30, tzinfo=UTC).strftime(form), form)
            except ValueError as error:
                raise ValueError(f"{form!r} is not a strptime format: {error}") from None
        return formats

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None:
            try:
                ZoneInfo(zone)
            except (ValueError, OSError, KeyError):
                raise ValueError(f"{zone!r} is no time zone; write UTC or a name such as Europe/Berlin") from None
        return zone

    def sources(self) -> tuple[str, ...]:
        return (*SOURCES, "spread")


class RoleRule(Rule):
    """Who speaks: a rule like any other, or `present`: the first of these keys that the turn has decides."""

    present: dict[str, Literal["customer", "agent", "bot"]] | None = None

    @model_validator(mode="after")
    def _present_paths(self) -> RoleRule:
        for path in self.present or ():
            parse_path(path)
        return self

    def sources(self) -> tuple[str, ...]:
        return (*SOURCES, "present")


def short_form(value: object) -> object:
    """A bare string is a path."""
    if isinstance(value, str):
        return {"path": value}
    if isinstance(value, int | float | list):
        raise ValueError(f"is {value!r}: write a path, or {{constant: …}} for a fixed value")
    return value


AnyRule = Annotated[Rule, BeforeValidator(short_form)]
AnyRatingRule = Annotated[RatingRule, BeforeValidator(short_form)]
AnyTimeRule = Annotated[TimeRule, BeforeValidator(short_form)]
AnyRoleRule = Annotated[RoleRule, BeforeValidator(short_form)]


class TurnsRule(Part):
    """A conversation: `path` leads to the list of turns; the other paths start at a turn."""

    path: str
    role: AnyRoleRule
    text: AnyRule
    at: AnyTimeRule | None = None

    @field_validator("path")
    @classmethod
    def _path(cls, path: str) -> str:
        parse_path(path)
        return path

    @model_validator(mode="after")
    def _no_spread(self) -> TurnsRule:
        if self.at is not None and self.at.spread is not None:
            raise ValueError("at: spread is for occurred_at only; leave at out where turns have no times")
        return self
