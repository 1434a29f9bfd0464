"""The budget of false alarms, shared among the kinds of keys, and within a kind by traffic.

"At most one false alarm a week" over all keys: unchanged keys with threshold A raise one in A tested mentions or
fewer, so a kind with n tested mentions a day raises n/A a day. Each of the k kinds that are being tested gets
1/k of the budget, so that the few messages of customers do not stand behind the many of channels; A follows.
Each partition spends its own part alone: with P partitions and n counted in this one, A = k · P · n · days / budget.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

# Before any traffic is known, and for kinds with hardly any.
LEAST_THRESHOLD = 200.0
_REMEMBERED_DAYS = 28


@dataclass(slots=True)
class Meter:
    """Tested mentions of one partition by kind and day, and the mean negativity of its customers."""

    tested: dict[str, dict[int, int]] = field(default_factory=dict)
    customers_n: float = 0.0
    customers_sum: float = 0.0

    def count(self, kind: str, day: int, *, tested: bool, customer_x: float | None) -> None:
        """Take note of a mention."""
        if tested:
            days = self.tested.setdefault(kind, {})
            days[day] = days.get(day, 0) + 1
            if len(days) > _REMEMBERED_DAYS:
                del days[min(days)]
        if customer_x is not None:
            self.customers_n += 1
            self.customers_sum += customer_x

    @property
    def population_mean(self) -> float:
        """Mean negativity over all customers, near 0.5 as long as there are few."""
        return (self.customers_sum + 5.0) / (self.customers_n + 10.0)

    def threshold(self, kind: str, *, kinds: int, partitions: int, at_most: float, per_days: float) -> float:
        """The threshold A for the keys of a kind, one of `kinds` that are monitored, in one of `partitions`."""
        days = self.tested.get(kind)
        if not days:
            return LEAST_THRESHOLD
        newest = max(days)
        full = [n for day, n in days.items() if day != newest]
        a_day = max(sum(full) / len(full) if full else 0.0, float(days[newest]))
        return max(LEAST_THRESHOLD, kinds * partitions * a_day * per_days / at_most)

    def to_bytes(self) -> bytes:
        """The meter as JSON."""
        tested = [(kind, list(days.items())) for kind, days in self.tested.items()]
        return orjson.dumps({"tested": tested, "n": self.customers_n, "sum": self.customers_sum})

    @classmethod
    def from_bytes(cls, raw: bytes) -> Meter:
        """The meter that `to_bytes` wrote."""
        d = orjson.loads(raw)
        return cls({kind: dict(days) for kind, days in d["tested"]}, d["n"], d["sum"])
