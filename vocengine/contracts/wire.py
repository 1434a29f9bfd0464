"""Bytes ↔ messages: strict on what comes in from outside, exact on what vocengine itself writes."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError

from vocengine.contracts.alert import Alert
from vocengine.contracts.case import Case
from vocengine.contracts.dead_letter import DeadLetter, Rejected
from vocengine.contracts.enriched import Enriched
from vocengine.contracts.feedback import SCHEMA_VERSION, Feedback
from vocengine.contracts.mention import Mention

_ENRICHED = TypeAdapter(Enriched)
_MENTION = TypeAdapter(Mention)
_ALERT = TypeAdapter(Alert)
_CASE = TypeAdapter(Case)
_DEAD_LETTER = TypeAdapter(DeadLetter)

_SHOWN_VALUE_CHARS = 80
_T = TypeVar("_T")


def encode(message: Any) -> bytes:
    """JSON bytes (UTF-8, RFC 3339 times in UTC with Z) of any message of this package."""
    if isinstance(message, BaseModel):
        return _dumps(message.model_dump(exclude_none=True))
    if not is_dataclass(message):
        raise TypeError(f"not a message: {type(message).__name__}")
    return _dumps(message)


def _dumps(message: Any) -> bytes:
    try:
        return orjson.dumps(message, option=orjson.OPT_UTC_Z)
    except TypeError:
        # Lone surrogates and integers over 64 bits are valid in Python's JSON only; the slow road keeps them.
        plain = message.model_dump() if isinstance(message, BaseModel) else message
        return json.dumps(plain, default=_plain, ensure_ascii=True).encode("ascii")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    raise TypeError(f"not a JSON value: {type(value).__name__}")


def decode_feedback(value: bytes | None) -> Feedback | Rejected:
    """A record of `voc.feedback` as Feedback, or why it is refused; never raises on any bytes."""
    document = _json_object(value)
    if isinstance(document, Rejected):
        return document
    version = document.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION or isinstance(version, bool):
        return Rejected(
            "unsupported_schema_version",
            f"schema_version is {_shown(version)}; this engine reads version {SCHEMA_VERSION}",
            "schema_version",
        )
    try:
        return Feedback.model_validate(document)
    except ValidationError as error:
        return _first_fault(error)
    except RecursionError:
        return Rejected("invalid_json", "the record is nested too deeply; the contract needs three levels")


def decode_enriched(value: bytes | None) -> Enriched | Rejected:
    """A record of `voc.enriched`, or why it is refused."""
    return _decode(_ENRICHED, value)


def decode_mention(value: bytes | None) -> Mention | Rejected:
    """A record of `voc.mentions`, or why it is refused."""
    return _decode(_MENTION, value)


def decode_alert(value: bytes | None) -> Alert | Rejected:
    """A record of `voc.alerts`, or why it is refused."""
    return _decode(_ALERT, value)


def decode_case(value: bytes | None) -> Case | Rejected:
    """A record of `voc.cases`, or why it is refused."""
    return _decode(_CASE, value)


def decode_dead_letter(value: bytes | None) -> DeadLetter | Rejected:
    """A record of `voc.dead-letter`, or why it is refused."""
    return _decode(_DEAD_LETTER, value)


def _decode(adapter: TypeAdapter[_T], value: bytes | None) -> _T | Rejected:
    if not value:
        return Rejected("empty_record", "the record has no value; a JSON object is expected")
    try:
        return adapter.validate_json(value)
    except ValidationError as error:
        return _first_fault(error)


def _json_object(value: bytes | None) -> dict[str, Any] | Rejected:
    if value is None:
        return Rejected("tombstone", "the record is a tombstone (no value); feedback is erased by customer, not by key")
    if not value.strip():
        return Rejected("empty_record", f"the record has {len(value)} bytes and no content; a JSON object is expected")
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as fault:
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError as error:
            found = value[error.start]
            return Rejected("not_utf8", f"byte {error.start} (0x{found:02x}) is not UTF-8; send JSON in UTF-8")
        try:
            # The standard parser takes lone surrogates ("\\ud800"), which no UTF-8 can carry on: U+FFFD instead.
            document = _without_lone_surrogates(json.loads(text, parse_constant=_no_constant))
        except (ValueError, RecursionError):
            return Rejected("invalid_json", f"not valid JSON: {fault}")
    if not isinstance(document, dict):
        return Rejected("invalid_json", f"the record is a JSON {_json_type(document)}; an object is expected")
    return document


def _without_lone_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_lone_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_lone_surrogates(k): _without_lone_surrogates(v) for k, v in value.items()}
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _first_fault(error: ValidationError) -> Rejected:
    """One sentence about the first fault; the others usually follow from it."""
    fault = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in fault["loc"]) or None
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "json_invalid":
        return Rejected("invalid_json", f"not valid JSON: {message}")
    if field is None:
        code = "no_text" if "nothing that" in message or "neither text" in message else "invalid_record"
        return Rejected(code, message[:1].lower() + message[1:])
    if fault["type"] == "missing":
        return Rejected("missing_field", f"{field} is missing; it is required", field)
    code = "text_too_long" if fault["type"] == "string_too_long" and field == "text" else "invalid_field"
    if fault["type"] == "timezone_aware":
        message = "has no zone: write 2026-03-01T12:30:00Z or with an offset such as +01:00"
    return Rejected(code, f"{field} is {_shown(fault.get('input'))}: {message[:1].lower() + message[1:]}", field)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_VALUE_CHARS else f"{text[:_SHOWN_VALUE_CHARS]}… ({len(text)} characters)"


def _json_type(value: object) -> str:
    names = {
        list: "array",
        str: "string",
        int: "number",
        float: "number",
        bool: "boolean",
        type(None): "null",
    }
    return names.get(type(value), type(value).__name__)
