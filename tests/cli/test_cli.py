"""The command line as a person meets it: help at once, errors as one sentence, settings in force."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vocengine.cli.main import COMMANDS


def vocengine(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("VOCENGINE_")}
    return subprocess.run(
        [sys.executable, "-m", "vocengine.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**clean, **environment},
        timeout=60,
    )


def test_help_names_every_command_and_is_instant() -> None:
    vocengine("--help")
    began = time.monotonic()
    said = vocengine("--help")
    took_s = time.monotonic() - began
    assert said.returncode == 0 and all(f"  {name} " in said.stdout for name in COMMANDS)
    assert took_s < 2, "a busy machine is allowed for; an idle one needs a tenth of a second"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(command: str) -> None:
    said = vocengine(command, "--help")
    assert said.returncode == 0 and said.stdout.startswith("Usage: ")


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["--set", "web.port=abc", "settings"], {}, "web.port from the command line is 'abc'"),
        (
            ["settings"],
            {"VOCENGINE_KAFKA__SESSION_TIMEOUT_MS": "1"},
            "kafka.session_timeout_ms from the environment is 1",
        ),
        (["--profile", "nowhere", "settings"], {}, "no profile named 'nowhere'; there are "),
        (["--set", "web.prot=1", "settings"], {}, "web.prot"),
        (["import", "no-such.csv", "--mapping", "airline_tweets", "--dry-run"], {}, "no-such.csv"),
        (["import", "x.csv", "--mapping", "no-such-mapping", "--dry-run"], {}, "no-such-mapping"),
        (["--set", "kafka.bootstrap=127.0.0.1:1", "streams", "check"], {}, "no broker answers on 127.0.0.1:1"),
        (["--set", "database.url=mysql://x/y", "db", "check"], {}, "only postgresql:// is supported"),
    ],
)
def test_an_error_is_one_sentence_without_a_traceback(
    arguments: list[str], environment: dict[str, str], says: str, tmp_path: Path
) -> None:
    said = vocengine(*arguments, cwd=tmp_path, **environment)
    assert said.returncode == 1
    assert says in said.stderr and "Traceback" not in said.stderr


@pytest.mark.parametrize("until", ["yesterday", "2026-03-01"])
def test_a_time_that_is_none_or_has_no_zone_is_refused_by_name_and_value(until: str, tmp_path: Path) -> None:
    said = vocengine("topics", "plan", "--until", until, cwd=tmp_path)
    assert said.returncode != 0
    assert f"--until is '{until}'" in said.stderr and "Traceback" not in said.stderr


def test_later_layers_of_settings_win_and_secrets_are_not_shown(tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    profile.write_text("web: {port: 1111, host: 0.0.0.0}\nmonitor: {segments: [tier]}\n")
    said = vocengine(
        "--profile", str(profile), "--set", "stream.poll_timeout_ms=77", "settings",
        VOCENGINE_WEB__PORT="2222", VOCENGINE_DATABASE__URL="postgresql://u:hunter2@h/d",
    )  # fmt: skip
    assert "port: 2222" in said.stdout and "host: 0.0.0.0" in said.stdout and "poll_timeout_ms: 77" in said.stdout
    assert "- tier" in said.stdout and "hunter2" not in said.stdout
