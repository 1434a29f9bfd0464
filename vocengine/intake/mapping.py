"""Source mappings: a YAML file that says how the records of a file become Feedback."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from vocengine.contracts import CHANNELS
from vocengine.errors import MappingError, SettingsError
from vocengine.intake.rules import (
    AnyRatingRule,
    AnyRule,
    AnyTimeRule,
    Part,
    Rule,
    TurnsRule,
    parse_path,
)
from vocengine.paths import resource

Format = Literal["csv", "jsonl", "json", "parquet"]
_SHOWN_VALUE_CHARS = 80


def _named_by_path(value: object) -> object:
    """`attributes: [a.b, c]` is short for `{b: a.b, c: c}`."""
    if not isinstance(value, list):
        return value
    named: dict[str, str] = {}
    for path in value:
        if not isinstance(path, str):
            raise ValueError(f"holds {path!r}; a list names paths, a mapping (name: rule) names anything else")
        name = next((step for step in reversed(parse_path(path)) if isinstance(step, str)), path)
        if name in named:
            raise ValueError(f"{named[name]!r} and {path!r} would both be called {name!r}: name them (name: path)")
        named[name] = path
    return named


Rules = Annotated[dict[str, AnyRule], BeforeValidator(_named_by_path)]


class CsvOptions(Part):
    """How a CSV file is written; what is left out is found out or usual."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    encoding: Literal["utf-8", "utf-8-sig", "latin-1", "cp1252"] = "utf-8"
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    escape: Annotated[str, Field(min_length=1, max_length=1)] | None = None


class Fields(Part):
    """The fields of Feedback, each with the rule that fills it."""

    event_id: AnyRule | None = None
    source: AnyRule
    channel: AnyRule
    occurred_at: AnyTimeRule
    text: AnyRule | None = None
    turns: TurnsRule | None = None
    title: AnyRule | None = None
    customer_id: AnyRule | None = None
    account_id: AnyRule | None = None
    language: AnyRule | None = None
    rating: AnyRatingRule | None = None
    nps: AnyRule | None = None
    csat: AnyRule | None = None
    ces: AnyRule | None = None
    product: AnyRule | None = None
    journey_stage: AnyRule | None = None
    segments: Rules = Field(default_factory=dict)
    url: AnyRule | None = None
    attributes: Rules = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_something(self) -> Fields:
        if self.text is None and self.turns is None:
            raise ValueError("neither text nor turns is mapped; one of them must hold what the customer said")
        channel = self.channel.constant
        if channel is not None and channel not in CHANNELS:
            raise ValueError(f"channel.constant is {channel!r}; the channels are {', '.join(CHANNELS)}")
        return self

    def rules(self) -> Iterator[tuple[str, Rule]]:
        """Every rule that starts at the record, by its name in the mapping (turns start at a turn)."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Rule):
                yield name, value
            elif isinstance(value, dict):
                yield from ((f"{name}.{key}", rule) for key, rule in value.items())


class Mapping(Part):
    """How the records of one kind of file become Feedback."""

    name: str = "unnamed"
    description: str = ""
    format: Format | None = None
    csv: CsvOptions = CsvOptions()
    null_values: tuple[str, ...] = ()
    salt: str | None = None
    salt_env: str | None = None
    skip_if_empty: tuple[str, ...] = ()
    order_by: Literal["occurred_at"] | None = None
    passthrough: bool = False
    fields: Fields | None = None

    @field_validator("skip_if_empty")
    @classmethod
    def _known_fields(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in Fields.model_fields:
                raise ValueError(f"{name!r} is no field of Feedback; the fields are {', '.join(Fields.model_fields)}")
        return names

    @model_validator(mode="after")
    def _whole(self) -> Mapping:
        if self.passthrough == (self.fields is not None):
            raise ValueError("give either fields, or passthrough: true for records that are Feedback already")
        if self.passthrough and self.skip_if_empty:
            raise ValueError("skip_if_empty belongs to fields; with passthrough the contract itself decides")
        if self.fields is not None:
            for name in self.skip_if_empty:
                if getattr(self.fields, name) in (None, {}):
                    raise ValueError(f"skip_if_empty names {name}, which fields does not map: all would be skipped")
            hashed = [name for name, rule in self.fields.rules() if rule.hash]
            if hashed and not self.salt_value():
                raise ValueError(f"{hashed[0]} is hashed but there is no salt: {self._salt_hint()}")
        return self

    def _salt_hint(self) -> str:
        if self.salt_env:
            return f"set the environment variable {self.salt_env}, or give salt"
        return "give salt, or salt_env (the name of an environment variable that holds it)"

    def salt_value(self) -> str | None:
        """The salt in force: of the environment variable where that is set, else of the mapping."""
        return (os.environ.get(self.salt_env) if self.salt_env else None) or self.salt

    def digest(self) -> str:
        """16 hex digits that change when what the mapping does may change (the salt in force included)."""
        shown = self.model_dump_json(exclude={"description"}) + (self.salt_value() or "")
        return hashlib.sha256(shown.encode()).hexdigest()[:16]


def shipped_mappings() -> tuple[str, ...]:
    """Names of the mappings that come with vocengine, sorted."""
    return tuple(sorted(path.stem for path in resource("configs", "sources").glob("*.yaml")))


def load_mapping(name_or_path: str | Path) -> Mapping:
    """The mapping of that name in configs/sources, or of a YAML file.

    Raises MappingError naming the mapping, the key, the value and what would be right.
    """
    path = _mapping_path(name_or_path)
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise MappingError(f"mapping {path} is not valid YAML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"mapping {path} cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise MappingError(f"mapping {path} holds a {type(document).__name__}; keys such as fields are expected")
    return mapping_from({"name": path.stem, **document})


def mapping_from(document: dict[str, Any]) -> Mapping:
    """A mapping from its keys as YAML would give them. Raises MappingError as `load_mapping` does."""
    try:
        return Mapping.model_validate(document)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
    name = document.get("name", "unnamed")
    key = ".".join(str(part) for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "missing":
        raise MappingError(f"mapping {name}: {key} is missing; it is required")
    if fault["type"] == "value_error":
        # The sentence names the value where there is one; the input may be a whole section.
        raise MappingError(f"mapping {name}: {key + ': ' if key else ''}{message}")
    shown = repr(fault["input"])
    if len(shown) > _SHOWN_VALUE_CHARS:
        shown = shown[:_SHOWN_VALUE_CHARS] + "…"
    raise MappingError(f"mapping {name}: {key} is {shown}: {message[:1].lower()}{message[1:]}")


def _mapping_path(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise MappingError(f"mapping {path} is not a file")
        return path
    try:
        found = resource("configs", "sources") / f"{name_or_path}.yaml"
    except SettingsError as error:
        raise MappingError(str(error)) from None
    if not found.is_file():
        names = ", ".join(shipped_mappings())
        raise MappingError(
            f"no mapping named {str(name_or_path)!r}; there are {names}, or give the path of a YAML file"
        )
    return found
