"""Streams of feedback resampled from real scored texts: installations whose keys are unchanged, or fall as planted.

An installation has topics, products and channels, each with a level of its own; an event touches one of each. Its
text is drawn from real texts that people called sour (complaints, one or two stars) or not, by a probability that
follows the levels, the clock and what is planted. Texts are drawn without repetition until all are used, then anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

TOPICS, PRODUCTS, CHANNELS = 20, 12, 4
KEYS = TOPICS + PRODUCTS + CHANNELS
KINDS = ("topic",) * TOPICS + ("product",) * PRODUCTS + ("channel",) * CHANNELS
DAY_S = 86_400.0
_BINS = 20
_WEEK = np.array([1.1, 1.1, 1.1, 1.05, 1.0, 0.8, 0.85])
_HOURS = np.array([1, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 9, 9, 9, 9, 9, 8, 8, 9, 9, 8, 6, 4, 2]) / 141.0
_HIGHEST = 0.97


class Pool:
    """Texts with their negativity (1 − score) / 2 and whether people call them sour."""

    def __init__(self, texts: list[str], x: Floats, sour: npt.NDArray[np.bool_]) -> None:
        self.texts, self.x, self.sour = texts, x, sour

    @cached_property
    def bin_odds(self) -> Floats:
        """(n, 2) how likely the bin of each text's negativity is among texts not sour, and among sour ones."""
        bins = np.minimum((self.x * _BINS).astype(int), _BINS - 1)
        counts = [np.bincount(bins[self.sour == side], minlength=_BINS) + 0.5 for side in (False, True)]
        return np.asarray(np.stack([count / count.sum() for count in counts], axis=1)[bins])


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens in an installation while nothing is wrong with any key.

    Amplitudes and deviations are in log odds of a sour text. `day_sd` is that of a key's level from day to day;
    `bursts` and `storms` are how many there are a week: a burst is many people on one topic in the mood they always
    are in, a storm is one complaint copied by many.
    """

    name: str
    events_a_day: float = 150.0
    traffic_rhythm: bool = True
    hour_amplitude: float = 0.0
    weekend: float = 0.0
    day_sd: float = 0.0
    bursts: float = 0.0
    storms: float = 0.0


# Day to day, the share of one and two stars of the app's reviews varies by 0.10 in log odds beyond chance, the share of
# complaints of an airline about 0.2.
SCENARIOS = (
    Scenario("steady", traffic_rhythm=False),
    Scenario("rhythmic", hour_amplitude=0.4, weekend=0.3),
    Scenario("bursty", bursts=2.0),
    Scenario("day_effects", day_sd=0.2),
    Scenario("low_volume", events_a_day=15.0),
    Scenario("copied_texts", storms=1.0),
)


@dataclass(frozen=True, slots=True)
class Fall:
    """From `onset_s` on the share of sour texts of `key` is `size` higher, reached over `slide_days`; where `channel`
    is a key of a channel, only what is said there."""

    key: int
    size: float
    onset_s: float
    slide_days: float = 0.0
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """Events in order of time: seconds since the start of the installation, which text, which keys (n, 3), whose.

    `unchanged` is the probability of a sour text without the fall. `copy` numbers the copies of a storm, 0 for others.
    """

    pool: Pool
    at_s: Floats
    text: Integers
    keys: Integers
    author: Integers
    unchanged: Floats
    copy: Integers

    @property
    def x(self) -> Floats:
        """Negativity of each event."""
        return self.pool.x[self.text]

    def evidence(self, size: float) -> Floats:
        """Log likelihood ratio of each event under a share of sour texts that is `size` higher."""
        fallen = np.minimum(self.unchanged + size, _HIGHEST)
        return log_ratio(self.pool.bin_odds[self.text], self.unchanged, fallen)


def log_ratio(odds: Floats, unchanged: Floats, fallen: Floats) -> Floats:
    """Log likelihood ratio of texts with these `Pool.bin_odds` (n, 2), under one and the other share of sour texts."""
    before, after = ((1 - p) * odds[:, 0] + p * odds[:, 1] for p in (unchanged, fallen))
    return np.asarray(np.log(after / before))


@dataclass(frozen=True)
class Installation:
    """Levels and traffic of the keys, by seed."""

    pool: Pool
    seed: int
    logits: Floats = field(init=False)
    shares: tuple[Floats, Floats, Floats] = field(init=False)

    def __post_init__(self) -> None:
        draw = np.random.default_rng([self.seed, 1])
        deviations = np.concatenate([np.full(TOPICS, 0.5), np.full(PRODUCTS, 0.25), np.full(CHANNELS, 0.2)])
        object.__setattr__(self, "logits", draw.normal(0, deviations))
        zipf = [1.0 / np.arange(1, n + 1) for n in (TOPICS, PRODUCTS, CHANNELS)]
        object.__setattr__(self, "shares", tuple(z / z.sum() for z in zipf))

    def traffic(self, key: int) -> float:
        """The part of all events that touches a key."""
        return float(np.concatenate(self.shares)[key])

    def stream(
        self, scenario: Scenario, *, days: int, seed: int, start_day: int = 0, fall: Fall | None = None
    ) -> Stream:
        """The events of `days` days from `start_day` on."""
        draw = np.random.default_rng([self.seed, seed, 2])
        at_s, keys, copied = self._traffic(scenario, days, draw)
        at_s = at_s + start_day * DAY_S
        p = self._levels(scenario, at_s, keys, draw)
        fallen = p if fall is None else np.minimum(p + _planted(fall, at_s, keys), _HIGHEST)
        sour = draw.random(len(at_s)) < fallen
        sour |= copied > 0
        text = np.empty(len(at_s), dtype=np.int64)
        for side in (False, True):
            text[sour == side] = _dealt(np.flatnonzero(self.pool.sour == side), int((sour == side).sum()), draw)
        for storm in set(copied[copied > 0].tolist()):
            text[copied == storm] = text[copied == storm][0]
        # A few write often, most once in a while; a storm is of people who each pass it on once.
        people = int(20 * scenario.events_a_day)
        author = (draw.random(len(at_s)) ** 2 * people).astype(np.int64)
        author[copied > 0] = people + np.arange(int((copied > 0).sum()))
        return Stream(self.pool, at_s, text, keys, author, p, copied)

    def _traffic(self, scenario: Scenario, days: int, draw: np.random.Generator) -> tuple[Floats, Integers, Integers]:
        """Times in order, keys, and the number of the storm that an event belongs to, 0 for none."""
        week = _WEEK / _WEEK.mean() if scenario.traffic_rhythm else np.ones(7)
        counts = draw.poisson(scenario.events_a_day * week[np.arange(days) % 7])
        times = [np.repeat(np.arange(days), counts) * DAY_S + _clock(int(counts.sum()), scenario, draw)]
        keys = [self._keys(len(times[0]), draw)]
        copied = [np.zeros(len(times[0]), dtype=np.int64)]
        for a_week, of_copies in ((scenario.bursts, False), (scenario.storms, True)):
            for number in range(1, 1 + draw.poisson(a_week * days / 7)):
                size = int(draw.integers(20, max(21, int(scenario.events_a_day))))
                begin = draw.random() * (days - 0.25) * DAY_S
                times.append(begin + draw.random(size) * DAY_S / (4 if of_copies else 12))
                same = self._keys(size, draw)
                same[:, 0] = same[0, 0]
                if of_copies:
                    same[:] = same[0]
                keys.append(same)
                copied.append(np.full(size, number if of_copies else 0, dtype=np.int64))
        at_s = np.concatenate(times)
        order = np.argsort(at_s, kind="stable")
        return at_s[order], np.concatenate(keys)[order], np.concatenate(copied)[order]

    def _keys(self, n: int, draw: np.random.Generator) -> Integers:
        first = (0, TOPICS, TOPICS + PRODUCTS)
        columns = [
            offset + draw.choice(len(share), n, p=share) for offset, share in zip(first, self.shares, strict=True)
        ]
        return np.stack(columns, axis=1).astype(np.int64)

    def _levels(self, scenario: Scenario, at_s: Floats, keys: Integers, draw: np.random.Generator) -> Floats:
        # About three in ten are sour in a key of no effect.
        logit = -0.85 + self.logits[keys].sum(axis=1)
        hour, day = at_s / 3_600 % 24, (at_s // DAY_S).astype(int)
        logit += scenario.hour_amplitude * np.cos(2 * np.pi * (hour - 3) / 24)
        logit += scenario.weekend * np.isin(day % 7, (5, 6))
        if scenario.day_sd and len(at_s):
            # Shared out so that the day of any key, whatever else is said, deviates by about `day_sd`.
            days = day - day[0]
            effects = draw.normal(0, scenario.day_sd, (KEYS, int(days.max()) + 1))
            logit += effects[keys, days[:, None]].sum(axis=1)
        return np.asarray(1 / (1 + np.exp(-logit)))


FallName = Literal["large", "medium", "small", "slow_slide", "one_channel", "low_volume"]
# How much higher the share of sour texts is, over how many days that comes, and how long it is looked for, in days.
FALLS: dict[FallName, tuple[float, float, int]] = {
    "large": (0.3, 0.0, 28),
    "medium": (0.2, 0.0, 35),
    "small": (0.1, 0.0, 42),
    "slow_slide": (0.3, 21.0, 56),
    "one_channel": (0.4, 0.0, 35),
    "low_volume": (0.3, 0.0, 90),
}


def plant(name: FallName, installation: Installation, scenario: Scenario, *, onset_day: int, seed: int) -> Fall:
    """A fall of that name, in a key of a fitting volume, at a random time of a day."""
    draw = np.random.default_rng([installation.seed, seed, 3])
    size, slide_days, _ = FALLS[name]
    a_day = [scenario.events_a_day * installation.traffic(key) for key in range(KEYS)]
    low, high = (1.0, 3.0) if name == "low_volume" else (6.0, 60.0)
    fitting = [key for key in range(TOPICS + PRODUCTS) if low <= a_day[key] <= high]
    if name == "one_channel":
        fitting = [key for key in fitting if key < TOPICS]
    onset_s = (onset_day + draw.random()) * DAY_S
    # The first channel has half of the traffic.
    channel = TOPICS + PRODUCTS if name == "one_channel" else None
    return Fall(int(draw.choice(fitting)), size, onset_s, slide_days, channel)


def _planted(fall: Fall, at_s: Floats, keys: Integers) -> Floats:
    """How much higher the share of sour texts is at each event."""
    hit = (keys == fall.key).any(axis=1) & (at_s >= fall.onset_s)
    if fall.channel is not None:
        hit &= (keys == fall.channel).any(axis=1)
    if not fall.slide_days:
        return np.asarray(fall.size * hit)
    return np.asarray(fall.size * hit * np.clip((at_s - fall.onset_s) / (fall.slide_days * DAY_S), 0, 1))


def _clock(n: int, scenario: Scenario, draw: np.random.Generator) -> Floats:
    if not scenario.traffic_rhythm:
        return np.asarray(draw.random(n) * DAY_S)
    return np.asarray((draw.choice(24, n, p=_HOURS / _HOURS.sum()) + draw.random(n)) * 3_600.0)


def _dealt(of: Integers, n: int, draw: np.random.Generator) -> Integers:
    """`n` of them, without repetition until all are dealt."""
    decks = [draw.permutation(of) for _ in range(-(-n // len(of)))]
    return np.concatenate(decks)[:n] if decks else of[:0]
