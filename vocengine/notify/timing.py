"""When a message is due: at once, after quiet hours, or with the next digest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vocengine.notify.routes import Route
from vocengine.quiet_hours import end_of_quiet


def quiet_until(route: Route, at: datetime) -> datetime | None:
    """The end of the quiet hours that `at` falls into; None where it falls into none."""
    return end_of_quiet(route.quiet, route.zone, at)


def due_at(route: Route, severity: str, now: datetime) -> datetime:
    """When an alert that comes in now is due; later than `now` where it is held back."""
    if route.passes(severity):
        return now
    at = _next_digest(route, now)
    return quiet_until(route, at) or at


def _next_digest(route: Route, now: datetime) -> datetime:
    local = now.astimezone(route.zone)
    if route.digest == "hourly":
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return now - into + timedelta(hours=1)
    if route.digest == "daily":
        date = local.date() + timedelta(days=0 if local.time() < route.digest_at else 1)
        return datetime.combine(date, route.digest_at, route.zone).astimezone(UTC)
    return now
