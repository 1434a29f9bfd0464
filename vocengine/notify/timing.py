"""When a message is due: at once, after quiet hours, or with the next digest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vocengine.notify.routes import Route


def quiet_until(route: Route, at: datetime) -> datetime | None:
    """The end of the quiet hours that `at` falls into; None where it falls into none."""
    if route.quiet is None:
        return None
    local = at.astimezone(route.zone)
    begin, end, clock = route.quiet.begin, route.quiet.end, local.time()
    over_midnight = begin > end
    inside = clock >= begin or clock < end if over_midnight else begin <= clock < end
    if not inside:
        return None
    date = local.date() + timedelta(days=1 if over_midnight and clock >= begin else 0)
    return datetime.combine(date, end, route.zone).astimezone(UTC)


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
