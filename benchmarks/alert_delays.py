"""How long planted falls stay unreported: by the engine, and by others at the same rate of false alarms.

One warm-up serves several falls: from its end on each goes on by itself.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmarks.alert_engine import KEY_NAMES, Engine, days_of
from benchmarks.alert_false_alarms import WARM_UP_DAYS, null_series
from benchmarks.alert_peers import PEERS, Oracle, Peer, Series, calibrate, count
from benchmarks.alert_streams import (
    DAY_S,
    FALLS,
    PRODUCTS,
    TOPICS,
    Fall,
    FallName,
    Installation,
    Pool,
    Scenario,
    Stream,
    plant,
)

# The baselines of all are full before anything is planted.
HISTORY_DAYS = 42
# A rate of false alarms; "usual" are the thresholds that are customary, whatever they give.
Rate = Literal["promised", "measured", "usual"]
USUAL = {"two_sd_by_day": 2.0, "z_score_by_hour": 3.0, "adwin": -math.log10(0.002), "page_hinkley": 50.0}
# Thresholds of the oracle by the name of the fall, of others by their name, for each rate of false alarms.
Thresholds = Mapping[Rate, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Delay:
    """From the onset of a fall until it was reported; where it never was, until the end of the stream."""

    fall: FallName
    who: str
    found: bool
    mentions: int
    hours: float


def oracle_size(name: FallName) -> float:
    """The rise of the share of sour texts that the oracle tests for."""
    size, slide_days, _ = FALLS[name]
    return size / 2 if slide_days else size


def calibrated(pools: Sequence[Pool], scenario: Scenario, seeds: Sequence[int], a_week: float) -> dict[str, float]:
    """Thresholds at which each peer, and the oracle of each fall, raises `a_week` false alarms in an installation."""
    after_s = WARM_UP_DAYS * DAY_S
    wanted = a_week * len(seeds) * 365 / 7

    def null(size: float, channel: int | None = None) -> list[Series]:
        return [
            series
            for seed in seeds
            for series in null_series(pools[seed % len(pools)], scenario, seed, size, channel=channel)
        ]

    found: dict[str, float] = {}
    known: dict[tuple[float, int | None], float] = {}
    for name in FALLS:
        told = oracle_size(name), TOPICS + PRODUCTS if name == "one_channel" else None
        if told not in known:
            known[told] = calibrate(Oracle(), null(*told), wanted, after_s=after_s)
        found[name] = known[told]
    series = null(0.3)
    for peer in PEERS:
        found[peer.name] = calibrate(peer, series, wanted, after_s=after_s)
    return found


def peer_alarms(pool: Pool, scenario: Scenario, seed: int, thresholds: Thresholds) -> Counter[str]:
    """What each peer raises in a year without a fall, by `<peer>@<rate>`; the oracle looks for a large fall."""
    series = null_series(pool, scenario, seed, FALLS["large"][0])
    found: Counter[str] = Counter()
    for rate, chosen in thresholds.items():
        for peer in PEERS:
            if peer.name in chosen:
                found[f"{peer.name}@{rate}"] = count(peer, series, chosen[peer.name], after_s=WARM_UP_DAYS * DAY_S)
        if "large" in chosen:
            found[f"oracle@{rate}"] = count(Oracle(), series, chosen["large"], after_s=WARM_UP_DAYS * DAY_S)
    return found


def delays(
    pool: Pool, scenario: Scenario, seed: int, names: Sequence[FallName], *, each: int, thresholds: Thresholds
) -> list[Delay]:
    """`each` falls of every name in one installation."""
    installation = Installation(pool, seed)
    before = installation.stream(scenario, days=HISTORY_DAYS, seed=seed)
    engine = Engine()
    engine.falls(before)
    kept = engine.to_bytes()
    found = []
    for name in names:
        for number in range(each):
            branch = seed * 1_000 + number
            fall = plant(name, installation, scenario, onset_day=HISTORY_DAYS, seed=branch)
            after = installation.stream(scenario, days=FALLS[name][2], seed=branch, start_day=HISTORY_DAYS, fall=fall)
            found += one_fall(name, fall, before, after, Engine.from_bytes(kept), thresholds)
    return found


def one_fall(
    name: FallName, fall: Fall, before: Stream, after: Stream, engine: Engine, thresholds: Thresholds
) -> list[Delay]:
    """The delay of each on one fall, for which `after` follows on `before`, which the engine has heard."""
    heard = (after.keys == fall.key).any(axis=1) & (after.at_s >= fall.onset_s)
    if fall.channel is not None:
        heard &= (after.keys == fall.channel).any(axis=1)
    heard_s = after.at_s[heard]

    def delay(who: str, at_s: float | None) -> Delay:
        until = float(after.at_s[-1]) if at_s is None else at_s
        mentions = int(np.searchsorted(heard_s, until, side="right"))
        return Delay(name, who, at_s is not None, mentions, (until - fall.onset_s) / 3_600)

    # A fall in one channel shows in the key and in the channel.
    watched = [fall.key] if fall.channel is None else [fall.key, fall.channel]
    found = [delay("engine", _reported(engine, after, watched, fall.onset_s))]
    told = _series(before, after, fall, oracle_size(name))
    series = [_series(before, after, Fall(key, 0.0, 0.0), 0.1) for key in watched]
    for rate, chosen in thresholds.items():
        found.append(delay(f"oracle@{rate}", _first(Oracle(), [told], chosen[name], fall.onset_s)))
        for peer in PEERS:
            found.append(delay(f"{peer.name}@{rate}", _first(peer, series, chosen[peer.name], fall.onset_s)))
    return found


def _reported(engine: Engine, after: Stream, watched: Sequence[int], onset_s: float) -> float | None:
    names = {KEY_NAMES[key] for key in watched}
    for begin, end in days_of(after):
        for fall in engine.falls(after, begin, end):
            if fall.key in names and fall.at_s >= onset_s:
                return fall.at_s
    return None


def _first(peer: Peer, series: Sequence[Series], threshold: float, onset_s: float) -> float | None:
    times = [at_s for one in series for at_s in peer.alarms(one, threshold) if at_s >= onset_s]
    return min(times, default=None)


def _series(before: Stream, after: Stream, fall: Fall, size: float) -> Series:
    """What a key hears over both; the oracle is told of the events that the fall touches."""
    parts = []
    for stream in (before, after):
        of = (stream.keys == fall.key).any(axis=1)
        evidence = stream.evidence(size)
        if fall.channel is not None:
            evidence = evidence * (stream.keys == fall.channel).any(axis=1)
        parts.append((stream.at_s[of], stream.x[of], evidence[of]))
    at_s, x, evidence = (np.concatenate(pair) for pair in zip(*parts, strict=True))
    return Series(at_s, x, evidence)


def summary(found: Sequence[Delay], rules: Sequence[str]) -> dict[str, dict[str, object]]:
    """By fall: the mean delays, how many were found, and ratios of the engine's to the oracle's and the best rule's."""
    figures: dict[str, dict[str, object]] = {}
    for name in FALLS:
        of = [delay for delay in found if delay.fall == name]
        if not of:
            continue
        mentions = _means(of, lambda delay: delay.mentions)
        hours = _means(of, lambda delay: delay.hours)
        one: dict[str, object] = {
            "falls": sum(delay.who == "engine" for delay in of),
            "mentions": {who: round(mean, 1) for who, mean in mentions.items()},
            "hours": {who: round(mean, 1) for who, mean in hours.items()},
            "found_share": {who: round(mean, 3) for who, mean in _means(of, lambda d: float(d.found)).items()},
        }
        for rate in ("measured", "promised"):
            best = min(rules, key=lambda rule: hours[f"{rule}@{rate}"])
            peers = [peer.name for peer in PEERS]
            nearest = min(peers, key=lambda peer: hours[f"{peer}@{rate}"])
            for unit, means in (("mentions", mentions), ("hours", hours)):
                one[f"to_oracle_{unit}_at_{rate}_95"] = _interval(of, f"oracle@{rate}", unit)
                one[f"to_oracle_{unit}_at_{rate}"] = round(means["engine"] / means[f"oracle@{rate}"], 3)
                one[f"to_best_rule_{unit}_at_{rate}"] = round(means["engine"] / means[f"{best}@{rate}"], 3)
                one[f"to_best_peer_{unit}_at_{rate}"] = round(means["engine"] / means[f"{nearest}@{rate}"], 3)
            one[f"best_rule_at_{rate}"], one[f"best_peer_at_{rate}"] = best, nearest
        figures[name] = one
    return figures


def _interval(found: Sequence[Delay], other: str, unit: str) -> list[float]:
    """95 % of the ratios of means that falls drawn anew, each with both its delays, give."""
    mine, its = (
        np.array([getattr(delay, unit) for delay in found if delay.who == who], dtype=float)
        for who in ("engine", other)
    )
    places = np.random.default_rng(0).integers(0, len(mine), (2_000, len(mine)))
    ratios = mine[places].mean(axis=1) / np.maximum(its[places].mean(axis=1), 1e-9)
    return [round(float(edge), 2) for edge in np.quantile(ratios, (0.025, 0.975))]


def _means(found: Sequence[Delay], of: Callable[[Delay], float]) -> dict[str, float]:
    by: dict[str, list[float]] = {}
    for delay in found:
        by.setdefault(delay.who, []).append(of(delay))
    return {who: float(np.mean(values)) for who, values in by.items()}
