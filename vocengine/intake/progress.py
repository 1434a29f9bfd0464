"""How far an import has come, kept beside the data so that an interrupted one goes on where it was confirmed."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from vocengine.errors import SourceError

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Position:
    """The last row that is done: by row number, and where the import is in event-time order, by time first."""

    row: int
    occurred_at: str | None = None

    def key(self) -> tuple[str, int]:
        """Sorts as the import does; rows without an event come first in event-time order."""
        return (self.occurred_at or "", self.row)


@dataclass(frozen=True, slots=True)
class Identity:
    """What has to be the same for a position to mean anything."""

    path: str
    size_bytes: int
    modified_ns: int
    mapping: str
    format: str
    ordered: bool


def identify(path: Path, *, mapping: str, format: str, ordered: bool) -> Identity:
    """The identity of a file as it is now, under a mapping (its digest)."""
    stat = path.stat()
    return Identity(str(path.resolve()), stat.st_size, stat.st_mtime_ns, mapping, format, ordered)


class ProgressFile:
    """One small JSON file for each file and mapping in a folder, replaced atomically."""

    def __init__(self, folder: Path, identity: Identity) -> None:
        key = hashlib.sha256(f"{identity.path}\n{identity.mapping}".encode("utf-8", "surrogateescape")).hexdigest()
        self.path = folder / f"import-{key[:16]}.json"
        self._identity = identity

    def load(self) -> Position | None:
        """Where to go on, or None: nothing done yet, or the file or the mapping is another one since."""
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
            same = document["version"] == _VERSION and document["identity"] == asdict(self._identity)
            return Position(int(document["row"]), document["occurred_at"]) if same else None
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            # Written by something else or cut off: starting over is safe, since event ids are idempotent.
            return None
        except OSError as error:
            raise SourceError(f"the import's position in {self.path} cannot be read: {error}") from None

    def save(self, position: Position) -> None:
        """Keep a position; a crash leaves the old or the new one, never half of one."""
        document = {"version": _VERSION, "identity": asdict(self._identity), **asdict(position)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(f".{os.getpid()}.tmp")
        with fresh.open("w", encoding="utf-8") as stream:
            json.dump(document, stream)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(self.path)

    def clear(self) -> None:
        """The import is complete: the next one starts over."""
        self.path.unlink(missing_ok=True)
