"""Numbers, times and changes in words and marks, the same on every page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from vocengine import pairs
from vocengine.contracts import Alert
from vocengine.contracts.alert import SHOWN
from vocengine.store.reads import BY_HOURS, MAX_POINTS, By, IncidentBrief, Point, Quote, Range, Series
from vocengine.trends.change import Change
from vocengine.trends.shares import ShareChange

MINUS = "\u2212"
_CLEAR = 0.25


def score(value: float | None, digits: int = 2) -> str:
    """`+0.21`, `−0.40`, `0.00`, or an en dash for nothing."""
    if value is None:
        return "–"
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return ("+" if value > 0 else MINUS) + text


def tone(value: float | None) -> str:
    """The class of a score: negative, neutral, positive, none."""
    if value is None:
        return "none"
    return "negative" if value < -_CLEAR else "positive" if value > _CLEAR else "neutral"


def percent(part: float) -> str:
    """A share 0..1 as `12 %`; below ten with one digit, below a tenth of a percent as `< 0.1 %`."""
    hundred = part * 100
    if 0 < hundred < 0.1:
        return "< 0.1\u00a0%"
    return f"{hundred:.1f}\u00a0%" if 0 < hundred < 9.95 else f"{hundred:.0f}\u00a0%"


def whole(value: int) -> str:
    """`12,480`."""
    return f"{value:,}"


def when(at: datetime) -> str:
    """`21 Sep 2026, 14:05` in UTC."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M}"


def day(at: datetime) -> str:
    """`21 Sep 2026` in UTC."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y}"


def iso(at: datetime) -> str:
    """RFC 3339 for `<time datetime>` and addresses."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def span_words(hours: int) -> str:
    """`7 days`, `6 hours`."""
    n, unit = (hours // 24, "day") if hours % 24 == 0 else (hours, "hour")
    return unit if n == 1 else f"{n} {unit}s"


def against_words(hours: int) -> str:
    """What a change compares: `Last 7 days against the 7 before`."""
    length = span_words(hours)
    before = length.split()[0] if " " in length else "one"
    return f"Last {length} against the {before} before"


def change_words(change: Change | None) -> str:
    """The change as a full phrase, for titles and readers of screens."""
    if change is None:
        return "too few mentions to compare"
    direction = "fell" if change.difference < 0 else "rose"
    interval = f"95 % interval {score(change.low)} to {score(change.high)}"
    sure = "" if change.certain else ", so no clear change"
    return f"{direction} by {abs(change.difference):.2f} ({interval}{sure})"


def share_change_words(change: ShareChange | None) -> str:
    """The change of a share as a full phrase, in points of a hundred."""
    if change is None:
        return "too few mentions to compare"
    direction = "fell" if change.difference < 0 else "rose"
    interval = f"95 % interval {points(change.low)} to {points(change.high)}"
    sure = "" if change.certain else ", so no clear change"
    return f"{direction} from {percent(change.before)} to {percent(change.after)} ({interval}{sure})"


def points(difference: float) -> str:
    """A difference of shares in points of a hundred: `+3.1`."""
    return score(difference * 100, 1)


def dimension_words(dimension: str) -> str:
    """`segment:region` → `Region`, `journey_stage` → `Journey stage`."""
    words = dimension.removeprefix("segment:").replace("_", " ")
    return words[:1].upper() + words[1:]


def path_part(name: str) -> str:
    """An id as one part of an address, slashes and all."""
    return quote(name, safe="")


def key_path(key: str) -> str:
    """The page of a monitored key: `topic:12` → `/topics/12`."""
    kind, _, name = key.partition(":")
    if kind in ("topic", "customer"):
        return f"/{kind}s/{path_part(name)}"
    return f"/?key={quote(key, safe=':')}"


def key_kind_words(kind: str) -> str:
    """`journey_stage` → `journey stage`, `topic~product` → `topic × product`."""
    return pairs.kind_words(kind)


def kind_words(kind: str) -> str:
    """`journey_stage_sentiment_fall` → `Journey stage`, `emerging_topic` → `Emerging topic`."""
    return kind.removesuffix("_sentiment_fall").replace("_", " ").capitalize()


def shown_by(alert: Alert) -> str:
    """What the mentions of an alert show more of: `anger`; nothing for a fall of sentiment."""
    return SHOWN.get(alert.kind, "")


def of_alert(found: Iterable[IncidentBrief], alert_id: str) -> IncidentBrief | None:
    """The incident of an alert, if it has one of several alerts."""
    return next((one for one in found if alert_id in one.alert_ids), None)


def rate(value: float) -> str:
    """So many an hour, or evidence: `12.5`, `1,240`; small ones with two digits."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 1 else f"{value:.2f}"


def sentiment_of(negativity: float) -> float:
    """Alerts count negativity 0..1, (1 − score) / 2; the pages speak of sentiment −1..1."""
    return 1 - 2 * negativity


def highlighted(text: str, quotes: Iterable[Quote]) -> Markup:
    """The text, escaped, with its quotes marked by tone; of quotes that overlap the first is kept."""
    parts, at = [], 0
    for q in sorted(quotes, key=lambda q: (q.start, -q.end)):
        if q.start < at or q.end <= q.start:
            continue
        parts.append(escape(text[at : q.start]))
        title = f"{q.label}, {score(q.score)}"
        parts.append(
            Markup('<mark class="{}" title="{}">{}</mark>').format(tone(q.score), title, text[q.start : q.end])
        )
        at = q.end
    parts.append(escape(text[at:]))
    return Markup("").join(parts)


def common_scale(series: Iterable[Series]) -> tuple[float, float]:
    """Lowest and highest smoothed score among several trends, so that their sparklines compare."""
    levels = [p.smoothed for s in series for p in s.points if p.smoothed is not None]
    low, high = min(levels, default=-1.0), max(levels, default=1.0)
    spare = max(0.1, (high - low) * 0.08)
    return max(-1.0, low - spare), min(1.0, high + spare)


def sparkline(series: Series, scale: tuple[float, float]) -> Markup:
    """The smoothed trend as a small inline drawing, with the zero line where it is in sight."""
    width, height = 120, 30
    low, high = scale

    def y(level: float) -> float:
        return round(height - 2 - (level - low) / (high - low) * (height - 4), 1)

    levels = [(i, p.smoothed) for i, p in enumerate(series.points) if p.smoothed is not None]
    if len(levels) < 2:
        return Markup('<span class="muted">–</span>')
    step = (width - 6) / max(1, len(series.points) - 1)
    line = " ".join(f"{2 + i * step:.1f},{y(level)}" for i, level in levels)
    last_i, last = levels[-1]
    zero = f'<line class="zero" x1="0" x2="{width}" y1="{y(0)}" y2="{y(0)}"/>' if low < 0 < high else ""
    words = f"from {score(levels[0][1])} to {score(last)}"
    return Markup(
        f'<svg class="spark" viewBox="0 0 {width} {height}" role="img" aria-label="Sentiment {words}">'
        f'<title>{words}</title>{zero}<polyline points="{line}"/>'
        f'<circle cx="{2 + last_i * step:.1f}" cy="{y(last)}" r="2.2"/></svg>'
    )


def chart_data(
    series: Series, within_h: int, *, alert: Alert | None = None, fixed_at: datetime | None = None
) -> Markup:
    """What the chart of a trend is drawn from, as JSON that is safe inside a script element.

    `alert` marks its window and its baseline, `fixed_at` the moment when something was mended.
    """
    data: dict[str, Any] = {"bucket_h": within_h, "points": [_plain(p) for p in _up_to_last(series.points)]}
    if alert is not None:
        data["window"] = [iso(alert.window_start), iso(alert.window_end)]
        data["baseline"] = sentiment_of(alert.baseline_mean)
    if fixed_at is not None:
        data["fixed"] = iso(fixed_at)
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def widths_of(within: Range) -> list[By]:
    """The widths that a range can be cut into: not more points than can be shown, and more than one."""
    hours = int((within.end - within.start).total_seconds() // 3600)
    return [by for by, wide in BY_HOURS.items() if wide < hours <= wide * MAX_POINTS]


def bucket_hours(points: Sequence[Point]) -> int:
    """Width of the buckets of a trend, in hours."""
    return int((points[1].at - points[0].at).total_seconds() // 3600) if len(points) > 1 else 1


def _up_to_last(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Without the empty buckets at the end: they lie in the data's future."""
    last = max((i for i, p in enumerate(points) if p.n), default=-1)
    return points[: last + 1]


def _plain(p: Point) -> list[Any]:
    rounded = [None if v is None else round(v, 4) for v in (p.mean, p.low, p.high, p.smoothed)]
    return [iso(p.at), p.n, p.negative_n, p.positive_n, *rounded]
