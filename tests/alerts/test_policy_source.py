"""Policies that are followed while a process runs: changes are taken, faults leave the old ones in force."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest

from vocengine.alerts.policies import Policies
from vocengine.alerts.policy_source import PolicySource
from vocengine.errors import PolicyError


def write(file: Path, *names: str, text: str | None = None) -> None:
    keys = {"a": "topic:*", "b": "product:*", "c": "channel:*"}
    said = "\n".join(f'  - {{name: {name}, keys: ["{keys[name]}"]}}' for name in names)
    file.write_text(f"policies:\n{said}\n" if text is None else text)


def names(source: PolicySource) -> list[str]:
    return [policy.name for policy in source.current.all]


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write(tmp_path / "p.yaml", "a")
    return tmp_path / "p.yaml"


def test_a_change_is_taken_once_the_file_has_looked_the_same_twice(file: Path) -> None:
    source = PolicySource(file)
    before = source.current
    assert not source.look() and source.current is before
    write(file, "a", "b")
    assert not source.look(), "it may be half-written"
    assert source.look() and names(source) == ["a", "b"]
    assert [policy.name for policy in before.all] == ["a"], "whoever holds the old ones keeps them"
    assert not source.look()


def test_a_file_that_is_being_written_is_not_read(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = PolicySource(file)
    for text in ("policies", "policies: [{name: ", 'policies: [{name: b, keys: ["topic:*"]}]'):
        write(file, text=text)
        assert not source.look()
    assert source.look() and names(source) == ["b"] and errors(caplog) == []


def test_a_fault_leaves_the_old_ones_in_force_and_is_told_once_for_each_change(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = PolicySource(file)
    write(file, text='policies: [{name: p, keys: ["produkt:*"]}]')
    assert not any(source.look() for _ in range(5)) and names(source) == ["a"]
    [told] = errors(caplog)
    assert f"{file}: policy 'p': keys.0 is 'produkt:*': 'produkt' is no kind of key" in told
    assert told.endswith("those of before stay in force")
    write(file, text="policies: 2026-13-01")
    assert not any(source.look() for _ in range(5)) and names(source) == ["a"]
    assert len(errors(caplog)) == 2 and "month must be in 1..12" in errors(caplog)[1]
    write(file, "c")
    assert [source.look() for _ in range(3)] == [False, True, False] and names(source) == ["c"]
    assert len(errors(caplog)) == 2


def test_files_of_a_folder_come_go_and_vanish_with_it(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = PolicySource(file.parent)
    write(file.parent / "q.yml", "b")
    write(file.parent / "notes.txt", text="not read")
    assert [source.look() for _ in range(3)] == [False, True, False] and names(source) == ["a", "b"]
    file.unlink()
    assert [source.look() for _ in range(3)] == [False, True, False] and names(source) == ["b"]
    (file.parent / "q.yml").unlink()
    assert not any(source.look() for _ in range(3)) and names(source) == ["b"]
    assert len(errors(caplog)) == 1 and "has no file of policies in it" in errors(caplog)[0]
    write(file, "c")
    assert [source.look() for _ in range(3)] == [False, True, False] and names(source) == ["c"]


def test_another_file_under_the_name_is_a_change_even_of_the_same_size_and_time(file: Path) -> None:
    source = PolicySource(file)
    stat = file.stat()
    other = file.parent / "other"
    write(other, text=file.read_text().replace("name: a", "name: z"))
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(file)
    assert [source.look() for _ in range(2)] == [False, True] and names(source) == ["z"]


def test_what_a_role_checks_besides_holds_for_changes_too(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    def check(found: Policies) -> str | None:
        return "routes.0 is 'leads', which is unknown" if len(found.all) > 1 else None

    source = PolicySource(file, check)
    write(file, "a", "b")
    assert not any(source.look() for _ in range(3)) and names(source) == ["a"]
    assert "routes.0 is 'leads'" in errors(caplog)[0]
    with pytest.raises(PolicyError, match=r"routes\.0 is 'leads'"):
        PolicySource(file, check)


def test_a_thread_looks_while_the_source_is_entered_and_not_afterwards(file: Path) -> None:
    with PolicySource(file, every_s=0.02) as source:
        write(file, "b")
        deadline = time.monotonic() + 10
        while names(source) != ["b"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    write(file, "c")
    time.sleep(0.2)
    assert names(source) == ["b"]


def test_fixed_policies_and_none_never_change() -> None:
    with PolicySource(None) as none:
        assert none.current.all == () and not none.look()
    fixed = Policies(owners=["shop"])
    source = PolicySource.fixed(fixed)
    assert not source.look() and source.current is fixed
