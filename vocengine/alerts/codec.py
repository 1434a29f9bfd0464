"""A key's state as bytes and back: numbers packed, and behind them the texts kept as evidence of a fall, as JSON."""

from __future__ import annotations

import logging
import math
import struct
import sys
from array import array
from typing import Any

from vocengine.alerts.baseline import PACKED_BYTES, Baseline
from vocengine.alerts.course import Reported
from vocengine.alerts.customers import FURIOUS_BETS, Person
from vocengine.alerts.detector import BETS, KeyState
from vocengine.alerts.evidence import Stretch

log = logging.getLogger(__name__)

_VERSION = 5
# Version; bytes of the kind; lengths of days, heard and recent.
_HEAD = struct.Struct("<BBHHH")
_NUMBERS = struct.Struct(f"<{14 + len(FURIOUS_BETS)}dH")
_GROWN_BYTES = 8 * len(BETS)
# In place of times that are none.
_NONE = math.nan


def to_bytes(state: KeyState) -> bytes:
    """The state packed; without evidence of a fall that may have begun it stays under 2 KB."""
    kind = state.kind.encode()
    stretch = state.stretch or Stretch(_NONE)
    reported = state.reported or Reported(_NONE, 0.0, 0.0)
    person = state.person or Person()
    numbers = _NUMBERS.pack(
        state.newest,
        stretch.cusum,
        stretch.since,
        stretch.n,
        stretch.total,
        stretch.squares,
        reported.at,
        reported.quiet_until,
        reported.quiet_level,
        reported.n,
        reported.total,
        person.n,
        person.total,
        person.furious_n,
        *person.furious_grown,
        state.baseline.place,
    )
    head = _HEAD.pack(_VERSION, len(kind), len(state.baseline.days), len(state.heard), len(person.recent))
    packed = [head, kind, numbers, state.grown, state.baseline.packed]
    packed += [state.baseline.days.tobytes(), state.heard.tobytes(), person.recent.tobytes(), stretch.negatives]
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
    grown, known = raw[at : at + _GROWN_BYTES], raw[at + _GROWN_BYTES : at + _GROWN_BYTES + PACKED_BYTES]
    at += _GROWN_BYTES + PACKED_BYTES
    days, at = _read("f", raw, at, days_n)
    heard, at = _read("I", raw, at, heard_n)
    recent, at = _read("f", raw, at, recent_n)
    newest, cusum, since, n, total, squares = numbers[:6]
    reported_at, quiet_until, quiet_level, quiet_n, quiet_total = numbers[6:11]
    person_n, person_total, furious_n, *furious_grown, place = numbers[11:]
    stretch = reported = person = None
    if not math.isnan(since):
        stretch = Stretch(since, cusum, int(n), total, squares, raw[at:])
    if not math.isnan(reported_at):
        reported = Reported(reported_at, quiet_until, quiet_level, int(quiet_n), quiet_total)
    if person_n:
        person = Person(int(person_n), person_total, int(furious_n), tuple(furious_grown), recent)
    baseline = Baseline(days, known, place)
    return KeyState(kind, baseline, heard, grown, newest, stretch, reported, person)


def _read(typecode: str, raw: bytes, at: int, n: int) -> tuple[array[Any], int]:
    end = at + 4 * n
    # A copy has no room to grow: that of many keys would be a twentieth of their memory.
    return array(typecode, raw[at:end])[:], end
