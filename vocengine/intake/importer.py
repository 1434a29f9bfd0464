"""Import a file: rows → events → a sink, resumable, with every refused row accounted for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from vocengine.contracts import Feedback, Rejected
from vocengine.errors import SourceError
from vocengine.intake.mapping import Mapping as SourceMapping
from vocengine.intake.progress import Position, ProgressFile, identify
from vocengine.intake.readers import Reader, Row, open_reader
from vocengine.intake.replay import check_speed, replay
from vocengine.intake.sinks import Sink
from vocengine.intake.translate import Outcome, Skipped, Translator, missing_columns

_MAX_UNCONFIRMED_S = 5.0
_LONG_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the rows: `read` = `sent` + `skipped` + `rejected`, all of this run.

    `resumed_after_row` is the last row that an earlier run had confirmed. `finished` is False where `limit`
    stopped the run. `never_found` names paths of the mapping that no row read had.
    """

    read: int = 0
    sent: int = 0
    skipped: int = 0
    rejected: int = 0
    skipped_because: Mapping[str, int] = field(default_factory=dict)
    rejected_because: Mapping[str, int] = field(default_factory=dict)
    resumed_after_row: int | None = None
    never_found: tuple[str, ...] = ()
    finished: bool = False


@dataclass(frozen=True, slots=True)
class _Handled:
    """A row with what it became; `raw` is kept for refused rows only, since sorting holds all of them at once."""

    position: Position
    outcome: Outcome
    raw: bytes


def import_file(
    path: str | Path,
    mapping: SourceMapping,
    *,
    sink: Sink,
    format: str | None = None,
    progress: Callable[[ImportReport], None] | None = None,
    resume_from: str | Path | None = None,
    on_rejected: Callable[[int, Rejected], None] | None = None,
    limit: int | None = None,
    speed: float | None = None,
    flush_rows: int = 2_000,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> ImportReport:
    """Send every row of a file to a sink as Feedback; refused rows go to the sink's `reject`.

    `resume_from` is a folder for the position: it is saved only after the sink has confirmed (`flush`), every
    `flush_rows` rows, and an import of the same unchanged file under the same mapping goes on behind it; a
    finished import forgets it. `limit` is the most rows to handle in this run. `speed` replays in event time
    (see `replay`). A mapping with `order_by`, and any replay, holds all events of the file in memory to sort
    them. `progress` is called after each confirmation, `on_rejected` with each refused row's number.

    Raises SourceError where the file cannot be read or lacks a column that the mapping names, InputError for
    a speed that is not above 0, and whatever the sink raises.
    """
    check_speed(speed)
    path = Path(path)
    reader = open_reader(path, format=format or mapping.format, csv=mapping.csv)
    translator = Translator(mapping)
    _check_fit(path, mapping, reader)
    ordered = mapping.order_by is not None or speed is not None
    state = None
    done: Position | None = None
    if resume_from is not None:
        identity = identify(path, mapping=mapping.digest(), format=reader.format, ordered=ordered)
        state = ProgressFile(Path(resume_from), identity)
        done = state.load()
    tally = _Tally(translator, done)

    with closing(reader.rows()) as rows:
        handled = _handled(rows, translator, after=None if ordered else done)
        if ordered:
            handled = _in_event_order(handled, after=done)
        confirmed_at_s = clock()
        last: Position | None = None
        confirmed: Position | None = None
        for delay_s, item in _paced(handled, speed, clock):
            if limit is not None and tally.read >= limit:
                break
            if delay_s >= _LONG_PAUSE_S and last != confirmed:
                # Nothing may hang half-sent through a quiet night of the replay.
                _confirm(sink, state, last)
                confirmed, confirmed_at_s = last, clock()
            if delay_s > 0:
                sleep(delay_s)
            _deliver(item, sink, on_rejected)
            tally.count(item.outcome)
            last = item.position
            if tally.read % flush_rows == 0 or clock() - confirmed_at_s >= _MAX_UNCONFIRMED_S:
                _confirm(sink, state, last)
                confirmed, confirmed_at_s = last, clock()
                if progress is not None:
                    progress(tally.report())
        else:
            tally.finished = True
        _confirm(sink, state, last)
        if tally.finished and state is not None:
            state.clear()
    report = tally.report()
    if progress is not None:
        progress(report)
    return report


class _Tally:
    """Counts of a run in the making."""

    def __init__(self, translator: Translator, done: Position | None) -> None:
        self._translator = translator
        self._done = done
        self.read = 0
        self.sent = 0
        self.skipped: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.finished = False

    def count(self, outcome: Outcome) -> None:
        """One more row."""
        self.read += 1
        if isinstance(outcome, Feedback):
            self.sent += 1
        elif isinstance(outcome, Skipped):
            self.skipped[outcome.reason] += 1
        else:
            self.rejected[outcome.code] += 1

    def report(self) -> ImportReport:
        """The counts so far."""
        return ImportReport(
            read=self.read,
            sent=self.sent,
            skipped=self.skipped.total(),
            rejected=self.rejected.total(),
            skipped_because=dict(self.skipped),
            rejected_because=dict(self.rejected),
            resumed_after_row=self._done.row if self._done is not None else None,
            never_found=self._translator.never_found,
            finished=self.finished,
        )


def _check_fit(path: Path, mapping: SourceMapping, reader: Reader) -> None:
    if mapping.passthrough:
        if reader.format == "csv":
            raise SourceError(
                f"{path} is CSV, whose values are all text: mapping {mapping.name} passes records through and "
                "needs JSON Lines, JSON or Parquet"
            )
        return
    if mapping.fields is None or reader.columns is None:
        return
    missing = missing_columns(mapping.fields, reader.columns)
    if missing:
        names = ", ".join(repr(name) for name in missing)
        there = ", ".join(repr(name) for name in reader.columns)
        raise SourceError(
            f"{path} has no column {names}, which mapping {mapping.name} names; its columns are {there} "
            "(for a fixed value write {constant: …}, for a column that may be absent optional: true)"
        )


def _handled(rows: Iterator[Row], translator: Translator, *, after: Position | None) -> Iterator[_Handled]:
    for row in rows:
        translator.observe(row)
        if after is not None and row.number <= after.row:
            continue
        outcome = translator.translate(row)
        raw = row.raw() if isinstance(outcome, Rejected) else b""
        yield _Handled(Position(row.number), outcome, raw)


def _in_event_order(handled: Iterator[_Handled], *, after: Position | None) -> Iterator[_Handled]:
    timed = [
        _Handled(Position(item.position.row, _sortable_time(item.outcome)), item.outcome, item.raw) for item in handled
    ]
    timed.sort(key=lambda item: item.position.key())
    return (item for item in timed if after is None or item.position.key() > after.key())


def _sortable_time(outcome: Outcome) -> str | None:
    """The event's time in a form that sorts as text; None of a row without an event."""
    if not isinstance(outcome, Feedback):
        return None
    return outcome.occurred_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _paced(
    handled: Iterator[_Handled], speed: float | None, clock: Callable[[], float]
) -> Iterator[tuple[float, _Handled]]:
    if speed is None:
        for item in handled:
            yield 0.0, item
        return
    waiting: list[_Handled] = []

    def events() -> Iterator[Feedback]:
        for item in handled:
            waiting.append(item)
            if isinstance(item.outcome, Feedback):
                yield item.outcome

    for delay_s, _ in replay(events(), speed=speed, clock=clock):
        *others, event = waiting
        waiting.clear()
        yield from ((0.0, item) for item in others)
        yield delay_s, event
    yield from ((0.0, item) for item in waiting)


def _deliver(item: _Handled, sink: Sink, on_rejected: Callable[[int, Rejected], None] | None) -> None:
    if isinstance(item.outcome, Feedback):
        sink.send(item.outcome)
    elif isinstance(item.outcome, Rejected):
        sink.reject(item.raw, item.outcome, item.position.row)
        if on_rejected is not None:
            on_rejected(item.position.row, item.outcome)


def _confirm(sink: Sink, state: ProgressFile | None, last: Position | None) -> None:
    """First the sink, then the position: a crash between the two repeats rows and loses none."""
    sink.flush()
    if state is not None and last is not None:
        state.save(last)
