"""What others alert by, each with one threshold, and thresholds at which they raise as many false alarms as wanted.

All see a key's negativity as a series. After an alarm each is quiet for a day, as the engine is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from benchmarks.alert_streams import DAY_S, Floats

BASELINE_DAYS = 28
_COOL_DOWN_S = DAY_S
_DAY_MIN_VOLUME = 5
_HOUR_MIN_VOLUME = 10
_MIN_HISTORY = 50


@dataclass(frozen=True, slots=True)
class Series:
    """What one key hears: times in order, negativity, and the log likelihood ratio that only the oracle is told."""

    at_s: Floats
    x: Floats
    evidence: Floats


class Peer(Protocol):
    """Raises alarms on a key by one threshold: the higher, the fewer."""

    @property
    def name(self) -> str:
        """As it stands in the figures."""
        ...

    @property
    def lowest(self) -> float:
        """The lowest threshold that is tried."""
        ...

    @property
    def highest(self) -> float:
        """The highest threshold that is tried."""
        ...

    def alarms(self, series: Series, threshold: float) -> list[float]:
        """Times of the alarms, in seconds."""
        ...


class TwoSdByDay:
    """A day whose mean lies over that of the 28 days before by so many of their standard deviations.

    Of days with at least five mentions, once there are seven of them; known when the day ends.
    """

    name, lowest, highest = "two_sd_by_day", 0.5, 60.0

    def alarms(self, series: Series, threshold: float) -> list[float]:
        days, n, means = _means(series, DAY_S)
        counted = n >= _DAY_MIN_VOLUME
        days, means = days[counted], means[counted]
        found = []
        for i in range(7, len(days)):
            before = means[np.searchsorted(days[:i], days[i] - BASELINE_DAYS) : i]
            if len(before) >= 7 and means[i] > before.mean() + threshold * max(before.std(ddof=1), 1e-3):
                found.append(float((days[i] + 1) * DAY_S))
        return _spaced(found)


class ZScoreByHour:
    """At each full hour, the z-score of the mean of this hour against all mentions of the 28 days before today.

    With fewer than ten mentions the hours before are added until there are ten, at most a day of them.
    """

    name, lowest, highest = "z_score_by_hour", 0.5, 60.0

    def alarms(self, series: Series, threshold: float) -> list[float]:
        if not len(series.at_s):
            return []
        end_s, z = self.scores(series)
        return _spaced(end_s[z > threshold].tolist())

    @staticmethod
    def scores(series: Series) -> tuple[Floats, Floats]:
        """The ends of the hours that were tested, and their z-scores."""
        first = int(series.at_s[0] // 3_600)
        hour = (series.at_s // 3_600).astype(int) - first
        size = int(hour[-1]) + 1
        n, s, q = (
            np.concatenate([[0.0], np.cumsum(np.bincount(hour, weights=w, minlength=size))])
            for w in (np.ones(len(hour)), series.x, series.x**2)
        )
        ends = np.arange(1, size + 1)
        begins = np.searchsorted(n, n[ends] - _HOUR_MIN_VOLUME, side="right") - 1
        today = np.maximum((ends - 1 + first) // 24 * 24 - first, 0)
        past = np.maximum(today - BASELINE_DAYS * 24, 0)
        history = n[today] - n[past]
        spoken = np.diff(n)[ends - 1] > 0
        tested = spoken & (begins >= 0) & (ends - begins <= 24) & (history >= _MIN_HISTORY) & (today - past >= 7 * 24)
        ends, begins, today, past = ends[tested], begins[tested], today[tested], past[tested]
        history = n[today] - n[past]
        mean = (s[today] - s[past]) / history
        sd = np.sqrt(np.maximum((q[today] - q[past]) / history - mean**2, 1e-4))
        volume = n[ends] - n[begins]
        z = ((s[ends] - s[begins]) / volume - mean) / sd * np.sqrt(volume)
        return np.asarray((ends + first) * 3_600.0), np.asarray(z)


class Adwin:
    """River's ADWIN (Bifet, Gavaldà 2007) with its defaults but for delta = 10^−threshold; rises only."""

    name, lowest, highest = "adwin", 0.005, 60.0

    def alarms(self, series: Series, threshold: float) -> list[float]:
        from river.drift import ADWIN

        detector, found = ADWIN(delta=10.0**-threshold), []
        for at_s, x in zip(series.at_s.tolist(), series.x.tolist(), strict=True):
            before = detector.estimation
            detector.update(x)
            if detector.drift_detected and detector.estimation > before:
                found.append(at_s)
        return _spaced(found)


class PageHinkley:
    """River's Page–Hinkley test with its defaults but for the threshold; rises only."""

    name, lowest, highest = "page_hinkley", 0.2, 400.0

    def alarms(self, series: Series, threshold: float) -> list[float]:
        from river.drift import PageHinkley as Test

        detector, found = Test(threshold=threshold, mode="up"), []
        for at_s, x in zip(series.at_s.tolist(), series.x.tolist(), strict=True):
            detector.update(x)
            if detector.drift_detected:
                found.append(at_s)
        return _spaced(found)


class Oracle:
    """A CUSUM (Page 1954) of the true log likelihood ratio: it knows the level at each event and the size of the fall.

    Of a slow slide it knows half of the final size; of a fall in one channel, the channel.
    """

    name, lowest, highest = "oracle", 0.2, 60.0

    def alarms(self, series: Series, threshold: float) -> list[float]:
        found: list[float] = []
        begin = 0
        while begin < len(series.at_s):
            total = np.cumsum(series.evidence[begin:])
            above = total - np.minimum.accumulate(np.minimum(total, 0.0)) >= threshold
            first = int(above.argmax())
            if not above[first]:
                break
            at_s = float(series.at_s[begin + first])
            found.append(at_s)
            begin = int(np.searchsorted(series.at_s, at_s + _COOL_DOWN_S))
        return found


class EveryN:
    """Fires at every so many mentions of a key, whatever they say: the dummy."""

    name, lowest, highest = "every_n", 5.0, 1e6

    def alarms(self, series: Series, threshold: float) -> list[float]:
        step = max(1, round(threshold))
        return series.at_s[step - 1 :: step].tolist()  # type: ignore[no-any-return]


RULES: tuple[Peer, ...] = (TwoSdByDay(), ZScoreByHour())
PEERS: tuple[Peer, ...] = (*RULES, Adwin(), PageHinkley(), EveryN())


def count(peer: Peer, null: Sequence[Series], threshold: float, *, after_s: float) -> int:
    """Alarms on unchanged keys from `after_s` on."""
    return sum(sum(at_s >= after_s for at_s in peer.alarms(series, threshold)) for series in null)


def calibrate(peer: Peer, null: Sequence[Series], wanted: float, *, after_s: float, steps: int = 12) -> float:
    """The lowest threshold found, by halving, with which no more than `wanted` alarms are raised on unchanged keys."""
    low, high = peer.lowest, peer.highest
    for _ in range(steps):
        middle = math.sqrt(low * high)
        if count(peer, null, middle, after_s=after_s) <= wanted:
            high = middle
        else:
            low = middle
    return high


def _means(series: Series, width_s: float) -> tuple[Floats, Floats, Floats]:
    """Of each window in which anything was said: its number, mentions, mean."""
    if not len(series.at_s):
        return np.zeros(0), np.zeros(0), np.zeros(0)
    number, place = np.unique((series.at_s // width_s).astype(int), return_inverse=True)
    n = np.bincount(place).astype(float)
    return number.astype(float), n, np.bincount(place, weights=series.x) / n


def _spaced(times: Sequence[float]) -> list[float]:
    """Alarms without those within the quiet time after one before."""
    found: list[float] = []
    for at_s in times:
        if not found or at_s >= found[-1] + _COOL_DOWN_S:
            found.append(at_s)
    return found
