"""Hours of the local clock in which nobody is told, and how YAML writes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local times between which nothing is sent; the end may lie on the next day."""

    begin: time
    end: time


def _time(value: object) -> object:
    # YAML reads 22:00 without quotes as a number of base 60.
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * 60:
        return time(value // 60, value % 60)
    return value


Clock = Annotated[time, BeforeValidator(_time)]


class QuietEntry(BaseModel):
    """Quiet hours as a file writes them."""

    model_config = ConfigDict(extra="forbid")

    begin: Annotated[Clock, Field(alias="from")]
    end: Annotated[Clock, Field(alias="to")]


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name. Raises ValueError with what would be right."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"time_zone is {name!r}: no such zone; write one such as Europe/Berlin") from None


def quiet_of(entry: QuietEntry | None) -> QuietHours | None:
    """The quiet hours of an entry. Raises ValueError where they begin when they end."""
    if entry is None:
        return None
    if entry.begin == entry.end:
        raise ValueError(f"quiet_hours begin and end at {entry.begin:%H:%M}: always or never?")
    return QuietHours(entry.begin, entry.end)


def end_of_quiet(quiet: QuietHours | None, zone: ZoneInfo, at: datetime) -> datetime | None:
    """The end, in UTC, of the quiet hours that `at` falls into; None where it falls into none."""
    if quiet is None:
        return None
    local = at.astimezone(zone)
    clock = local.time()
    over_midnight = quiet.begin > quiet.end
    inside = clock >= quiet.begin or clock < quiet.end if over_midnight else quiet.begin <= clock < quiet.end
    if not inside:
        return None
    date = local.date() + timedelta(days=1 if over_midnight and clock >= quiet.begin else 0)
    return datetime.combine(date, quiet.end, zone).astimezone(UTC)
