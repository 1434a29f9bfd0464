"""Files of every format become rows; what is broken costs a row, not the file."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vocengine.errors import SourceError
from vocengine.intake import Row, open_reader
from vocengine.intake import json_reader as json_reader_module
from vocengine.intake.csv_reader import sniff_delimiter
from vocengine.intake.mapping import CsvOptions
from vocengine.intake.rows import MAX_RECORD_CHARS


def rows_of(path: Path, content: bytes | None = None, *, format: str | None = None, **options: Any) -> list[Row]:
    if content is not None:
        path.write_bytes(content)
    return list(open_reader(path, format=format, csv=CsvOptions(**options)).rows())


def seen(rows: list[Row]) -> list[Any]:
    return [row.fault.code if row.fault else tuple(row.record.values()) for row in rows]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b\n1,2\n", [("1", "2")]),
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n", [("1", "2")]),
        (b"\na,b\n\n1,2\n\n3,4", [("1", "2"), ("3", "4")]),
        (b'a,b\n"1\n1","2,2"\n', [("1\n1", "2,2")]),
        (b'a,b\n"say ""hi""",\n', [('say "hi"', "")]),
        (b"a;b\n1;2,5\n3;4,5\n", [("1", "2,5"), ("3", "4,5")]),
        (b"a\tb\n1\t2\n", [("1", "2")]),
        (b"a|b\n1|2\n", [("1", "2")]),
        (b"a\n1\n", [("1",)]),
        (b"a,b\n1\x00,2\n", [("1\x00", "2")]),
        (b"a,b\n", []),
    ],
)
def test_csv_is_read_as_it_is_written(tmp_path: Path, content: bytes, expected: list[Any]) -> None:
    assert seen(rows_of(tmp_path / "f.csv", content)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b\n1\n2,3\n", ["wrong_field_count", ("2", "3")]),
        (b"a,b\n1,2,3\n2,3\n", ["wrong_field_count", ("2", "3")]),
        (b'a,b\n1,"x" y\n2,3\n', ["invalid_csv", ("2", "3")]),
        (b'a,b\n1,"never closed\n2,3\n4,5\n', ["invalid_csv", ("2", "3"), ("4", "5")]),
        (b'a,b\n1,"stray\n2,"fine"\n4,5\n', ["invalid_csv", ("2", "fine"), ("4", "5")]),
        (b"a,b\n1,\xff\n2,3\n", ["wrong_encoding", ("2", "3")]),
    ],
)
def test_a_broken_csv_row_is_a_fault_and_the_next_row_is_read(
    tmp_path: Path, content: bytes, expected: list[Any]
) -> None:
    rows = rows_of(tmp_path / "f.csv", content)
    assert seen(rows) == expected
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))


def test_a_broken_row_keeps_its_bytes_its_number_and_its_line(tmp_path: Path) -> None:
    first, broken, last = rows_of(tmp_path / "f.csv", b'a,b\n"1\n1",2\n3,\xff\xfe\r\n4,5\n')
    assert (first.number, first.line, first.raw()) == (1, 2, b'"1\n1",2\n')
    assert (broken.number, broken.line, broken.raw()) == (2, 4, b"3,\xff\xfe\r\n")
    assert broken.fault is not None and "line 4" in broken.fault.message and "0xff" in broken.fault.message
    assert (last.number, last.line) == (3, 5)


def test_line_numbers_stay_right_behind_a_quote_that_is_never_closed(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "f.csv", b'a,b\n1,"x\n2,3\n4,5\n')
    assert [row.line for row in rows] == [2, 3, 4]


def test_a_record_over_the_limit_is_refused_without_being_kept_whole(tmp_path: Path) -> None:
    long = b"x" * (2 * MAX_RECORD_CHARS)
    rows = rows_of(tmp_path / "f.csv", b"a,b\n1," + long + b"\n2,3\n")
    assert seen(rows) == ["invalid_csv", ("2", "3")]
    assert len(rows[0].raw()) <= MAX_RECORD_CHARS + 1


def test_declared_encoding_delimiter_quote_and_escape_are_used(tmp_path: Path) -> None:
    content = "a~b\n'Grüße~ it\\'s'~2\n".encode("latin-1")
    options = {"encoding": "latin-1", "delimiter": "~", "quote": "'", "escape": "\\"}
    assert seen(rows_of(tmp_path / "f.csv", content, **options)) == [("Grüße~ it's", "2")]


def test_nameless_and_repeated_columns_are_told_apart(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path / "f.csv", b",Comment,Comment,\n1,2,3,4\n")
    assert row.record == {"column_1": "1", "Comment": "2", "Comment (2)": "3", "column_4": "4"}


def test_a_comma_in_the_text_does_not_fool_the_sniffer() -> None:
    assert sniff_delimiter("id;text\n1;well, well, well\n2;no\n") == ";"


@pytest.mark.parametrize("name", ["f.csv.gz", "f.jsonl.gz", "f.json.gz"])
def test_gzip_is_read_as_it_goes(tmp_path: Path, name: str) -> None:
    content = {"f.csv.gz": b"a\n1\n", "f.jsonl.gz": b'{"a":"1"}\n', "f.json.gz": b'[{"a":"1"}]'}[name]
    assert seen(rows_of(tmp_path / name, gzip.compress(content))) == [("1",)]


def test_a_gzip_file_that_is_cut_off_is_a_source_error_after_the_rows_before(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(b'{"a":"%d"}\n' % n for n in range(200_000)))
    path = tmp_path / "f.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    taken = []
    with pytest.raises(SourceError, match="cannot be read on after row"):
        taken.extend(row.number for row in open_reader(path).rows() if row.fault is None)
    assert len(taken) > 10_000 and taken == list(range(1, len(taken) + 1))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"a":1}\n\n{"a":2}\r\n', [(1,), (2,)]),
        (b'\xef\xbb\xbf{"a":1}', [(1,)]),
        (b'{"a":1}\n{"a":\n{"a":3}\n', [(1,), "invalid_json", (3,)]),
        (b'[1]\n"x"\n{"a":3}', ["invalid_json", "invalid_json", (3,)]),
        (b'{"a":"\xff"}\n{"a":3}', ["not_utf8", (3,)]),
        (b'{"a":NaN}\n{"a":3}', ["invalid_json", (3,)]),
        (b'{"a":"\\ud83d"}', [("\ud83d",)]),
        (b"", []),
    ],
)
def test_json_lines_are_read_line_by_line(tmp_path: Path, content: bytes, expected: list[Any]) -> None:
    assert seen(rows_of(tmp_path / "f.jsonl", content)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[]", []),
        (b' [ {"a":1} , {"a":2} ] ', [(1,), (2,)]),
        (b'\xef\xbb\xbf[{"a":1},]', [(1,)]),
        (b'[{"a":1},7,"x",[{}],{"a":2}]', [(1,), "invalid_json", "invalid_json", "invalid_json", (2,)]),
        (b'[{"a":"\xff"},{"a":2}]', ["not_utf8", (2,)]),
    ],
)
def test_a_json_array_is_read_record_by_record(tmp_path: Path, content: bytes, expected: list[Any]) -> None:
    assert seen(rows_of(tmp_path / "f.json", content)) == expected


@pytest.mark.parametrize("chunk_chars", [1, 2, 3, 7, 64])
def test_a_json_array_is_the_same_wherever_the_chunks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_chars: int
) -> None:
    records = [{"text": f'"Grüße" \\ 🙂 {n}', "n": n, "deep": [{"x": [1.25, None, True]}]} for n in range(20)]
    path = tmp_path / "f.json"
    path.write_text(json.dumps([*records, 123456, -1.5e3], ensure_ascii=False, indent=1), encoding="utf-8")
    monkeypatch.setattr(json_reader_module, "_CHUNK_CHARS", chunk_chars)
    rows = list(json_reader_module._array_rows(path.open(encoding="utf-8"), path))
    assert [row.record for row in rows[:20]] == records
    assert [row.raw() for row in rows[20:]] == [b"123456", b"-1500.0"]


@pytest.mark.parametrize(
    "content", [b'[{"a":1},{"a":2', b'[{"a":1},{"a":2} {"a":3}]', b'[{"a":1},{"a":2}', b'[{"a":1},{b}]']
)
def test_a_json_array_that_breaks_off_gives_what_came_before_and_says_where(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f.json"
    path.write_bytes(content)
    taken = []
    with pytest.raises(SourceError, match=r"breaks off after record [12]"):
        taken.extend(row.record for row in open_reader(path).rows())
    assert taken[0] == {"a": 1}


def test_parquet_gives_rows_in_types_that_json_has_and_times_as_times(tmp_path: Path) -> None:
    at = datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)
    table = pa.table(
        {
            "text": pa.array(["a", None]).dictionary_encode(),
            "at": pa.array([at, None], pa.timestamp("ns", "UTC")),
            "price": pa.array([Decimal("1.50"), Decimal("2.00")]),
            "nested": [{"x": [b"\xff"]}, {"x": []}],
        }
    )
    pq.write_table(table, tmp_path / "f.parquet", row_group_size=1)
    reader = open_reader(tmp_path / "f.parquet")
    first, second = reader.rows()
    assert reader.columns == ("text", "at", "price", "nested")
    assert first.record == {"text": "a", "at": at, "price": 1.5, "nested": {"x": ["/w=="]}}
    assert second.record == {"text": None, "at": None, "price": 2, "nested": {"x": []}}
    assert json.loads(first.raw())["price"] == 1.5 and second.number == 2


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("f.csv", b"", "is empty"),
        ("f.csv", b" \n\n", "is empty"),
        ("f.csv", "a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        ("f.json", b'{"a": 1}', "an object"),
        ("f.json", b"", "nothing"),
        ("f.parquet", b"PAR1 not", "cannot be read as Parquet"),
        ("f.csv.gz", b"not gzip", "cannot be read"),
        ("f.xlsx", b"", "'.xlsx'"),
        ("f", b"", "no format"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_source_error(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=says) as error:
        open_reader(path)
    assert str(path) in str(error.value)


def test_a_missing_file_a_folder_and_an_unknown_format_are_source_errors(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not there"):
        open_reader(tmp_path / "none.csv")
    with pytest.raises(SourceError, match="a folder"):
        open_reader(tmp_path)
    (tmp_path / "f.csv").write_bytes(b"a\n1\n")
    with pytest.raises(SourceError, match=r"'xml'.*csv, jsonl"):
        open_reader(tmp_path / "f.csv", format="xml")


def test_a_given_format_overrules_the_suffix(tmp_path: Path) -> None:
    assert seen(rows_of(tmp_path / "f.txt", b'{"a":1}\n', format="jsonl")) == [(1,)]


HOSTILE = st.text(
    st.sampled_from("\"',;\t|\\\r\n\x00\x0b\x85\u2028\ufeff🙂é ab") | st.characters(exclude_categories=("Cs",))
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(HOSTILE, HOSTILE, HOSTILE), max_size=8), st.sampled_from(",;\t|"))
def test_any_text_survives_csv(tmp_path: Path, records: list[tuple[str, str, str]], delimiter: str) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(["x", "y", "z"])
    writer.writerows(records)
    rows = rows_of(tmp_path / "f.csv", written.getvalue().encode(), delimiter=delimiter)
    assert seen(rows) == records
    assert b"".join(row.raw() for row in rows) == written.getvalue().encode().split(b"\r\n", 1)[1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_crash_the_readers(tmp_path: Path, content: bytes) -> None:
    for name, before in [("f.csv", b"a,b\n"), ("f.jsonl", b""), ("f.json", b"[")]:
        try:
            rows = rows_of(tmp_path / name, before + content)
        except SourceError:
            continue
        assert all(row.fault is not None or row.record for row in rows if name != "f.json")
