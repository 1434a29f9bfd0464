"""The budget of false alarms, shared among the monitored keys by their traffic.

"At most one false alarm a week" over all keys: an unchanged key with threshold A raises one in A tested mentions
or fewer, so with the same A everywhere all keys together raise (tested mentions a day)/A a day. A follows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

# Before any traffic is known, and for installations with hardly any.
LEAST_THRESHOLD = 1_000.0
_REMEMBERED_DAYS = 28


@dataclass(slots=True)
class Meter:
    """Traffic of one partition of the mentions, by day, and the mean negativity of its customers."""

    tested: dict[int, int] = field(default_factory=dict)
    customers_n: float = 0.0
    customers_sum: float = 0.0

    def count(self, day: int, *, tested: bool, customer_x: float | None) -> None:
        """Take note of a mention."""
        if tested:
            self.tested[day] = self.tested.get(day, 0) + 1
            if len(self.tested) > _REMEMBERED_DAYS:
                del self.tested[min(self.tested)]
        if customer_x is not None:
            self.customers_n += 1
            self.customers_sum += customer_x

    @property
    def population_mean(self) -> float:
        """Mean negativity over all customers, 0.5 as long as there are few."""
        return (self.customers_sum + 5.0) / (self.customers_n + 10.0)

    def threshold(self, *, partitions: int, at_most: float, per_days: float) -> float:
        """The threshold A for every key, if all `partitions` have the traffic of this one."""
        if not self.tested:
            return LEAST_THRESHOLD
        full = [n for day, n in self.tested.items() if day != max(self.tested)]
        a_day = max(sum(full) / len(full) if full else 0.0, float(self.tested[max(self.tested)]))
        return max(LEAST_THRESHOLD, partitions * a_day * per_days / at_most)

    def to_bytes(self) -> bytes:
        """The meter as JSON."""
        return orjson.dumps({"tested": list(self.tested.items()), "n": self.customers_n, "sum": self.customers_sum})

    @classmethod
    def from_bytes(cls, raw: bytes) -> Meter:
        """The meter that `to_bytes` wrote."""
        d = orjson.loads(raw)
        return cls({day: n for day, n in d["tested"]}, d["n"], d["sum"])
