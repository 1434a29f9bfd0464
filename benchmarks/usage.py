"""CPU time and memory of groups of processes, as the kernel counts them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

POSTGRESQL = "postgresql"
_LOOK_EVERY_S = 1.0


def cpu_s(pids: Mapping[str, list[int]]) -> dict[str, float]:
    """CPU seconds, user and system, of each group, with PostgreSQL's children, those ended included."""
    found = {}
    for name, group in pids.items():
        total = 0.0
        for process in _family(name, group):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        found[name] = total
    return found


def busy_s() -> float:
    """CPU seconds that all cores have been busy or taken away (steal) since the machine started."""
    times = psutil.cpu_times()
    return float(sum(times[:8]) - times.idle - times.iowait)


def own_peak_mb() -> float:
    """The largest resident memory of this process since its program was loaded, in MB (10⁶ bytes).

    Not getrusage's: that one begins with what the process which started this one held.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise OSError("/proc/self/status has no VmHWM: this needs a Linux kernel that accounts memory")


class PeakMemory:
    """The largest resident memory of each group of processes while open, in MB (10⁶ bytes)."""

    def __init__(self, pids: Callable[[], Mapping[str, list[int]]]) -> None:
        self._pids = pids
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.by_group: dict[str, float] = {}
        self.together = 0.0

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            now = {name: sum(map(_memory_mb, _family(name, group))) for name, group in self._pids().items()}
            for name, megabytes in now.items():
                self.by_group[name] = max(self.by_group.get(name, 0.0), megabytes)
            self.together = max(self.together, sum(now.values()))


def _family(name: str, pids: list[int]) -> list[psutil.Process]:
    """The processes, and for PostgreSQL its children; the others have none, and looking for them costs."""
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            found += [process, *(process.children() if name == POSTGRESQL else ())]
    return found


def _memory_mb(process: psutil.Process) -> float:
    # PostgreSQL's processes share their buffers: only what is private to each is counted.
    with contextlib.suppress(psutil.Error):
        memory = process.memory_info()
        return float(memory.rss - (memory.shared if process.name().startswith("postgres") else 0)) / 1e6
    return 0.0
