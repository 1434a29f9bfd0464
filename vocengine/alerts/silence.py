"""Data silence: a source or channel that keeps sending stops. Silence brings no event, so this is asked by the clock.

Whole hours are looked at, by the wall clock in which feedback came in. In a stream's history it is learned how likely
something comes in an hour of that hour of day and weekday, p. While the stream lives, hours without anything have the
probability Π (1 − p), so 1 / Π (1 − p), begun anew at each arrival, is an e-detector: it reaches A once in A hours or
less often, while nothing has changed (Shin, Ramdas, Rinaldo, "E-detectors", 2022). Silences come in longer runs than
that where a sender is irregular, so the logarithm is divided by how much longer the longest one so far was than it
should be.

Hours in which nothing came from anybody say nothing of one stream: then the engine, or what feeds it, stood still.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vocengine.contracts import Alert, Evidence

METHOD = "e-detector (hours without arrivals)"
EVERYTHING = "source:*"
# Part of the budget of false alarms that silences may use.
BUDGET_PART = 0.05

_WEEK_H = 168
# How much is learned from, and how much of it there must be.
LEARNED_H = 4 * _WEEK_H
_LEAST_HISTORY_H, _LEAST_ARRIVALS = _WEEK_H, 24
# As many hours a weekday's hour is held to be like that hour of all days, and that like all hours.
_PRIOR = 2.0


@dataclass(frozen=True, slots=True)
class Silence:
    """A stream that has been silent for `hours` whole hours after its last one with arrivals, `last`.

    Of the `learned` hours from `first` to `last`, something came in `arrived`. `value` is the evidence, `expected` in
    how many of the silent hours something was to be expected. Hours are counted from 1970.
    """

    first: int
    last: int
    hours: int
    learned: int
    arrived: int
    expected: float
    value: float


def silence(arrivals: Collection[int], live: Sequence[int], *, until: int) -> Silence | None:
    """The silence of a stream that had arrivals in the hours `arrivals`, at the beginning of the hour `until`.

    `live` are the hours, in order, that count: those in which anything came from anybody. None where the stream is not
    silent, or too little is known of it: it needs a week and 24 hours with arrivals.
    """
    came = {hour for hour in arrivals if until - LEARNED_H <= hour < until}
    if len(came) < _LEAST_ARRIVALS:
        return None
    first, last = min(came), max(came)
    if last - first < _LEAST_HISTORY_H:
        return None
    silent = [hour for hour in live if last < hour < until]
    if not silent:
        return None
    learned = [hour for hour in live if first <= hour <= last]
    chances = _Chances(learned, came)
    longest = run = 0.0
    for hour in learned:
        run = 0.0 if hour in came else run + chances.surprise(hour)
        longest = max(longest, run)
    # Of so many runs of independent hours the longest is about the logarithm of their number.
    stretched = max(1.0, longest / math.log(1 + len(came)))
    surprise = sum(chances.surprise(hour) for hour in silent) / stretched
    expected = sum(chances.of(hour) for hour in silent)
    return Silence(first, last, len(silent), len(learned), len(came), expected, math.exp(min(500.0, surprise)))


class _Chances:
    """How likely something comes in an hour, by its hour of day and weekday."""

    def __init__(self, learned: Sequence[int], came: Collection[int]) -> None:
        self._slots: dict[int, list[int]] = {}
        self._hours: dict[int, list[int]] = {}
        for hour in learned:
            arrived = hour in came
            for counts in (
                self._slots.setdefault(hour % _WEEK_H, [0, 0]),
                self._hours.setdefault(hour % 24, [0, 0]),
            ):
                counts[0] += arrived
                counts[1] += 1
        self._all = (sum(hour in came for hour in learned) + 1) / (len(learned) + 2)

    def of(self, hour: int) -> float:
        """The probability of an arrival; never surer than the hours that it was learned from allow."""
        k_day, n_day = self._hours.get(hour % 24, [0, 0])
        by_day = (k_day + _PRIOR * self._all) / (n_day + _PRIOR)
        k, n = self._slots.get(hour % _WEEK_H, [0, 0])
        surest = max(self._all, (n_day + 1) / (n_day + 2))
        return min((k + _PRIOR * by_day) / (n + _PRIOR), surest)

    def surprise(self, hour: int) -> float:
        return -math.log1p(-self.of(hour))


@dataclass(frozen=True, slots=True)
class Silent:
    """A stream, `source:NAME`, `channel:NAME` or everything, that is silent beyond what the budget lets pass."""

    key: str
    silence: Silence
    threshold: float
    usual: float  # events an hour
    share: float  # of all events, 0..1


def silent_streams(
    counts: Mapping[tuple[str, str], Mapping[int, int]], *, now: int, watched_since: int, false_alarms_a_day: float
) -> list[Silent]:
    """Which streams are silent, by events in each hour of each (source, channel); hours are counted from 1970.

    While anything comes, each source is judged, and each channel that is not the same stream as one source; in whole
    hours before the newest one, and only those in which anything came. Where nothing comes at all, everything is judged
    as one stream by the clock, in the hours since `watched_since` that are over at `now`: nobody knows what came while
    the engine did not run. `false_alarms_a_day` is what all of these may raise; each of k streams is tested 24 times a
    day, so A = 24 · k / false_alarms_a_day.
    """
    everything = Counter[int]()
    for hours in counts.values():
        everything.update({hour: n for hour, n in hours.items() if hour <= now})
    if not everything:
        return []
    live, newest = sorted(everything), max(everything)
    streams = _streams(counts)
    threshold = 24.0 * (len(streams) + 1) / false_alarms_a_day
    whole_day = range(max(min(everything), now - LEARNED_H), now)
    stopped = silence(everything, [h for h in whole_day if h <= newest or h >= watched_since], until=now)
    if stopped is not None and stopped.value >= threshold:
        return [_silent(EVERYTHING, stopped, threshold, everything, everything)]
    found = []
    for key, hours in streams.items():
        one = silence(hours, live, until=newest)
        if one is not None and one.value >= threshold:
            found.append(_silent(key, one, threshold, hours, everything))
    quiet = {silent.key for silent in found}
    # A channel whose sources are all silent says the same again.
    return [s for s in found if not s.key.startswith("channel:") or not _sources_of(s.key, counts) <= quiet]


def _streams(counts: Mapping[tuple[str, str], Mapping[int, int]]) -> dict[str, Counter[int]]:
    found: dict[str, Counter[int]] = {}
    for (source, channel), hours in counts.items():
        found.setdefault(f"source:{source}", Counter()).update(hours)
        found.setdefault(f"channel:{channel}", Counter()).update(hours)
    for channel in {channel for _, channel in counts}:
        sources = {source for source, other in counts if other == channel}
        [*alone] = {other for source, other in counts if source in sources}
        if len(sources) == 1 and len(alone) == 1:
            del found[f"channel:{channel}"]
    return found


def _sources_of(key: str, counts: Mapping[tuple[str, str], Mapping[int, int]]) -> set[str]:
    return {f"source:{source}" for source, channel in counts if f"channel:{channel}" == key}


def _silent(
    key: str, one: Silence, threshold: float, hours: Mapping[int, int], everything: Mapping[int, int]
) -> Silent:
    total = sum(n for hour, n in hours.items() if one.first <= hour <= one.last)
    of = sum(n for hour, n in everything.items() if one.first <= hour <= one.last)
    return Silent(key, one, threshold, total / max(1, one.learned), total / max(1, of))


def to_alert(silent: Silent, *, budget: str, raised_at: datetime) -> Alert:
    """The alert for a silence; the id follows from key and last hour, so each silence is told once."""
    one = silent.silence
    basis = f"silence\x1f{silent.key}\x1f{one.last}"
    name = "all sources" if silent.key == EVERYTHING else silent.key.partition(":")[2]
    start, end = _time(one.last + 1), _time(one.last + 1) + timedelta(hours=one.hours)
    usual = round(silent.usual, 4)
    # The 95 % bound where nothing came: three in all the hours ("rule of three").
    bound = round(3.0 / one.hours, 4)
    return Alert(
        alert_id="a-" + hashlib.sha256(basis.encode()).hexdigest()[:20],
        kind="data_silence",
        key=silent.key,
        label=name,
        window_start=start,
        window_end=end,
        baseline_mean=usual,
        baseline_n=round(silent.usual * one.learned),
        baseline_from=_time(one.first),
        observed_mean=0.0,
        observed_n=0,
        change=-usual,
        change_low=-usual,
        change_high=min(0.0, bound - usual),
        evidence=Evidence(METHOD, round(one.value, 1), round(silent.threshold, 1), budget),
        severity="critical" if silent.key == EVERYTHING else "high" if silent.share >= 0.25 else "medium",
        drivers=(),
        verbatims=(),
        opened_at=end,
        raised_at=raised_at,
    )


def _time(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)
