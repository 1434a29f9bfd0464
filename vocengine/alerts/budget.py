"""The budget of false alarms as a purse: income by elapsed event time, spent in small shares, never overdrawn.

A mention that is tested puts a stake γ on the hypothesis that its key has fallen just now; the stake grows by the bets
of the detector, which gain nothing on average while the key is unchanged, and an alarm costs a grown stake of 1. So
the expected number of false alarms is at most the sum of the stakes, whatever decides their size, as long as it is
decided before the mention is looked at (docs/concepts/alerts.md derives it). The stakes come out of a purse whose
income is the budget: at_most / per_days for each day of event time, divided by the partitions, each of which keeps its
own purse.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vocengine.alerts.clock import DAY_S

# A kind without a tested mention for so long leaves its part to the others.
ACTIVE_DAYS = 7
# What is not spent for so long is lost: a hoard would buy many false alarms at once.
HOARD_DAYS = 7.0
# Tested mentions a day of a kind of which nothing is known yet.
_EXPECTED_AT_FIRST = 20.0
_LARGEST_SHARE = 0.5
# Part of the budget that is never staked: the promise is kept with room for what the baselines get wrong.
RESERVE = 0.3
# Weight of yesterday in the expected traffic.
_RECENT = 0.3


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `at_most` false alarms in `per_days` days, over all keys."""

    at_most: float = 1.0
    per_days: float = 7.0

    def __str__(self) -> str:
        return f"at most {self.at_most:g} false alarm{'s' if self.at_most != 1 else ''} in {self.per_days:g} days"

    @property
    def a_day(self) -> float:
        """False alarms a day."""
        return self.at_most / self.per_days


@dataclass(slots=True)
class Account:
    """What one kind of keys may spend, and the traffic that it expects; traffic is weighed by importance."""

    saved: float = 0.0
    seen: float = 0.0
    expected: float = _EXPECTED_AT_FIRST
    today: float = 0.0
    used_day: int = 0
    full_days: int = 0


@dataclass(slots=True)
class Purse:
    """The purse of one partition, with an account for each kind of keys; all amounts are expected false alarms.

    Income is shared equally among the kinds that are being tested, so that the few messages of customers do not stand
    behind the many of channels. A mention draws the part 1 / (mentions expected in a day) of its kind's account, times
    the importance of its key: in steady traffic one day's income lies in the account, and a burst draws ever less, down
    to the income between two mentions.
    """

    at_s: float | None = None
    income: float = 0.0
    spent: float = 0.0
    unclaimed: float = 0.0
    each: float = 0.0
    day: int = 0
    active: int = 0
    accounts: dict[str, Account] = field(default_factory=dict)

    def earn(self, now_s: float, a_day: float) -> None:
        """Take the income until `now_s`, at `a_day` false alarms a day; time that runs back brings none.

        A silence longer than the hoard brings no more than the hoard.
        """
        if self.at_s is None:
            self.at_s, self.day = now_s, int(now_s // DAY_S)
            return
        elapsed = now_s - self.at_s
        if elapsed <= 0.0:
            return
        self.at_s = now_s
        income = min(elapsed / DAY_S, HOARD_DAYS) * a_day
        self.income += income
        gain = (1.0 - RESERVE) * income
        if self.active:
            self.each += gain / self.active
        else:
            self.unclaimed = min(self.unclaimed + gain, HOARD_DAYS * a_day)
        day = int(now_s // DAY_S)
        if day != self.day:
            self._begin_day(day)

    def draw(self, kind: str, importance: float, a_day: float) -> float:
        """The stake of one tested mention of a key of `kind`. Call `earn` first."""
        account = self.accounts.get(kind)
        if account is None or not account.used_day:
            account = self._open(kind)
        account.used_day = self.day
        account.today += importance
        most = HOARD_DAYS * a_day * (1.0 - RESERVE) / self.active
        saved = min(account.saved + self.each - account.seen, most)
        account.seen = self.each
        expected = account.expected if account.expected > account.today else account.today
        share = importance / expected if expected > 0.0 else 0.0
        stake = saved * (share if share < _LARGEST_SHARE else _LARGEST_SHARE)
        account.saved = saved - stake
        self.spent += stake
        return stake

    def _open(self, kind: str) -> Account:
        account = self.accounts.setdefault(kind, Account())
        account.saved, self.unclaimed = self.unclaimed, 0.0
        account.seen = self.each
        account.used_day = self.day
        self._count()
        return account

    def _begin_day(self, day: int) -> None:
        passed, self.day = day - self.day, day
        for account in self.accounts.values():
            if account.full_days:
                # Days without any count as well, up to the point where they would have faded anyway.
                account.expected = (1 - _RECENT) * account.expected + _RECENT * account.today
                account.expected *= (1 - _RECENT) ** min(passed - 1, 14)
            elif account.today:
                account.expected = account.today
            account.full_days += account.today > 0
            account.today = 0.0
            if account.used_day and account.used_day < day - ACTIVE_DAYS:
                # Its part of what it did not spend goes back to all.
                self.unclaimed += account.saved + self.each - account.seen
                account.saved, account.seen, account.used_day = 0.0, self.each, 0
        self._count()

    def _count(self) -> None:
        self.active = sum(account.used_day > 0 for account in self.accounts.values())

    def to_plain(self) -> list[Any]:
        """As plain values, for `from_plain`."""
        accounts = [
            (kind, a.saved, a.seen, a.expected, a.today, a.used_day, a.full_days) for kind, a in self.accounts.items()
        ]
        own = (self.at_s, self.income, self.spent, self.unclaimed, self.each, self.day, self.active)
        return [*own, accounts]

    @classmethod
    def from_plain(cls, plain: list[Any]) -> Purse:
        """The purse that `to_plain` wrote."""
        *own, accounts = plain
        at_s, income, spent, unclaimed, each, day, active = own
        opened = {kind: Account(*rest) for kind, *rest in accounts}
        return cls(at_s, income, spent, unclaimed, each, day, active, opened)
