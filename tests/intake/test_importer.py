"""An import accounts for every row, goes on where it was confirmed, and replays in event time."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vocengine.contracts import Feedback, Rejected, decode_feedback
from vocengine.errors import InputError, SourceError
from vocengine.intake import ImportReport, JsonLinesSink, ListSink, Mapping, import_file, load_mapping, replay
from vocengine.intake.mapping import mapping_from

START = datetime(2026, 1, 1, tzinfo=UTC)
FIELDS: dict[str, Any] = {
    "event_id": {"path": "id", "prefix": "t-"},
    "source": {"constant": "shop"},
    "channel": {"constant": "review"},
    "occurred_at": "at",
    "text": "text",
}


def mapping(**keys: Any) -> Mapping:
    return mapping_from({"name": "test", "skip_if_empty": ["text"], "fields": FIELDS, **keys})


def write_csv(path: Path, n: int, *, shuffled: bool = False) -> Path:
    """Rows 0..n-1, an hour apart; every 10th has no text, every 25th no time."""
    lines = ["id,at,text"]
    for i in sorted(range(n), key=lambda i: (i * 7919) % n) if shuffled else range(n):
        at = "" if i % 25 == 1 else (START + timedelta(minutes=i)).isoformat()
        lines.append(f"{i},{at},{'' if i % 10 == 3 else f'text {i}'}")
    path.write_text("\n".join(lines) + "\n")
    return path


class Breaking(ListSink):
    """Fails at one event; like a broker it keeps only what was flushed."""

    def __init__(self, break_at: int | None) -> None:
        super().__init__()
        self.break_at = break_at
        self.taken = 0
        self.safe: list[str] = []
        self.safe_rejected: list[int] = []

    def send(self, event: Feedback) -> None:
        self.taken += 1
        if self.taken == self.break_at:
            raise ConnectionError("the broker went away")
        super().send(event)

    def flush(self) -> None:
        super().flush()
        self.safe += [event.event_id for event in self.events]
        self.safe_rejected += [row for _, _, row in self.rejected]
        self.events.clear()
        self.rejected.clear()


def test_every_row_is_sent_skipped_or_refused_and_counted(tmp_path: Path) -> None:
    sink = ListSink()
    refused: list[tuple[int, str | None]] = []
    report = import_file(
        write_csv(tmp_path / "f.csv", 100),
        mapping(),
        sink=sink,
        on_rejected=lambda row, rejected: refused.append((row, rejected.field)),
    )
    assert report == ImportReport(
        read=100,
        sent=86,
        skipped=10,
        rejected=4,
        skipped_because={"text is empty": 10},
        rejected_because={"missing_field": 4},
        finished=True,
    )
    assert len(sink.events) == 86 and sink.flushes == 1
    assert refused == [(row, "occurred_at") for row in (2, 27, 52, 77)]


def test_a_refused_row_goes_to_the_sink_as_the_file_has_it(tmp_path: Path) -> None:
    sink = ListSink()
    (tmp_path / "f.csv").write_bytes(b'id,at,text\n7,never,"a ""b"""\r\n8,"x" y,z\n')
    import_file(tmp_path / "f.csv", mapping(), sink=sink)
    assert [(raw, rejected.code, row) for raw, rejected, row in sink.rejected] == [
        (b'7,never,"a ""b"""\r\n', "invalid_field", 1),
        (b'8,"x" y,z\n', "invalid_csv", 2),
    ]


@pytest.mark.parametrize("order_by", [None, "occurred_at"])
@pytest.mark.parametrize("break_at", [1, 2, 137, 250, 400])
def test_an_interrupted_import_goes_on_and_loses_nothing(tmp_path: Path, order_by: str | None, break_at: int) -> None:
    path = write_csv(tmp_path / "f.csv", 500, shuffled=True)
    used = mapping(order_by=order_by)
    whole = Breaking(None)
    import_file(path, used, sink=whole)

    broken = Breaking(break_at)
    with pytest.raises(ConnectionError):
        import_file(path, used, sink=broken, resume_from=tmp_path / "state", flush_rows=50)
    rest = Breaking(None)
    report = import_file(path, used, sink=rest, resume_from=tmp_path / "state", flush_rows=50)

    assert broken.safe + rest.safe == whole.safe
    assert broken.safe_rejected + rest.safe_rejected == whole.safe_rejected
    assert len(rest.safe) <= len(whole.safe) - (break_at - 50 if break_at > 100 else 0)
    assert report.finished and (report.resumed_after_row is None) == (not broken.safe and not broken.safe_rejected)


def test_a_position_is_kept_only_after_the_sink_has_confirmed(tmp_path: Path) -> None:
    class NeverSafe(ListSink):
        def flush(self) -> None:
            raise ConnectionError("not confirmed")

    with pytest.raises(ConnectionError):
        import_file(write_csv(tmp_path / "f.csv", 9), mapping(), sink=NeverSafe(), resume_from=tmp_path / "state")
    assert list(tmp_path.glob("state/*")) == []


def test_a_changed_file_or_mapping_starts_over(tmp_path: Path) -> None:
    path, state = write_csv(tmp_path / "f.csv", 40), tmp_path / "state"
    run = {"sink": ListSink(), "resume_from": state, "limit": 10}
    assert import_file(path, mapping(), **run).resumed_after_row is None
    assert import_file(path, mapping(), **run).resumed_after_row == 10
    assert import_file(path, mapping(null_values=["x"]), **run).resumed_after_row is None
    write_csv(path, 41)
    assert import_file(path, mapping(), **run).resumed_after_row is None


def test_a_position_that_is_damaged_starts_over(tmp_path: Path) -> None:
    path, state = write_csv(tmp_path / "f.csv", 40), tmp_path / "state"
    import_file(path, mapping(), sink=ListSink(), resume_from=state, limit=10)
    (saved,) = state.iterdir()
    saved.write_text(saved.read_text()[:20])
    assert import_file(path, mapping(), sink=ListSink(), resume_from=state).read == 40


def test_a_finished_import_forgets_its_position(tmp_path: Path) -> None:
    path, state = write_csv(tmp_path / "f.csv", 40), tmp_path / "state"
    for _ in range(2):
        report = import_file(path, mapping(), sink=ListSink(), resume_from=state)
        assert (report.read, report.resumed_after_row) == (40, None)
    assert list(state.iterdir()) == []


def test_limit_stops_and_the_next_run_goes_on(tmp_path: Path) -> None:
    path, sink = write_csv(tmp_path / "f.csv", 40), Breaking(None)
    reports = [import_file(path, mapping(), sink=sink, resume_from=tmp_path / "s", limit=15) for _ in range(3)]
    assert [(r.read, r.finished, r.resumed_after_row) for r in reports] == [
        (15, False, None),
        (15, False, 15),
        (10, True, 30),
    ]
    assert len(sink.safe) == len(set(sink.safe)) == sum(r.sent for r in reports)


def test_order_by_sends_in_event_time_order(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "f.csv", 200, shuffled=True)
    as_it_stands, sorted_ = ListSink(), ListSink()
    import_file(path, mapping(), sink=as_it_stands)
    import_file(path, mapping(order_by="occurred_at"), sink=sorted_)
    times = [event.occurred_at for event in sorted_.events]
    assert times == sorted(times) != [event.occurred_at for event in as_it_stands.events]


def test_progress_is_told_after_each_confirmation_and_at_the_end(tmp_path: Path) -> None:
    sink = ListSink()
    told: list[tuple[int, int]] = []
    import_file(
        write_csv(tmp_path / "f.csv", 100),
        mapping(),
        sink=sink,
        flush_rows=40,
        progress=lambda report: told.append((report.read, sink.flushes)),
    )
    assert told == [(40, 1), (80, 2), (100, 3)]


class FakeTime:
    """A clock that moves only when someone sleeps, or takes `work_s` for each event."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


def events(*minutes: float) -> list[Feedback]:
    made = []
    for i, minute in enumerate(minutes):
        at = (START + timedelta(minutes=minute)).isoformat()
        made.append(
            Feedback.model_validate(
                {"event_id": f"e{i}", "source": "s", "channel": "chat", "occurred_at": at, "text": "x"}
            )
        )
    return made


def delays(minutes: tuple[float, ...], *, speed: float | None, work_s: float = 0.0) -> list[float]:
    time = FakeTime()
    found = []
    for delay_s, _ in replay(events(*minutes), speed=speed, clock=time.clock):
        found.append(round(delay_s, 6))
        time.now_s += delay_s + work_s
    return found


@pytest.mark.parametrize(
    ("minutes", "speed", "work_s", "expected"),
    [
        ((0, 60, 90), 3600, 0.0, [0, 1, 0.5]),
        ((0, 60, 90), None, 0.0, [0, 0, 0]),
        ((0, 1, 2), 1, 0.0, [0, 60, 60]),
        ((0, 60, 120, 180), 3600, 0.25, [0, 0.75, 0.75, 0.75]),
        ((0, 1, 2, 600), 3600, 1.0, [0, 0, 0, 7]),
        ((60, 0, 120), 3600, 0.0, [0, 0, 1]),
    ],
)
def test_replay_waits_as_long_as_event_time_says_and_catches_up_when_late(
    minutes: tuple[float, ...], speed: float | None, work_s: float, expected: list[float]
) -> None:
    assert delays(minutes, speed=speed, work_s=work_s) == expected


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_a_speed_that_cannot_be_replayed_is_refused(tmp_path: Path, speed: float) -> None:
    with pytest.raises(InputError, match="speed"):
        replay([], speed=speed)
    with pytest.raises(InputError, match="speed"):
        import_file(write_csv(tmp_path / "f.csv", 3), mapping(), sink=ListSink(), speed=speed)


def test_an_import_at_a_speed_sorts_paces_and_still_accounts_for_every_row(tmp_path: Path) -> None:
    path, time, sink = write_csv(tmp_path / "f.csv", 100, shuffled=True), FakeTime(), ListSink()
    report = import_file(path, mapping(), sink=sink, speed=60, clock=time.clock, sleep=time.sleep)
    assert (report.sent, report.skipped, report.rejected) == (86, 10, 4)
    span_s = (sink.events[-1].occurred_at - sink.events[0].occurred_at).total_seconds()
    assert sum(time.slept) == pytest.approx(span_s / 60)
    assert sink.events == sorted(sink.events, key=lambda event: event.occurred_at)


def test_a_replay_confirms_what_it_sent_before_it_sleeps_long(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text(
        "id,at,text\n1,2026-01-01T00:00:00Z,a\n2,2026-01-01T00:00:30Z,b\n3,2026-01-01T08:00:00Z,c\n"
    )
    time, sink = FakeTime(), ListSink()
    confirmed_before_sleep: list[tuple[float, int, int]] = []

    def sleep(seconds: float) -> None:
        confirmed_before_sleep.append((seconds, len(sink.events), sink.flushes))
        time.sleep(seconds)

    import_file(tmp_path / "f.csv", mapping(), sink=sink, speed=60, clock=time.clock, sleep=sleep)
    assert confirmed_before_sleep == [(0.5, 1, 0), (479.5, 2, 1)]


def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("id,when,text\n1,2,3\n")
    with pytest.raises(SourceError, match=r"no column 'at'.*'id', 'when', 'text'.*optional"):
        import_file(tmp_path / "f.csv", mapping(), sink=ListSink())


@pytest.mark.parametrize(
    ("rule", "ok"),
    [
        ({"path": "gone", "optional": True}, True),
        ({"first_of": ["gone", "text"]}, True),
        ({"first_of": ["gone", "lost"]}, False),
        ({"template": "{text} {gone}"}, False),
        ("gone.deeper", False),
    ],
)
def test_which_columns_may_be_absent(tmp_path: Path, rule: Any, ok: bool) -> None:
    used = mapping(fields={**FIELDS, "title": rule})
    path = write_csv(tmp_path / "f.csv", 3)
    if ok:
        assert import_file(path, used, sink=ListSink()).sent == 2
    else:
        with pytest.raises(SourceError, match="'gone"):
            import_file(path, used, sink=ListSink())


def test_paths_that_no_json_record_has_are_reported(tmp_path: Path) -> None:
    lines = [{"id": n, "at": START.isoformat(), "text": "x", **({"title": "t"} if n == 2 else {})} for n in range(3)]
    (tmp_path / "f.jsonl").write_text("\n".join(map(json.dumps, lines)))
    used = mapping(fields={**FIELDS, "title": "title", "product": "prodcut.name"})
    assert import_file(tmp_path / "f.jsonl", used, sink=ListSink()).never_found == ("prodcut.name",)


def test_csv_json_and_parquet_of_the_same_records_give_the_same_events(tmp_path: Path) -> None:
    records = [{"id": str(n), "at": (START + timedelta(hours=n)).isoformat(), "text": f"text {n}"} for n in range(50)]
    (tmp_path / "f.json").write_text(json.dumps(records))
    (tmp_path / "f.jsonl").write_text("\n".join(map(json.dumps, records)))
    (tmp_path / "f.csv").write_text("id,at,text\n" + "\n".join(",".join(r.values()) for r in records))
    timed = [{**r, "at": datetime.fromisoformat(r["at"])} for r in records]
    pq.write_table(pa.Table.from_pylist(timed), tmp_path / "f.parquet")
    found = []
    for name in ("f.csv", "f.json", "f.jsonl", "f.parquet"):
        sink = ListSink()
        import_file(tmp_path / name, mapping(), sink=sink)
        found.append(sink.events)
    assert len(found[0]) == 50 and all(events == found[0] for events in found)


def test_feedback_passes_through_unchanged_and_a_wrong_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    good = {"source": "s", "channel": "chat", "occurred_at": "2026-01-01T00:00:00Z", "text": "x", "extra": {"y": 1}}
    path.write_text(json.dumps(good) + "\n" + json.dumps({**good, "nps": 11}) + "\n{\n")
    sink = ListSink()
    import_file(path, load_mapping("vocengine"), sink=sink)
    assert sink.events == [decode_feedback(json.dumps(good).encode())]
    assert [(rejected.field, row) for _, rejected, row in sink.rejected] == [("nps", 2), (None, 3)]


def test_feedback_cannot_pass_through_from_csv(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="CSV"):
        import_file(write_csv(tmp_path / "f.csv", 3), load_mapping("vocengine"), sink=ListSink())


def test_what_the_json_lines_sink_writes_can_be_imported_again(tmp_path: Path) -> None:
    events_out, rejected_out, first, second = io.BytesIO(), io.BytesIO(), ListSink(), ListSink()
    path = write_csv(tmp_path / "f.csv", 60)
    import_file(path, mapping(), sink=JsonLinesSink(events_out, rejected_out))
    import_file(path, mapping(), sink=first)
    (tmp_path / "again.jsonl").write_bytes(events_out.getvalue())
    import_file(tmp_path / "again.jsonl", load_mapping("vocengine"), sink=second)
    assert second.events == first.events and len(first.events) > 0
    refused = [json.loads(line) for line in rejected_out.getvalue().splitlines()]
    assert [entry["row"] for entry in refused] == [row for _, _, row in first.rejected]


def test_a_lone_surrogate_in_json_is_mended_as_the_wire_does(tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_bytes(b'{"id":"1","at":"2026-01-01T00:00:00Z","text":"a\\ud83db"}\n')
    sink = ListSink()
    report = import_file(tmp_path / "f.jsonl", mapping(), sink=sink)
    assert report.sent == 1 and sink.events[0].text == "a\ufffdb"


def test_the_survey_example_reads_what_a_spreadsheet_writes(tmp_path: Path) -> None:
    path = tmp_path / "survey.csv"
    path.write_bytes(
        b"\xef\xbb\xbfResponse ID;Submitted;Score;Comment;Other Comment;Touchpoint;Email;Region\r\n"
        b'17;31/01/2026 14:05;3;"Slow, and\r\nrude";;Support call;ada@example.com;North\r\n'
        b"18;01/07/2025 09:00;10;N/A;Lovely;Checkout;bob@example.com;South\r\n"
        b"19;01/07/2025 09:30;9;;;Checkout;;\r\n"
        b"20;02/07/2025 10:00;eleven;fine;;;;\r\n"
    )
    sink = ListSink()
    report = import_file(path, load_mapping("nps_survey"), sink=sink)
    assert (report.sent, report.skipped, report.rejected) == (2, 1, 1)
    bob, ada = sink.events
    assert (ada.event_id, ada.nps, ada.text) == ("nps-17", 3, "Slow, and\r\nrude")
    assert (ada.journey_stage, ada.segments, bob.text) == ("get help", {"region": "North"}, "Lovely")
    assert bob.occurred_at == datetime(2025, 7, 1, 8, 0, tzinfo=UTC)
    assert ada.customer_id != bob.customer_id and "example" not in f"{ada}{bob}"
    assert isinstance(sink.rejected[0][1], Rejected) and sink.rejected[0][1].field == "nps"
