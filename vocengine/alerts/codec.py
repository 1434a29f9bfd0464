"""A key's state as bytes and back: numbers packed, the texts kept as evidence of a running fall as JSON behind them."""

from __future__ import annotations

import logging
import math
import struct
import sys
from array import array
from datetime import datetime
from typing import Any

import orjson

from vocengine.alerts.baseline import Baseline
from vocengine.alerts.detector import BETS, FURIOUS_BETS, KeyState, Said

log = logging.getLogger(__name__)

_VERSION = 4
# Version; bytes of the kind; lengths of days, heard and recent.
_HEAD = struct.Struct("<BBHHH")
_NUMBERS = struct.Struct(f"<{15 + len(BETS) + len(FURIOUS_BETS)}d")
_BASELINE = struct.Struct("<13d")


def to_bytes(state: KeyState) -> bytes:
    """The state packed; without evidence of a running fall it stays under 2 KB."""
    kind = state.kind.encode()
    numbers = _NUMBERS.pack(
        state.newest,
        state.cusum,
        math.nan if state.since is None else state.since,
        state.since_n,
        state.since_sum,
        state.since_square_sum,
        math.nan if state.fallen_at is None else state.fallen_at,
        state.quiet_until,
        state.quiet_level,
        state.quiet_n,
        state.quiet_sum,
        state.n,
        state.total,
        state.furious_n,
        state.baseline.weight,
        *state.grown,
        *(state.furious_grown or (0.0,) * len(FURIOUS_BETS)),
    )
    recent = state.recent or array("f")
    head = _HEAD.pack(_VERSION, len(kind), len(state.baseline.days), len(state.heard), len(recent))
    packed = [head, kind, numbers, _BASELINE.pack(state.baseline.excess, *state.baseline.summary())]
    packed += [state.baseline.days.tobytes(), state.heard.tobytes(), recent.tobytes()]
    packed.append(orjson.dumps(state.negatives) if state.negatives else b"")
    return b"".join(packed)


def from_bytes(raw: bytes, kind: str) -> KeyState:
    """The state that `to_bytes` wrote; one of an older version is begun afresh, as a key of `kind`."""
    if not raw or raw[0] != _VERSION:
        log.warning("the state of a %s by an older version of the detector is begun afresh", kind)
        return KeyState(kind)
    _, kind_n, days_n, heard_n, recent_n = _HEAD.unpack_from(raw)
    at = _HEAD.size + kind_n
    kind = sys.intern(raw[_HEAD.size : at].decode())
    numbers = _NUMBERS.unpack_from(raw, at)
    at += _NUMBERS.size
    excess, *summary = _BASELINE.unpack_from(raw, at)
    at += _BASELINE.size
    days, heard, recent = array("f"), array("I"), array("f")
    for values, n in ((days, days_n), (heard, heard_n), (recent, recent_n)):
        values.frombytes(raw[at : at + 4 * n])
        at += 4 * n
    baseline = Baseline(days, weight=numbers[14], excess=excess)
    baseline.resume(summary)
    negatives = tuple(Said(**{**s, "occurred_at": datetime.fromisoformat(s["occurred_at"])}) for s in _tail(raw[at:]))
    (newest, cusum, since, since_n, since_sum, since_square_sum, fallen_at, *quiet) = numbers[:11]
    furious = numbers[15 + len(BETS) :]
    n, total, furious_n = numbers[11:14]
    return KeyState(
        kind=kind,
        baseline=baseline,
        heard=heard,
        grown=list(numbers[15 : 15 + len(BETS)]),
        newest=newest,
        cusum=cusum,
        since=None if math.isnan(since) else since,
        since_n=int(since_n),
        since_sum=since_sum,
        since_square_sum=since_square_sum,
        negatives=negatives,
        fallen_at=None if math.isnan(fallen_at) else fallen_at,
        quiet_until=quiet[0],
        quiet_level=quiet[1],
        quiet_n=int(quiet[2]),
        quiet_sum=quiet[3],
        n=int(n),
        total=total,
        furious_n=int(furious_n),
        furious_grown=furious if any(furious) else (),
        recent=recent or None,
    )


def _tail(raw: bytes) -> list[dict[str, Any]]:
    return orjson.loads(raw) if raw else []
