"""Alert: that sentiment fell, something new or more is spoken of, or nothing comes any more; on what evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

AlertKind = Literal[
    "topic_sentiment_fall",
    "customer_sentiment_fall",
    "product_sentiment_fall",
    "channel_sentiment_fall",
    "journey_stage_sentiment_fall",
    "segment_sentiment_fall",
    "pair_sentiment_fall",
    "emerging_topic",
    "anger_spike",
    "cancel_intent_rise",
    "volume_spike",
    "data_silence",
]
# What rose, of the kinds whose numbers are shares of mentions that show something.
SHOWN: Mapping[str, str] = {"anger_spike": "anger", "cancel_intent_rise": "the intent to cancel"}
Severity = Literal["low", "medium", "high", "critical"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """How strong the evidence is, and the budget it was tested against.

    Of a fall, `value` is how far the stakes that the budget paid on this key have grown, in false alarms; it had to
    reach `threshold`, 1: stakes on unchanged keys do not grow on average, so there are no more false alarms than the
    budget allows (`budget` says it in words). Of an emerging topic both are −log10 of a probability: of such a count by
    chance, and of what had to be undercut. `probability` is of a customer: that their level fell by the smallest effect
    worth an alert or more, given all that is known of them and of all customers.
    """

    method: str
    value: float
    threshold: float
    budget: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Driver:
    """A topic, channel, product, journey stage, segment or pair that stands out among the mentions behind the alert.

    `share` (0..1) is its part of them, `n` how many they are. `expected` is the part that it had before, null where too
    little is known of before; `key` is its monitored key. Mentions touch several keys, so shares do not add up.
    """

    kind: str
    name: str
    share: float
    n: int
    expected: float | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Verbatim:
    """What a customer said, masked."""

    event_id: str
    occurred_at: datetime
    channel: str
    score: float
    text: str


@dataclass(frozen=True, slots=True)
class CoursePoint:
    """How a running fall stood: mean negativity of the `n` mentions up to `at` since the point before."""

    at: datetime
    mean: float
    n: int


@dataclass(frozen=True, slots=True)
class Alert:
    """A fall of sentiment, or an emerging topic. Times are event times, but for `raised_at`, the wall clock.

    Of a fall, baseline and observed are shares of negativity 0..1 (0 = all positive): means of (1 − score) / 2, over so
    many mentions. Of an emerging topic (`key` is `candidate:ID`), observed is the share of the newest clauses that are
    in it and baseline the share that was to be expected; the numbers count its clauses, and those of the reference.
    Of a spike of anger or a rise of the intent to cancel, both are shares of the mentions that show it.
    Of a volume spike they are mentions an hour, one a person and day, over so many mentions. Of a data silence they are
    events an hour, and observed is 0; `key` is `source:NAME`, `channel:NAME`, or `source:*` for all.
    `change` is observed − baseline, with a 95 % interval. `incident_id` is the incident that the alert belonged to when
    it was raised, null for one that stands by itself; incidents may be brought together later.

    An alert is amended while its incident runs: the same `alert_id` with a higher `revision`, the numbers so far and
    their `course`. `revision` 0 is the alert as it was raised; status `resolved` by a revision says that sentiment is
    back near where it was.
    """

    alert_id: str
    kind: AlertKind
    key: str
    label: str
    window_start: datetime
    window_end: datetime
    baseline_mean: float
    baseline_n: int
    baseline_from: datetime
    observed_mean: float
    observed_n: int
    change: float
    change_low: float
    change_high: float
    evidence: Evidence
    severity: Severity
    drivers: tuple[Driver, ...]
    verbatims: tuple[Verbatim, ...]
    opened_at: datetime
    raised_at: datetime
    status: Literal["open", "acknowledged", "resolved"] = "open"
    revision: int = 0
    amended_at: datetime | None = None
    course: tuple[CoursePoint, ...] = ()
    incident_id: str | None = None
    schema_version: int = 1
