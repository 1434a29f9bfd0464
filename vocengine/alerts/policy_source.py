"""The policies in force while a process runs: read from their files, and again when these change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from vocengine.alerts.policies import Policies
from vocengine.alerts.policy_files import SUFFIXES, load_policies
from vocengine.errors import PolicyError

log = logging.getLogger(__name__)

# What the files look like from outside; None where there is nothing to be seen.
_Look = tuple[tuple[str, int, int, int], ...] | None


class PolicySource:
    """Policies from a file or a folder, or fixed ones. As a context manager it looks after changes in a thread.

    `check` says in a sentence what else is wrong with policies, as with the routes that they name. Changed files are
    read once they have looked the same twice, so that none is read half-written. Where they are wrong, the policies of
    before stay in force and one error is logged, once for each change.
    """

    def __init__(
        self, path: Path | None, check: Callable[[Policies], str | None] = lambda _: None, *, every_s: float = 2.0
    ) -> None:
        """Raises PolicyError where the files are wrong now."""
        self._path, self._check, self._every_s = path, check, every_s
        self._read = self._seen = self._look_now()
        self._current = self._load()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def fixed(cls, policies: Policies) -> PolicySource:
        """A source of these policies for good."""
        source = cls(None)
        source._current = policies
        return source

    @property
    def current(self) -> Policies:
        """The policies in force: another object after each change, none of which ever changes."""
        return self._current

    def look(self) -> bool:
        """Look whether the files changed; returns whether there are other policies in force for it. Costs a stat each.

        Call it a few times a minute at the least, from one thread.
        """
        before, self._seen = self._seen, self._look_now()
        if self._seen == self._read or self._seen != before:
            return False
        self._read = self._seen
        try:
            self._current = self._load()
        except (PolicyError, OSError) as error:
            log.error("alert policies: %s; those of before stay in force", error)
            return False
        names = ", ".join(policy.name for policy in self._current.all)
        log.info("alert policies: %s changed; in force are %s", self._path, names)
        return True

    def __enter__(self) -> PolicySource:
        if self._path is not None:
            self._thread = threading.Thread(target=self._watch, name="policies", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _watch(self) -> None:
        while not self._stop.wait(self._every_s):
            self.look()

    def _load(self) -> Policies:
        found = load_policies(self._path)
        fault = self._check(found)
        if fault is not None:
            raise PolicyError(fault)
        return found

    def _look_now(self) -> _Look:
        if self._path is None:
            return None
        try:
            files = [self._path]
            if self._path.is_dir():
                files = sorted(file for file in self._path.iterdir() if file.suffix in SUFFIXES and file.is_file())
            # Another file under the same name, as a mounted ConfigMap has, may be of the same time and size.
            return tuple((str(file), s.st_mtime_ns, s.st_size, s.st_ino) for file in files for s in [file.stat()])
        except OSError:
            return None
