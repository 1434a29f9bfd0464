"""The engine's alerts as they run in service, fed with a stream of the benchmark: mentions → `watch` → falls."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from benchmarks.alert_streams import CHANNELS, KEYS, KINDS, PRODUCTS, TOPICS, Stream
from vocengine.alerts import Budget, DetectorPolicy, KeyState, Meter, SameForAll, watch
from vocengine.contracts import Alert, Mention

START = datetime(2026, 1, 5, tzinfo=UTC)
BUDGET = Budget(at_most=1.0, per_days=7.0)
_CLEAR = 0.25
_CHANNEL_NAMES = ("review", "chat", "social", "email")
_NAMES = (
    *(str(n) for n in range(TOPICS)),
    *(f"P{n}" for n in range(PRODUCTS)),
    *_CHANNEL_NAMES[:CHANNELS],
)
KEY_NAMES = tuple(f"{kind}:{name}" for kind, name in zip(KINDS, _NAMES, strict=True))
KEY_NUMBER = {name: number for number, name in enumerate(KEY_NAMES)}
# People who pass a text on add little to it.
_COPIED = ("{}", "RT [HANDLE]: {}", "{} smh", "This! {}", "RT [HANDLE]: {} [URL]", "“{}”")


@dataclass(frozen=True, slots=True)
class Raised:
    """A fall that the engine reported: its key, and when, in seconds since the start."""

    key: str
    at_s: float


class Engine:
    """States and meter of one installation, in one partition, all keys under one policy."""

    def __init__(self, *, budget: Budget = BUDGET, policy: DetectorPolicy | None = None):
        self.states: dict[str, KeyState] = {}
        self.meter = Meter()
        self._budget = budget
        self._rules = SameForAll(policy or DetectorPolicy())

    def feed(self, mentions: Sequence[Mention]) -> list[Alert]:
        """Take mentions in, in order of time; the alerts that they complete."""
        for mention in mentions:
            if mention.key not in self.states:
                self.states[mention.key] = KeyState(mention.kind)
        return watch(
            mentions,
            self.states,
            self.meter,
            rules=self._rules,
            budget=self._budget,
            partitions=1,
            now=mentions[-1].received_at if mentions else START,
        ).alerts

    def falls(self, stream: Stream, begin: int = 0, end: int | None = None) -> list[Raised]:
        """Take the events [begin, end) in; the falls reported."""
        return fallen(self.feed(list(mentions_of(stream, begin, end))))

    def to_bytes(self) -> bytes:
        """All that it remembers, to go on from more than once."""
        return pickle.dumps(self)

    @staticmethod
    def from_bytes(raw: bytes) -> Engine:
        """The engine that `to_bytes` wrote."""
        found: Engine = pickle.loads(raw)
        return found


def fallen(alerts: Iterable[Alert]) -> list[Raised]:
    """The falls of sentiment among alerts, each incident once."""
    seen, found = set(), []
    for alert in alerts:
        if alert.kind.endswith("_sentiment_fall") and alert.alert_id not in seen:
            seen.add(alert.alert_id)
            found.append(Raised(alert.key, (alert.opened_at - START).total_seconds()))
    return found


def mentions_of(stream: Stream, begin: int = 0, end: int | None = None) -> Iterator[Mention]:
    """One mention for each key that each event touches."""
    end = len(stream.at_s) if end is None else end
    texts, x = stream.pool.texts, stream.x
    for i in range(begin, end):
        at = START + timedelta(seconds=float(stream.at_s[i]))
        text = texts[stream.text[i]]
        if stream.copy[i]:
            text = _COPIED[int(stream.author[i]) % len(_COPIED)].format(text)
        score = round(1.0 - 2.0 * float(x[i]), 4)
        numbers = stream.keys[i]
        channel, product = _NAMES[numbers[2]], _NAMES[numbers[1]]
        # The microsecond keeps the ids of two halves of one stream apart.
        event_id, customer = f"e{stream.at_s[i]:.6f}", f"c{stream.author[i]}"
        for number in numbers:
            yield Mention(
                kind=KINDS[number],
                key=KEY_NAMES[number],
                occurred_at=at,
                event_id=event_id,
                customer_id=customer,
                score=score,
                weight=1.0,
                negative=score < -_CLEAR,
                channel=channel,
                product=product,
                label=_NAMES[number],
                excerpt=text[:280],
                received_at=at,
            )


def days_of(stream: Stream) -> Iterator[tuple[int, int]]:
    """The ranges of events of its days, in order."""
    day = (stream.at_s // 86_400).astype(int)
    edges = np.flatnonzero(np.diff(day)) + 1
    yield from zip([0, *edges.tolist()], [*edges.tolist(), len(day)], strict=True)


assert len(KEY_NAMES) == KEYS
