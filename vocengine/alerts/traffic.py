"""Who speaks of a key and of what: what is remembered of its mentions beside its detector of falls.

Kept for every key but customers', of whom there are too many, with too few messages each.
"""

from __future__ import annotations

import base64
import zlib
from array import array
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import orjson

from vocengine.alerts.mix import Mix, Parts, drivers
from vocengine.contracts import Alert, Mention

# Of so many voices it is known whether they have spoken that day; a busier key forgets the earliest.
_VOICES = 1024


@dataclass(slots=True)
class Traffic:
    """The mentions of one key: each customer's first one a day. At most about ten kilobytes."""

    mix: Mix = field(default_factory=Mix)
    newest: datetime | None = None
    voices: dict[int, int] = field(default_factory=dict)  # hash of voice and day → ordinal day

    def add(self, mention: Mention, *, allowed_lateness: timedelta) -> bool:
        """Take a mention in; False where it counts for nothing: it is late, or its voice was heard that day."""
        at = mention.occurred_at
        if self.newest is not None and at < self.newest - allowed_lateness:
            return False
        self.newest = at if self.newest is None else max(self.newest, at)
        day = at.astimezone(UTC).toordinal()
        voice = zlib.crc32(f"{day}:{mention.customer_id or mention.event_id}".encode("utf-8", "replace"))
        if voice in self.voices:
            return False
        self.voices[voice] = day
        if len(self.voices) > _VOICES:
            del self.voices[next(iter(self.voices))]
        self.mix.add(mention)
        return True

    def to_bytes(self) -> bytes:
        """The state as JSON."""
        return orjson.dumps(
            {
                "mix": self.mix.as_json(),
                "newest": self.newest,
                "voices": base64.b64encode(array("I", self.voices).tobytes()).decode(),
                "days": base64.b64encode(array("I", self.voices.values()).tobytes()).decode(),
            }
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> Traffic:
        """The state that `to_bytes` wrote."""
        d = orjson.loads(raw)
        newest = None if d["newest"] is None else datetime.fromisoformat(d["newest"])
        voices = zip(array("I", base64.b64decode(d["voices"])), array("I", base64.b64decode(d["days"])), strict=True)
        return cls(Mix.from_json(d["mix"]), newest, dict(voices))


def has_traffic(kind: str) -> bool:
    """Whether the traffic of keys of this kind is kept."""
    return kind != "customer"


def follow(
    mentions: Iterable[Mention],
    states: MutableMapping[str, Traffic],
    alerts: Iterable[Alert] = (),
    *,
    allowed_lateness: timedelta,
) -> dict[str, Parts]:
    """Update the `states` by mentions, in order; each key but a customer's must be among them.

    Of `alerts` that these mentions raised, what is behind them: parts by alert id, as they were when it was raised.
    """
    raised = {(alert.key, alert.window_end): alert for alert in alerts}
    found = {}
    for mention in mentions:
        if not has_traffic(mention.kind):
            continue
        state = states[mention.key]
        state.add(mention, allowed_lateness=allowed_lateness)
        if raised and (alert := raised.get((mention.key, mention.occurred_at))):
            negative_only = alert.kind.endswith("_sentiment_fall")
            found[alert.alert_id] = state.mix.since(alert.window_start, negative_only=negative_only)
    return found


def with_drivers(alert: Alert, parts: Parts | None) -> Alert:
    """The alert with what stands out behind it in place of what is frequent in it."""
    return alert if parts is None or not parts.n else replace(alert, drivers=drivers(parts))
