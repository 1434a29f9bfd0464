"""Rows → Feedback, by a mapping: each row becomes an event, a reason to skip it, or a reason to refuse it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from pydantic import ValidationError

from vocengine.contracts import Feedback, Rejected, decode_feedback
from vocengine.errors import MappingError
from vocengine.intake.extract import Compiler, Extract
from vocengine.intake.faults import RowFault
from vocengine.intake.mapping import Fields, Mapping
from vocengine.intake.readers import Row
from vocengine.intake.rules import TimeRule, parse_path
from vocengine.intake.times import compile_time, rfc3339

_CASTS = {"nps": "int", "csat": "float", "ces": "float"}


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that is right but not wanted, with the reason."""

    reason: str


Outcome = Feedback | Rejected | Skipped


class Translator:
    """A mapping made ready: `translate` is pure and never raises on any row."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self._compiler = Compiler(null_values=mapping.null_values, salt=mapping.salt_value())
        fields = mapping.fields
        self._extracts: tuple[tuple[str, Extract], ...] = ()
        self._groups: tuple[tuple[str, tuple[tuple[str, Extract], ...]], ...] = ()
        self._unseen: dict[str, Extract] = {}
        if fields is not None:
            if any(rule.hash for _, rule in fields.rules()) and not mapping.salt_value():
                raise MappingError(f"mapping {mapping.name}: a field is hashed but salt and salt_env give no salt")
            self._extracts = tuple(self._compile(fields))
            self._groups = tuple(
                (group, tuple((name, self._member(group, name, rule)) for name, rule in rules.items()))
                for group, rules in (("segments", fields.segments), ("attributes", fields.attributes))
                if rules
            )
            self._unseen = {path: self._compiler.path(path) for path in sorted(read_paths(fields))}
        self._time_of_row = self._compile_time(fields.occurred_at) if fields is not None else None

    def translate(self, row: Row) -> Outcome:
        """The event of a row, or why there is none."""
        if row.fault is not None:
            return row.fault
        if self.mapping.passthrough:
            return decode_feedback(row.raw())
        try:
            document = {name: value for name, of in self._extracts if (value := of(row.record)) is not None}
            for group, members in self._groups:
                document[group] = {name: v for name, of in members if (v := of(row.record)) is not None}
            if (skipped := self._skipped(document)) is not None:
                return skipped
            if self._time_of_row is not None and (at := self._time_of_row(row)) is not None:
                document["occurred_at"] = at
        except RowFault as fault:
            return fault.rejected
        return _validated(document)

    def observe(self, row: Row) -> None:
        """Note which paths of the mapping this row has, for `never_found`."""
        if self._unseen and row.fault is None:
            for path in [path for path, of in self._unseen.items() if of(row.record) is not None]:
                del self._unseen[path]

    @property
    def never_found(self) -> tuple[str, ...]:
        """Paths that no observed row had: a field that is not there, or a path that is mistyped."""
        return tuple(self._unseen)

    def _skipped(self, document: Any) -> Skipped | None:
        for name in self.mapping.skip_if_empty:
            if self._compiler.is_empty(document.get(name)):
                return Skipped(f"{name} is empty")
        return None

    def _compile(self, fields: Fields) -> list[tuple[str, Extract]]:
        compiled: list[tuple[str, Extract]] = []
        for name, rule in fields.rules():
            if "." in name or name == "occurred_at":
                continue
            if name == "rating" and fields.rating is not None:
                compiled.append((name, self._compiler.rating(fields.rating, name)))
            else:
                compiled.append((name, self._compiler.rule(rule, name, cast=_CASTS.get(name, "str"))))
        if fields.turns is not None:
            compiled.append(("turns", self._compiler.turns(fields.turns)))
        return compiled

    def _member(self, group: str, name: str, rule: Any) -> Extract:
        if group == "segments":
            return self._compiler.rule(rule, f"segments.{name}", cast="str")
        return self._compiler.kept(rule, f"attributes.{name}")

    def _compile_time(self, rule: TimeRule) -> Callable[[Row], str | None]:
        if rule.spread is not None:
            start, step_s = rule.spread.start, rule.spread.step_s
            return lambda row: rfc3339(start + timedelta(seconds=(row.number - 1) * step_s))
        value_of = self._compiler.rule(rule, "occurred_at")
        as_time = compile_time(rule, "occurred_at")

        def extract(row: Row) -> str | None:
            value = value_of(row.record)
            return None if value is None else as_time(value)

        return extract


def read_paths(fields: Fields, *, required_only: bool = False) -> dict[str, tuple[str, ...]]:
    """Paths that the rules read at the record, each with its alternatives (`first_of`) or itself alone."""
    found: dict[str, tuple[str, ...]] = {}
    for _, rule in fields.rules():
        if required_only and rule.optional:
            continue
        for path in rule.paths():
            found[path] = rule.first_of or (path,)
    if fields.turns is not None:
        found[fields.turns.path] = (fields.turns.path,)
    return found


def missing_columns(fields: Fields, columns: tuple[str, ...]) -> list[str]:
    """Paths that a mapping needs and a file with these columns cannot give, sorted."""
    there = set(columns)

    def has(path: str) -> bool:
        return path in there or parse_path(path)[0] in there

    needed = read_paths(fields, required_only=True)
    return sorted(path for path, either in needed.items() if not any(has(option) for option in either))


def _validated(document: dict[str, Any]) -> Feedback | Rejected:
    try:
        return Feedback.model_validate(document)
    except ValidationError:
        # The wire's own road, slower, names the fault in a sentence and mends lone surrogates.
        return decode_feedback(_json(document))


def _json(document: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(document, default=str)
    except TypeError:
        return json.dumps(document, default=str).encode("ascii")
