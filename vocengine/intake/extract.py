"""Rules of a mapping compiled to plain functions, record → value, so that a row costs microseconds."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from vocengine.intake.faults import RowFault, shown
from vocengine.intake.rules import PLACEHOLDER, RatingRule, RoleRule, Rule, TurnsRule, parse_path, plain_key
from vocengine.intake.times import compile_time, rfc3339

Record = Mapping[str, Any]
Extract = Callable[[Record], Any]

_TRUE = frozenset({"true", "yes", "y", "1"})
_FALSE = frozenset({"false", "no", "n", "0"})


class Compiler:
    """Turns rules into functions; holds what they share: values that mean nothing, and the salt."""

    def __init__(self, *, null_values: tuple[str, ...] = (), salt: str | None = None) -> None:
        self._nulls = frozenset(null_values)
        self._salt = (salt or "").encode()

    def path(self, path: str) -> Extract:
        """The value at a path, or None. A name that the record has as it stands goes before its steps."""
        steps = parse_path(path)
        if len(steps) == 1 and steps[0] == path:
            return lambda record: record.get(path)

        def walk(record: Record) -> Any:
            if path in record:
                return record[path]
            value: Any = record
            for step in steps:
                if isinstance(step, str):
                    if not isinstance(value, Mapping):
                        return None
                    value = value.get(step)
                else:
                    if not isinstance(value, list) or not -len(value) <= step < len(value):
                        return None
                    value = value[step]
            return value

        return walk

    def is_empty(self, value: Any) -> bool:
        """Whether a value says nothing: absent, blank, not a number, or one of the mapping's `null_values`."""
        if value is None:
            return True
        if isinstance(value, str):
            return not value or value.isspace() or value in self._nulls
        return (isinstance(value, float) and math.isnan(value)) or value in ([], {})

    def rule(self, rule: Rule, field: str, *, cast: str | None = None) -> Extract:
        """The value that a rule gives, or None; `cast` is the type that the field asks for."""
        source = self._source(rule)
        table, default, prefix = rule.map, rule.default, rule.prefix
        has_otherwise = "otherwise" in rule.model_fields_set
        convert = _cast(rule.cast or cast, field)
        is_empty = self.is_empty

        def extract(record: Record) -> Any:
            value = source(record)
            if is_empty(value):
                if default is None:
                    return None
                value = default
            elif table is not None:
                value = table.get(plain_key(value), rule.otherwise if has_otherwise else value)
                if is_empty(value):
                    if default is None:
                        return None
                    value = default
            if convert is not None:
                value = convert(value)
            if rule.hash:
                value = self._hashed(value)
            return f"{prefix}{value}" if prefix else value

        return extract

    def role(self, rule: RoleRule, field: str) -> Extract:
        """Who speaks in a turn."""
        if rule.present is None:
            return self.rule(rule, field, cast="str")
        places = tuple((self.path(path), role) for path, role in rule.present.items())

        def extract(turn: Record) -> Any:
            for place, role in places:
                if not self.is_empty(place(turn)):
                    return role
            return rule.otherwise

        return extract

    def rating(self, rule: RatingRule, field: str) -> Extract:
        """A rating with its scale."""
        value_of = self.rule(rule, field, cast="float")
        low, high = rule.min, rule.max

        def extract(record: Record) -> Any:
            value = value_of(record)
            return None if value is None else {"value": value, "min": low, "max": high}

        return extract

    def turns(self, rule: TurnsRule) -> Extract:
        """The turns of a conversation that say something, as the contract writes them."""
        turns_at = self.path(rule.path)
        role_of = self.role(rule.role, "turns.role")
        text_of = self.rule(rule.text, "turns.text", cast="str")
        at_of = self.rule(rule.at, "turns.at") if rule.at is not None else None
        as_time = compile_time(rule.at, "turns.at") if rule.at is not None else None

        def extract(record: Record) -> Any:
            found = turns_at(record)
            if found is None:
                return None
            if not isinstance(found, list):
                raise RowFault(f"turns at {rule.path} is {shown(found)}: a list is expected", field="turns")
            turns = []
            for number, turn in enumerate(found):
                if not isinstance(turn, Mapping):
                    raise RowFault(f"turns.{number} is {shown(turn)}: an object is expected", field=f"turns.{number}")
                text = text_of(turn)
                if text is None:
                    continue
                made: dict[str, Any] = {"role": role_of(turn), "text": text}
                at = at_of(turn) if at_of is not None else None
                if at is not None and as_time is not None:
                    made["at"] = as_time(at)
                turns.append(made)
            return turns

        return extract

    def kept(self, rule: Rule, field: str) -> Extract:
        """A value for `attributes`, in types that JSON has."""
        value_of = self.rule(rule, field)
        return lambda record: _json_value(value_of(record))

    def _source(self, rule: Rule) -> Extract:
        if rule.path is not None:
            return self.path(rule.path)
        if rule.template is not None:
            return self._template(rule.template)
        if rule.first_of is not None:
            places = tuple(self.path(path) for path in rule.first_of)
            return lambda record: next((v for place in places if not self.is_empty(v := place(record))), None)
        if rule.join is not None:
            return self._join(tuple(self.path(path) for path in rule.join), rule.separator)
        constant = rule.constant
        return lambda record: constant

    def _template(self, template: str) -> Extract:
        parts: list[str | Extract] = []
        place = 0
        for found in PLACEHOLDER.finditer(template):
            parts.append(template[place : found.start()])
            parts.append(self.path(found[1]) if found[1] is not None else found[0][0])
            place = found.end()
        parts.append(template[place:])

        def extract(record: Record) -> Any:
            written, anything = [], False
            for part in parts:
                if isinstance(part, str):
                    written.append(part)
                elif not self.is_empty(value := part(record)):
                    written.append(_as_text(value))
                    anything = True
            return "".join(written).strip() if anything else None

        return extract

    def _join(self, places: tuple[Extract, ...], separator: str) -> Extract:
        def extract(record: Record) -> Any:
            values = [place(record) for place in places]
            # A key with a part missing could be another row's key.
            if any(self.is_empty(value) for value in values):
                return None
            return separator.join(_as_text(value) for value in values)

        return extract

    def _hashed(self, value: Any) -> str:
        named = _as_text(value).encode("utf-8", "surrogatepass")
        return "h-" + hashlib.sha256(self._salt + b"\x00" + named).hexdigest()[:16]


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime) and value.tzinfo is not None:
        return rfc3339(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        # Spreadsheets and data frames make 12345.0 of the identifier 12345.
        return str(int(value))
    return str(value)


def _cast(kind: str | None, field: str) -> Callable[[Any], Any] | None:
    if kind is None:
        return None

    def fault(value: Any, wanted: str) -> RowFault:
        return RowFault(f"{field} is {shown(value)}: {wanted} is expected", field=field)

    def to_text(value: Any) -> str:
        if isinstance(value, dict | list):
            raise fault(value, "text or a number")
        return _as_text(value)

    def to_float(value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise fault(value, "a number with a decimal point, such as 4.5,") from None
        if not math.isfinite(number):
            raise fault(value, "a finite number")
        return number

    def to_int(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str):
            try:
                return int(value)
            except ValueError:
                pass
        number = to_float(value)
        if not number.is_integer():
            raise fault(value, "a whole number")
        return int(number)

    def to_bool(value: Any) -> bool:
        word = _as_text(value).strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise fault(value, "true or false (also yes/no, 1/0)")

    return {"str": to_text, "float": to_float, "int": to_int, "bool": to_bool}[kind]


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return _as_text(value)
    if isinstance(value, dict):
        return {str(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json_value(item) for item in value]
    return value
