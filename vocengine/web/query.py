"""What can be asked for in the address, the same for pages and API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query

from vocengine.errors import InputError
from vocengine.store.reads import MAX_DAYS, By, Connection, Range, cut_by, latest_range, range_of

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class QueryError(InputError):
    """A parameter of the address is wrong: names it, its value and what would be right."""


@dataclass(frozen=True, slots=True)
class RangeQuery:
    """The range as it was asked for: from–to, or the last days of the data; cut by the hour, day or week."""

    start: datetime | None
    end: datetime | None
    days: int
    by: By | None = None

    def resolve(self, connection: Connection) -> Range | None:
        """The range in the data; None where there is no data and none was named. Raises QueryError."""
        found = self._range(connection)
        try:
            return found and cut_by(found, self.by)
        except ValueError as error:
            raise QueryError(str(error)) from None

    def _range(self, connection: Connection) -> Range | None:
        if self.start is None and self.end is None:
            return latest_range(connection, days=self.days)
        start, end = self.start, self.end
        if end is None and start is not None:
            newest = latest_range(connection, days=1)
            end = newest.end if newest and newest.end > start else start + timedelta(days=self.days)
        elif start is None and end is not None:
            start = end - timedelta(days=self.days)
        assert start is not None and end is not None
        try:
            return range_of(start, end)
        except ValueError as error:
            raise QueryError(str(error)) from None


def range_query(
    from_: Annotated[
        str | None,
        Query(alias="from", description="First day (2026-09-01) or RFC 3339 time of the range.", max_length=40),
    ] = None,
    to: Annotated[
        str | None,
        Query(description="Last day, included, or RFC 3339 time before which the range ends.", max_length=40),
    ] = None,
    days: Annotated[
        int, Query(description="Length in days, counted back from the end of the data.", ge=1, le=MAX_DAYS)
    ] = 28,
    by: Annotated[
        By | None, Query(description="Width of the points; by the length of the range where it is not given.")
    ] = None,
) -> RangeQuery:
    """The range parameters as a FastAPI dependency. Raises QueryError."""
    return RangeQuery(_time("from", from_, whole_day=False), _time("to", to, whole_day=True), days, by)


def _time(name: str, text: str | None, *, whole_day: bool) -> datetime | None:
    if not text:  # an empty field of a form is no bound
        return None
    try:
        # A plus sign in an address means a blank unless it was written %2B; both are meant as a plus here.
        at = datetime.fromisoformat(text.replace(" ", "+") if text.count(":") > 1 else text)
    except ValueError:
        raise QueryError(f"{name} is {text!r}; expected a day such as 2026-09-01 or an RFC 3339 time") from None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    if not _EARLIEST <= at <= _LATEST:
        raise QueryError(f"{name} is {text!r}; expected a time between 1990 and 2200")
    if whole_day and _DATE.fullmatch(text):
        at += timedelta(days=1)
    return at.astimezone(UTC)
