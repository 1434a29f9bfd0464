"""Feedback: one thing that a customer said, as it arrives on `voc.feedback`."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

SCHEMA_VERSION = 1
MAX_TEXT_CHARS = 1_000_000
# A customer's words from before this day are the default of an empty date field, not feedback.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# Clocks of sending systems run ahead a little; a day covers a forgotten zone, not a wrong year.
MAX_AHEAD = timedelta(days=1)

Channel = Literal["review", "survey", "chat", "social", "email", "ticket", "call"]
CHANNELS: tuple[str, ...] = get_args(Channel)
Role = Literal["customer", "agent", "bot"]


def _time_of_a_time(value: object) -> object:
    # Numbers would be taken as epoch seconds or milliseconds by guesswork; the contract says RFC 3339.
    if isinstance(value, int | float):
        raise ValueError("must be an RFC 3339 time with a zone, such as 2026-03-01T12:30:00Z, not a number")
    return value


def _plausible(value: datetime) -> datetime:
    value = value.astimezone(UTC)
    if value < EARLIEST:
        raise ValueError(f"lies before {EARLIEST.date()}: it looks like an empty date field")
    if value > datetime.now(UTC) + MAX_AHEAD:
        raise ValueError("lies in the future by more than a day: check the clock or the zone of the source")
    return value


Time = Annotated[AwareDatetime, BeforeValidator(_time_of_a_time), AfterValidator(_plausible)]
# Control characters in a key would not survive a database, a log line or a URL.
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
Short = Annotated[str, StringConstraints(max_length=512)]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT_CHARS)]


class _Strict(BaseModel):
    # JSON has types of its own: "7" is not a score. Dates stay strings in JSON, so they alone are parsed.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, str_strip_whitespace=False)


class Turn(_Strict):
    """One turn of a conversation; only those of the customer are scored, the others are context."""

    role: Role
    text: Text
    at: Annotated[Time | None, Field(strict=False)] = None


class Rating(_Strict):
    """Stars or points, with the scale they were given on."""

    value: float
    min: float = 1.0
    max: float = 5.0

    @model_validator(mode="after")
    def _within(self) -> Rating:
        if not self.min < self.max:
            raise ValueError(f"min {self.min:g} must be below max {self.max:g}")
        if not self.min <= self.value <= self.max:
            raise ValueError(f"value {self.value:g} lies outside its own scale {self.min:g} to {self.max:g}")
        return self


class Feedback(BaseModel):
    """One thing that a customer said, in one channel, at one time.

    Either `text` or `turns` must say something. `event_id` is the idempotency key: where it is absent it is
    derived from `source` and `native_id`, or else from the content, so that a repeated delivery is recognised.
    Fields that the contract does not know are kept in `attributes`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: Annotated[int, Field(description="Version of this contract.")] = SCHEMA_VERSION
    event_id: Identifier
    source: Identifier
    channel: Channel
    occurred_at: Annotated[Time, Field(strict=False)]
    text: Text | None = None
    turns: Annotated[tuple[Turn, ...], Field(strict=False)] = ()
    title: Short | None = None
    customer_id: Identifier | None = None
    account_id: Identifier | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")] | None = None
    rating: Rating | None = None
    nps: Annotated[int, Field(ge=0, le=10)] | None = None
    csat: Annotated[float, Field(ge=0, le=10)] | None = None
    ces: Annotated[float, Field(ge=0, le=10)] | None = None
    product: Short | None = None
    journey_stage: Short | None = None
    segments: dict[Short, Short] = Field(default_factory=dict)
    url: Annotated[str, StringConstraints(max_length=4096)] | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _fill_and_keep(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        data = dict(data)
        native_id = data.pop("native_id", None)
        unknown = [name for name in data if name not in _FIELDS]
        if unknown or native_id is not None:
            kept = data.get("attributes") or {}
            if isinstance(kept, dict):
                kept = {**{name: data.pop(name) for name in unknown}, **kept}
                if native_id is not None:
                    kept.setdefault("native_id", native_id)
                data["attributes"] = kept
        if data.get("event_id") is None:
            data["event_id"] = _derived_id(data, native_id)
        for name in ("turns", "segments", "attributes"):
            if data.get(name, ...) is None:
                del data[name]
        return data

    @model_validator(mode="after")
    def _says_something(self) -> Feedback:
        if self.text is None and not self.turns:
            raise ValueError("neither text nor turns is given: one of them must hold what the customer said")
        said = (self.text or "").strip() or any(t.text.strip() for t in self.turns if t.role == "customer")
        if not said:
            where = "turns has no words by the customer" if self.turns else "text is empty"
            raise ValueError(f"{where}: nothing that the customer said")
        return self


_FIELDS = frozenset(Feedback.model_fields)


def _derived_id(data: dict[str, Any], native_id: object) -> str:
    """An idempotency key for a record that brought none, stable over redeliveries."""
    basis: tuple[object, ...]
    if native_id is not None:
        basis = (data.get("source"), native_id)
    else:
        basis = tuple(data.get(k) for k in ("source", "occurred_at", "customer_id", "title", "text", "turns"))
    return "d-" + hashlib.sha256(repr(basis).encode("utf-8", "surrogatepass")).hexdigest()[:32]
