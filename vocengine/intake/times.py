"""Times as files write them → RFC 3339 in UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from vocengine.intake.faults import RowFault, shown
from vocengine.intake.rules import TimeRule

# Day 60 of Excel's calendar, 29 February 1900, never was; counting from here is right from 1 March 1900 on.
_EXCEL_DAY_ZERO = datetime(1899, 12, 30)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_DAY_FIRST = tuple(f"%d{s}%m{s}{y}{c}" for c in _CLOCKS for s in "/.-" for y in ("%Y", "%y"))
_MONTH_FIRST = tuple(f"%m{s}%d{s}{y}{c}" for c in _CLOCKS for s in "/.-" for y in ("%Y", "%y"))

Parser = Callable[[object], datetime | None]


def rfc3339(moment: datetime) -> str:
    """`2026-03-01T12:30:00Z` of an aware time."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def compile_time(rule: TimeRule, field: str) -> Callable[[object], str]:
    """A function from a value of a file to RFC 3339 in UTC; it raises RowFault naming field, value and formats."""
    zone: tzinfo | None = ZoneInfo(rule.zone) if rule.zone else None
    parsers = tuple(_parser(form) for form in rule.formats)

    def convert(value: object) -> str:
        if isinstance(value, datetime):
            moment: datetime | None = value
        elif isinstance(value, date):
            moment = datetime.combine(value, time())
        else:
            moment = None
            for parse in parsers:
                moment = parse(value)
                if moment is not None:
                    break
        if moment is None:
            raise RowFault(f"{field} is {shown(value)}: not a time as {' or '.join(rule.formats)}", field=field)
        if moment.tzinfo is None:
            if zone is None:
                raise RowFault(f"{field} is {shown(value)}: has no zone; give zone in the mapping", field=field)
            moment = moment.replace(tzinfo=zone)
        try:
            return rfc3339(moment)
        except OverflowError:
            raise RowFault(f"{field} is {shown(value)}: outside the years 1 to 9999", field=field) from None

    return convert


def _parser(form: str) -> Parser:
    presets: dict[str, Parser] = {
        "iso": _iso,
        "epoch_s": lambda value: _counted(value, _EPOCH, 1.0),
        "epoch_ms": lambda value: _counted(value, _EPOCH, 1e-3),
        "excel_days": lambda value: _counted(value, _EXCEL_DAY_ZERO, 86_400.0),
        "day_first": lambda value: _any_of(value, _DAY_FIRST),
        "month_first": lambda value: _any_of(value, _MONTH_FIRST),
    }
    return presets.get(form) or (lambda value: _strptime(value, form))


def _iso(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def _strptime(value: object, form: str) -> datetime | None:
    if not isinstance(value, str):
        # %Y%m%d and the like are numbers in JSON.
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        value = str(value)
    try:
        return datetime.strptime(value.strip(), form)
    except ValueError:
        return None


def _any_of(value: object, forms: tuple[str, ...]) -> datetime | None:
    return next((moment for form in forms if (moment := _strptime(value, form)) is not None), None)


def _counted(value: object, zero: datetime, unit_s: float) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        # Whole seconds and microseconds apart: a float product would lose the last milliseconds.
        counted = timedelta(seconds=float(value) * unit_s)
        return zero + timedelta(microseconds=round(counted / timedelta(microseconds=1)))
    except (ValueError, OverflowError):
        return None
