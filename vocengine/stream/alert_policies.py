"""Alert policies as the roles use them: read from the settings, and weighed by what people answered about alerts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from vocengine.alerts import Budget, DetectorPolicy
from vocengine.alerts.policies import Policies, PolicyRules
from vocengine.alerts.policy_conflicts import check_routes
from vocengine.alerts.policy_files import load_policies
from vocengine.alerts.policy_source import PolicySource
from vocengine.errors import PolicyError
from vocengine.notify import Route, load_routes
from vocengine.settings import AlertSettings, Settings
from vocengine.store import cases
from vocengine.store.engine import Connection

# How long an answer of people may wait until it weighs.
_REMEMBERED = timedelta(minutes=10)


def policies_of(settings: Settings, routes: Sequence[Route] | None = None) -> Policies:
    """The policies that the settings name, none where they name none.

    Raises PolicyError where they are wrong, with `routes` also where they name a route that is not there, or one that
    takes none of their alerts.
    """
    found = load_policies(settings.alerts.policies)
    fault = None if routes is None else check_routes(found.all, _takes(routes))
    if fault is not None:
        raise PolicyError(fault)
    return found


def source_of(settings: Settings, routes: Sequence[Route] | None = None) -> PolicySource:
    """The policies that the settings name, followed while they change. Raises PolicyError as `policies_of` does."""
    told = None if routes is None else _takes(routes)
    return PolicySource(settings.alerts.policies, lambda found: None if told is None else check_routes(found.all, told))


def checked_policies(settings: Settings) -> Policies:
    """As `policies_of`, with the routes of the settings read too. Raises RouteError where these are wrong."""
    routes = () if settings.notify.routes is None else load_routes(settings.notify.routes)
    return policies_of(settings, routes)


def budget_of(settings: AlertSettings, policies: Policies) -> Budget:
    """The budget: that of the policies, else that of the settings."""
    return policies.budget or Budget(settings.at_most_false_alarms, settings.per_days)


def detector_policy_of(settings: AlertSettings) -> DetectorPolicy:
    """What counts as a fall where no policy says otherwise."""
    return DetectorPolicy(
        min_effect=settings.min_effect,
        min_history=settings.min_history_mentions,
        customer_min_history=settings.customer_min_history_mentions,
        min_observed=settings.min_observed_mentions,
        cool_down=timedelta(hours=settings.cool_down_h),
        allowed_lateness=timedelta(hours=settings.allowed_lateness_h),
    )


def _takes(routes: Sequence[Route]) -> dict[str, tuple[frozenset[str], tuple[str, ...]]]:
    return {route.name: (route.kinds, route.keys) for route in routes}


class WeighedRules(PolicyRules):
    """Rules by policy, in which a key weighs as its policy says and as people judged its cases, the product of both."""

    def __init__(self, policies: Policies, base: DetectorPolicy) -> None:
        self._judged: dict[str, float] = {}
        self._since: datetime | None = None
        super().__init__(policies, base, lambda key: self._judged.get(key, 1.0))

    def read(self, connection: Connection, keys: Iterable[str], *, now: datetime) -> None:
        """Look up how the cases of `keys` were judged, where that is not remembered yet."""
        if self._since is None or not timedelta(0) <= now - self._since < _REMEMBERED:
            self._judged, self._since = {}, now
            self.forget()
        asked = [key for key in keys if key not in self._judged]
        if asked:
            self._judged |= cases.importance_of(connection, asked)
