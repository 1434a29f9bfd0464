"""Small charts drawn into the page: a smoothed line in its 95 % band, over bars of volume."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

from vocengine.store.reads import Series, ShareSeries
from vocengine.web.wording import common_scale, percent, score

_WIDTH, _HEIGHT, _BARS = 320, 96, 20

Scale = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Dot:
    n: int
    level: float | None
    low: float | None
    high: float | None


def sentiment_scale(series: Iterable[Series]) -> Scale:
    """Lowest and highest of several trends, so that their charts compare."""
    return common_scale(series)


def share_scale(series: Iterable[ShareSeries]) -> Scale:
    """From nought to a little above the highest smoothed share of several."""
    highest = max((p.smoothed for s in series for p in s.points if p.smoothed is not None), default=0.0)
    return 0.0, min(1.0, max(0.02, highest * 1.25))


def sentiment_chart(series: Series, scale: Scale) -> Markup:
    """A key's sentiment."""
    dots = [_Dot(p.n, p.smoothed, p.smoothed_low, p.smoothed_high) for p in series.points]
    return _chart(dots, scale, "Sentiment", "score")


def share_chart(series: ShareSeries, scale: Scale, what: str) -> Markup:
    """A share over time; `what` says of what, for readers of screens."""
    dots = [_Dot(p.n, p.smoothed, p.smoothed_low, p.smoothed_high) for p in series.points]
    return _chart(dots, scale, what, "percent")


def _chart(dots: Sequence[_Dot], scale: Scale, what: str, unit: Literal["score", "percent"]) -> Markup:
    last = max((i for i, dot in enumerate(dots) if dot.n), default=-1)
    known = [(i, dot.level) for i, dot in enumerate(dots[: last + 1]) if dot.level is not None]
    if len(known) < 2:
        return Markup('<p class="muted few">Too little for a line</p>')
    low, high = scale
    step = _WIDTH / max(1, last + 1)
    top = _HEIGHT - _BARS - 6

    def x(i: int) -> float:
        return round((i + 0.5) * step, 1)

    def y(level: float) -> float:
        return round(top - (min(high, max(low, level)) - low) / (high - low) * (top - 3), 1)

    most = max(dot.n for dot in dots)
    bars = "".join(
        f'<rect x="{i * step + step * 0.12:.1f}" y="{_HEIGHT - dot.n / most * _BARS:.1f}" width="{step * 0.76:.1f}" '
        f'height="{dot.n / most * _BARS:.1f}"/>'
        for i, dot in enumerate(dots[: last + 1])
        if dot.n
    )
    zero = f'<line class="zero" x1="0" x2="{_WIDTH}" y1="{y(0)}" y2="{y(0)}"/>' if low < 0 < high else ""
    line = " ".join(f"{x(i)},{y(level)}" for i, level in known)
    words = f"{what} from {_words(known[0][1], unit)} to {_words(known[-1][1], unit)}"
    return Markup(
        f'<svg class="small-chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(words)}"><title>{escape(words)}</title>{"".join(_bands(dots[: last + 1], x, y))}{zero}'
        f'<g class="volume">{bars}</g><polyline points="{line}"/></svg>'
    )


def _bands(dots: Sequence[_Dot], x: Callable[[int], float], y: Callable[[float], float]) -> list[str]:
    """One for each unbroken run: a band over a gap would claim what nobody measured."""
    bands: list[str] = []
    run: list[tuple[int, float, float]] = []
    for i, dot in enumerate([*dots, _Dot(0, None, None, None)]):
        if dot.low is not None and dot.high is not None:
            run.append((i, dot.low, dot.high))
            continue
        if len(run) > 1:
            there = [f"{x(j)},{y(high)}" for j, _, high in run]
            back = [f"{x(j)},{y(low)}" for j, low, _ in reversed(run)]
            bands.append(f'<polygon points="{" ".join(there + back)}"/>')
        run = []
    return bands


def _words(value: float, unit: Literal["score", "percent"]) -> str:
    return score(value) if unit == "score" else percent(value)
