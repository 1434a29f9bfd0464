"""Who speaks of a key and of what: what is remembered of its mentions beside its detector of falls.

Kept for every key but customers', of whom there are too many, with too few messages each.
"""

from __future__ import annotations

import base64
import zlib
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import orjson

from vocengine.alerts.detector import DetectorPolicy
from vocengine.alerts.mix import Mix, Parts, drivers
from vocengine.alerts.rules import Rules
from vocengine.alerts.volume import Spike, Volume
from vocengine.alerts.volume_report import to_alert
from vocengine.contracts import Alert, Mention, Verbatim

# Of so many voices it is known whether they have spoken that day; a busier key forgets the earliest.
_VOICES = 1024
# How many mentions of a rise are kept as evidence.
_SAID = 12
_USUAL = DetectorPolicy()
# What volume spikes are called in a purse: one kind beside the kinds of keys.
SPIKES = "volume"


@dataclass(slots=True)
class Traffic:
    """The mentions of one key: each customer's first one a day. At most about twenty kilobytes."""

    mix: Mix = field(default_factory=Mix)
    newest: datetime | None = None
    voices: dict[int, int] = field(default_factory=dict)  # hash of voice and day → ordinal day
    volume: Volume = field(default_factory=Volume)
    said: list[Verbatim] = field(default_factory=list)  # since a rise began, or in the open hour

    def add(self, mention: Mention, policy: DetectorPolicy, draw: Callable[[], float] = lambda: 0.0) -> Spike | None:
        """Take a mention in; returns the spike if it completed one.

        One counts for nothing that is later than allowed, or whose voice was heard that day.
        """
        at = mention.occurred_at
        if self.newest is not None and at < self.newest - policy.allowed_lateness:
            return None
        self.newest = at if self.newest is None else max(self.newest, at)
        day = at.astimezone(UTC).toordinal()
        voice = zlib.crc32(f"{day}:{mention.customer_id or mention.event_id}".encode("utf-8", "replace"))
        if voice in self.voices:
            return None
        self.voices[voice] = day
        if len(self.voices) > _VOICES:
            del self.voices[next(iter(self.voices))]
        self.mix.add(mention)
        volume = self.volume
        if not volume.rising(at.timestamp()):
            self.said.clear()
        self.said.append(Verbatim(mention.event_id, at, mention.channel, mention.score, mention.excerpt))
        del self.said[:-_SAID]
        return volume.add(
            at.timestamp(),
            draw,
            least_n=policy.min_observed,
            cool_down=policy.cool_down,
            new_normal_after=policy.new_normal_after,
        )

    def to_bytes(self) -> bytes:
        """The state as JSON."""
        return orjson.dumps(
            {
                "mix": self.mix.as_json(),
                "newest": self.newest,
                "voices": base64.b64encode(array("I", self.voices).tobytes()).decode(),
                "days": base64.b64encode(array("I", self.voices.values()).tobytes()).decode(),
                "volume": self.volume.as_json(),
                "said": self.said,
            }
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> Traffic:
        """The state that `to_bytes` wrote."""
        d = orjson.loads(raw)
        newest = None if d["newest"] is None else datetime.fromisoformat(d["newest"])
        voices = zip(array("I", base64.b64decode(d["voices"])), array("I", base64.b64decode(d["days"])), strict=True)
        volume = Volume.from_json(d["volume"]) if "volume" in d else Volume()
        said = [
            Verbatim(**{**one, "occurred_at": datetime.fromisoformat(one["occurred_at"])}) for one in d.get("said", ())
        ]
        return cls(Mix.from_json(d["mix"]), newest, dict(voices), volume, said)


def has_traffic(kind: str) -> bool:
    """Whether the traffic of keys of this kind is kept."""
    return kind != "customer"


@dataclass(frozen=True, slots=True)
class Followed:
    """The spikes that mentions raised, and what is behind them and behind other alerts: parts by alert id."""

    spikes: list[Alert]
    parts: dict[str, Parts]


def follow(
    mentions: Iterable[Mention],
    states: MutableMapping[str, Traffic],
    falls: Iterable[Alert] = (),
    *,
    rules: Rules,
    draw: Callable[[], float],
    budget: str,
    now: datetime,
) -> Followed:
    """Update the `states` by mentions, in order; each key but a customer's must be among them.

    Of `falls` that these mentions raised, what is behind them is told as it was then. `draw` pays the stake on one hour
    of one key out of `budget`.
    """
    raised: defaultdict[tuple[str, datetime], list[Alert]] = defaultdict(list)
    for fall in falls:
        raised[fall.key, fall.window_end].append(fall)
    spikes: list[Alert] = []
    parts = {}
    for mention in mentions:
        if not has_traffic(mention.kind):
            continue
        state = states[mention.key]
        rule = rules.rule_of(mention.key, mention.kind)
        policy = rule.policy if rule else _USUAL
        spike = state.add(mention, policy, draw)
        if spike is not None:
            behind = state.mix.since(datetime.fromtimestamp(spike.since_s, UTC), negative_only=False)
            alert = to_alert(spike, mention, state.said, behind, budget=budget, raised_at=now)
            spikes.append(alert)
            parts[alert.alert_id] = behind
        for fall in raised.get((mention.key, mention.occurred_at), ()) if raised else ():
            parts[fall.alert_id] = state.mix.since(fall.window_start, negative_only=True)
    return Followed(spikes, parts)


def with_drivers(alert: Alert, parts: Parts | None) -> Alert:
    """The alert with what stands out behind it in place of what is frequent in it."""
    return alert if parts is None or not parts.n else replace(alert, drivers=drivers(parts))
