"""All roles of one machine as child processes: started, restarted when they die, ended in good order."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from vocengine.settings import PREFIX, SEPARATOR, Settings
from vocengine.store import engine as store_engine

log = logging.getLogger(__name__)

ROLES = ("enrich", "store", "detect", "web", "discover", "notify")
# A second member of these would stand by or want a port of its own.
_ONE_EACH = ("web", "discover", "notify")
_STOP_TIMEOUT_S = 20.0
_RESTART_MAX_S = 10.0


@dataclass
class _Child:
    role: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    due_at: float = field(default=0.0)


class Supervisor:
    """The roles of one machine. The settings in force are handed down through the environment.

    A child that dies is started again after a pause that grows with its failures; its instance name stays, so
    it ends its predecessor's unfinished transaction at once.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        members: int = 1,
        without: frozenset[str] = frozenset(),
        log_file: Path | None = None,
    ) -> None:
        self._log: IO[bytes] | None = log_file.open("ab") if log_file else None
        base = settings.instance or uuid.uuid4().hex[:8]
        url = settings.database.url.get_secret_value() if settings.database.url else None
        if url is None:
            # Started here, so that it lives as long as all of them.
            url = store_engine.start_embedded(settings.data_dir)
        inherited = {**os.environ, **environment_of(settings), f"{PREFIX}DATABASE{SEPARATOR}URL": url}
        members_of = [
            (role, number)
            for role in roles_of(settings)
            if role not in without
            for number in range(1 if role in _ONE_EACH else members)
        ]
        self._children = []
        for index, (role, number) in enumerate(members_of):
            own = {f"{PREFIX}INSTANCE": f"{base}-{role}-{number}"}
            if settings.metrics.port:
                # One port each, counted up from the one that is set, in the order of ROLES and members.
                own[f"{PREFIX}METRICS{SEPARATOR}PORT"] = str(settings.metrics.port + index)
            self._children.append(_Child(role, {**inherited, **own}))

    def __enter__(self) -> Supervisor:
        for child in self._children:
            self._start(child)
        return self

    def __exit__(self, *_: object) -> None:
        running = [c for c in self._children if c.process and c.process.poll() is None]
        for child in running:
            assert child.process
            child.process.terminate()
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        for child in running:
            assert child.process
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("%s did not end in time and is killed", child.role)
                child.process.kill()
                child.process.wait()
        if self._log:
            self._log.close()

    def pids(self) -> dict[str, list[int]]:
        """Process ids by role."""
        found: dict[str, list[int]] = {}
        for child in self._children:
            if child.process and child.process.poll() is None:
                found.setdefault(child.role, []).append(child.process.pid)
        return found

    def tend(self) -> None:
        """Start again what has died and whose pause is over."""
        now = time.monotonic()
        for child in self._children:
            if child.process is None:
                if now >= child.due_at:
                    self._start(child)
            elif (code := child.process.poll()) is not None:
                child.failures = child.failures + 1 if now - child.started_at < 60 else 1
                pause_s = min(_RESTART_MAX_S, 0.5 * 2 ** (child.failures - 1))
                log.warning("%s ended with status %s; starting it again in %.1f s", child.role, code, pause_s)
                child.process, child.due_at = None, now + pause_s

    def watch(self, stop: threading.Event) -> None:
        """Tend the children until `stop` is set."""
        while not stop.wait(0.2):
            self.tend()

    def _start(self, child: _Child) -> None:
        command = [sys.executable, "-m", "vocengine.cli", child.role]
        child.process = subprocess.Popen(
            command,
            env=child.environment,
            stdout=self._log or None,
            stderr=subprocess.STDOUT if self._log else None,
            # A Ctrl-C reaches the supervisor alone, which ends the children in order.
            start_new_session=True,
        )
        child.started_at = time.monotonic()


def roles_of(settings: Settings) -> tuple[str, ...]:
    """The roles that the settings give something to do: notify has nothing without routes."""
    return tuple(role for role in ROLES if role != "notify" or settings.notify.routes is not None)


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, for a child process."""
    plain = settings.model_dump(mode="python", exclude_defaults=True)
    found: dict[str, str] = {}

    def walk(section: Mapping[str, Any], before: str) -> None:
        for name, value in section.items():
            if isinstance(value, Mapping):
                walk(value, f"{before}{name.upper()}{SEPARATOR}")
            elif value is not None:
                secret = getattr(value, "get_secret_value", None)
                text = secret() if secret else list(value) if isinstance(value, tuple) else value
                found[f"{PREFIX}{before}{name.upper()}"] = str(text)

    walk(plain, "")
    return found
