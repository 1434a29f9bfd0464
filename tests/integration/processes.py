"""Roles as real processes, for the tests that kill them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from vocengine.settings import Settings
from vocengine.stream.supervisor import environment_of


class RoleProcess:
    """One role as its own process; `instance` stays over restarts, as a stateful set would give it."""

    def __init__(self, role: str, settings: Settings, folder: Path, *, instance: str) -> None:
        self.role, self._folder, self.instance = role, folder, instance
        assert settings.database.url
        self._environment = {
            **os.environ,
            **environment_of(settings),
            "VOCENGINE_DATABASE__URL": settings.database.url.get_secret_value(),
            "VOCENGINE_INSTANCE": instance,
            "VOCENGINE_LOG_LEVEL": "debug",
            "OMP_NUM_THREADS": "1",
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What it wrote, over all its lives."""
        return self._folder / f"{self.instance}.log"

    def start(self) -> RoleProcess:
        """Start it; returns at once."""
        self._begins_at = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vocengine.cli", self.role], env=self._environment, stdout=log, stderr=log
            )
        return self

    def ready(self) -> bool:
        """Whether this life of it has joined the stream."""
        return f"{self.role}: ready".encode() in self.log.read_bytes()[self._begins_at :]

    def kill(self) -> None:
        """SIGKILL, as the kernel does it to a process that takes too much memory."""
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self, *, timeout_s: float = 20) -> float:
        """SIGTERM; returns the seconds until it had ended, with status 0."""
        assert self.process
        began = time.monotonic()
        self.process.terminate()
        status = self.process.wait(timeout_s)
        assert status == 0, f"{self.role} ended with status {status}:\n{self.tail()}"
        return time.monotonic() - began

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-3_000:]

    def __enter__(self) -> RoleProcess:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
