"""What a partition remembers beside its keys: its clock, its purse, and what the keys of each kind have in common."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import orjson

from vocengine.alerts.budget import Purse
from vocengine.alerts.clock import Clock
from vocengine.alerts.population import Population

log = logging.getLogger(__name__)

_VERSION = 2


@dataclass(slots=True)
class Meter:
    """Clock, purse and populations of one partition."""

    clock: Clock = field(default_factory=Clock)
    purse: Purse = field(default_factory=Purse)
    populations: dict[str, Population] = field(default_factory=dict)

    def population(self, kind: str) -> Population:
        """Of the keys of a kind."""
        found = self.populations.get(kind)
        if found is None:
            found = self.populations[kind] = Population(kind)
        return found

    def to_bytes(self) -> bytes:
        """The meter as JSON."""
        clock = self.clock
        return orjson.dumps(
            {
                "version": _VERSION,
                "clock": (clock.at_s, clock.ahead_n, clock.ahead_event, clock.refused),
                "purse": self.purse.to_plain(),
                "populations": [population.to_plain() for population in self.populations.values()],
            }
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> Meter:
        """The meter that `to_bytes` wrote; one of an older version is begun afresh."""
        d = orjson.loads(raw)
        if d.get("version") != _VERSION:
            log.warning("a meter of an older version of the detector is begun afresh")
            return cls()
        populations = [Population.from_plain(plain) for plain in d["populations"]]
        return cls(Clock(*d["clock"]), Purse.from_plain(d["purse"]), {p.kind: p for p in populations})
