"""vocengine topics trends: how topics go, by what, and what made up the change."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import click

from vocengine.cli.context import settings_of

if TYPE_CHECKING:
    from vocengine.store.reads import Connection, Range, Series, ShareSeries, WhatChanged

By = Literal["hour", "day", "week"]

_BLOCKS = "▁▂▃▄▅▆▇█"
_MOST_BLOCKS = 32


@click.command()
@click.argument("topic_id", type=click.IntRange(0, 2**31 - 1), required=False)
@click.option(
    "--days", type=click.IntRange(1, 400), default=28, show_default=True, help="Back from the end of the data."
)
@click.option("--by", type=click.Choice(["hour", "day", "week"]), help="Width of the points.")
@click.option(
    "--dimension",
    default="channel",
    show_default=True,
    help="With a topic: channel, product, journey_stage or segment:NAME.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON for machines.")
@click.pass_context
def trends(ctx: click.Context, topic_id: int | None, days: int, by: By | None, dimension: str, as_json: bool) -> None:
    """Show how topics went, and what made up the change; of one TOPIC_ID also by a dimension, and its emotions."""
    from vocengine.store import engine
    from vocengine.store.reads import cut_by, latest_range, reading

    with reading(engine.connect(settings_of(ctx))) as connection:
        within = latest_range(connection, days=days)
        if within is None:
            click.echo("no feedback yet: start `vocengine run` and send some")
            return
        try:
            within = cut_by(within, by)
        except ValueError as error:
            raise click.BadParameter(f"--{error}") from None
        if topic_id is None:
            _all_topics(connection, within, as_json=as_json)
        else:
            _one_topic(connection, topic_id, within, dimension, as_json=as_json)


def sparkline(levels: Sequence[float | None], low: float, high: float) -> str:
    """Levels as blocks from `low` to `high`, at most `_MOST_BLOCKS`, blanks for nothing; the last are the newest."""
    if len(levels) > _MOST_BLOCKS:
        edges = [i * len(levels) // _MOST_BLOCKS for i in range(_MOST_BLOCKS + 1)]
        # The last known level of each stretch: smoothed levels hold what came before.
        stretches = [levels[a:b] for a, b in itertools.pairwise(edges)]
        levels = [next((x for x in reversed(part) if x is not None), None) for part in stretches]
    span = max(high - low, 1e-9)
    return "".join(
        " " if x is None else _BLOCKS[min(7, max(0, int((x - low) / span * len(_BLOCKS))))] for x in levels
    ).rstrip()


def _all_topics(connection: Connection, within: Range, *, as_json: bool) -> None:
    import orjson

    from vocengine.store.reads import topic_trends, what_changed
    from vocengine.terminal import table

    found, changes = topic_trends(connection, within), what_changed(connection, within)
    if as_json:
        click.echo(orjson.dumps({"range": within, "topics": found, "changes": changes}).decode())
        return
    if not found:
        click.echo("no topics yet: run `vocengine topics refit`")
        return
    parts = {p.topic_id: p.part for p in changes.parts}
    low, high = _scale([topic.series for topic in found])
    rows = []
    for topic in found:
        part = parts.get(topic.topic_id)
        made = _part(part.total, part.certain) if part else "–"
        columns = _columns(topic.series, low, high)
        rows.append([topic.topic_id, topic.label, topic.series.n, f"{topic.share:.1%}", *columns, made])
    if None in parts:
        rest = parts[None]
        rows.append(["", "no topic", "", "", "", "", "", _part(rest.total, rest.certain)])
    table(["id", "topic", "mentions", "share", "sentiment", "trend", "change", "part"], rows, title=_title(within))
    click.echo(_made_up(changes))


def _one_topic(connection: Connection, topic_id: int, within: Range, dimension: str, *, as_json: bool) -> None:
    import orjson

    from vocengine.store.reads import topic_emotions, topic_split
    from vocengine.terminal import table

    split = topic_split(connection, topic_id, within, dimension)
    emotions = topic_emotions(connection, topic_id, within)
    if split is None or emotions is None:
        raise click.BadParameter(f"there is no topic {topic_id}; `vocengine topics list` shows those there are")
    if as_json:
        click.echo(orjson.dumps({"range": within, "split": split, "emotions": emotions}).decode())
        return
    low, high = _scale([split.series, *(v.series for v in split.values)])
    rows = [["all", split.series.n, "", *_columns(split.series, low, high), ""]]
    for v in split.values:
        part = v.contribution
        rows.append([v.name, v.series.n, f"{v.share:.1%}", *_columns(v.series, low, high),
                     _part(part.total, part.certain) if part else "–"])  # fmt: skip
    table(
        [dimension, "mentions", "share", "sentiment", "trend", "change", "part"],
        rows,
        title=f"{split.topic_id}  {split.label}, {_title(within)}",
    )
    click.echo()
    voice = split.share_of_voice
    # The share of voice is of all feedback, emotions are of the topic: one scale would flatten either.
    shares = [_share_row("all feedback", voice, _highest([voice]))]
    shares += [_share_row(e.name, e, _highest(emotions.emotions)) for e in emotions.emotions]
    table(["share of", "mentions", "share", "95 % interval", "trend", "change"], shares)


def _share_row(name: str, share: ShareSeries, highest: float) -> list[str | int]:
    last = max((i for i, p in enumerate(share.points) if p.of), default=-1)
    line = sparkline([p.smoothed for p in share.points[: last + 1]], 0, highest)
    change = share.change
    moved = "–"
    if change is not None:
        moved = f"{_mark(change.difference, change.certain)} {change.difference * 100:+.1f} points"
    if share.share is None or share.low is None or share.high is None:
        return [name, share.n, "–", "–", line, moved]
    return [name, share.n, f"{share.share:.1%}", f"{share.low:.1%} to {share.high:.1%}", line, moved]


def _highest(shares: Sequence[ShareSeries]) -> float:
    return max((p.smoothed for s in shares for p in s.points if p.smoothed is not None), default=1.0)


def _columns(series: Series, low: float, high: float) -> list[str]:
    """Sentiment, trend and change."""
    last = max((i for i, p in enumerate(series.points) if p.n), default=-1)
    line = sparkline([p.smoothed for p in series.points[: last + 1]], low, high)
    change = series.change
    moved = "–" if change is None else f"{_mark(change.difference, change.certain)} {change.difference:+.2f}"
    return ["–" if series.mean is None else f"{series.mean:+.2f}", line, moved]


def _scale(series: Sequence[Series]) -> tuple[float, float]:
    levels = [p.smoothed for s in series for p in s.points if p.smoothed is not None]
    return min(levels, default=-1.0), max(levels, default=1.0)


def _mark(difference: float, certain: bool) -> str:
    return ("▼" if difference < 0 else "▲") if certain else "·"


def _part(total: float, certain: bool) -> str:
    return f"{_mark(total, certain)} {total:+.3f}"


def _title(within: Range) -> str:
    width = {1: "hour", 24: "day", 168: "week"}[within.bucket_h]
    return f"{within.start:%Y-%m-%d %H:%M} to {within.end:%Y-%m-%d %H:%M} UTC by the {width}"


def _made_up(changes: WhatChanged) -> str:
    if changes.before_mean is None or changes.after_mean is None or changes.difference is None:
        return "too little in the last quarter, or the one before, to compare"
    hours = changes.window_h
    length = f"{hours // 24} days" if hours % 24 == 0 else f"{hours} hours"
    return (
        f"all feedback, last {length} against those before: {changes.before_mean:+.3f} to {changes.after_mean:+.3f}, "
        f"{changes.difference:+.3f}; the parts add up to it. ▼▲ are beyond chance (95 %)"
    )
