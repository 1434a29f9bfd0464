"""Stored events → their mentions → what would have fired."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from vocengine.alerts.backtest import Backtest, backtest
from vocengine.alerts.policies import Policies
from vocengine.contracts import Mention
from vocengine.errors import InputError
from vocengine.settings import Settings
from vocengine.store import stored_events
from vocengine.store.engine import Connection
from vocengine.store.reads import watched_keys
from vocengine.stream.alert_policies import WeighedRules, budget_of, detector_policy_of
from vocengine.trends.mentions import Monitored, mentions_of

DEFAULT_DAYS = 28


def range_of(connection: Connection, start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    """The range to replay: what is not given ends with the newest event, and begins `DEFAULT_DAYS` days before.

    Raises InputError where there are no events, or none in the range.
    """
    newest = stored_events.newest_event(connection)
    if newest is None:
        raise InputError("there is no feedback to replay yet: start `vocengine run` and send some")
    end = end or newest + timedelta(microseconds=1)
    start = start or end - timedelta(days=DEFAULT_DAYS)
    if start >= end:
        raise InputError(f"from is {_said(start)}, which is not before to, {_said(end)}")
    if not stored_events.occurred_between(connection, start, end):
        raise InputError(
            f"there is no scored feedback from {_said(start)} to {_said(end)}; the newest is of {_said(newest)}"
        )
    return start, end


def replay(
    connection: Connection, settings: Settings, policies: Policies, start: datetime, end: datetime, *, train_days: int
) -> Backtest:
    """What would have fired in [start, end) after `train_days` days of history before it.

    Cases are weighed as people have judged them up to now. Reads only.
    """
    rules = WeighedRules(policies, detector_policy_of(settings.alerts))
    rules.read(connection, [one.key for one in watched_keys(connection)], now=datetime.now(UTC))
    monitored = Monitored(**settings.monitor.model_dump())

    def mentions() -> Iterator[Mention]:
        for event in stored_events.stored_events(connection, start - timedelta(days=train_days), end):
            yield from mentions_of(event, monitored)

    return backtest(
        mentions(),
        policies=policies,
        rules=rules,
        budget=budget_of(settings.alerts, policies),
        start=start,
        signals=settings.alerts.signals,
    )


def _said(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
