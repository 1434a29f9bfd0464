"""Styles, scripts and the drawing library: all from this machine, none from a network."""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import importlib.util
from functools import cache
from pathlib import Path

from vocengine.errors import SettingsError

FOLDER = Path(__file__).parent


@cache
def plotly_script(*, zipped: bool) -> bytes:
    """plotly.js as the installed wheel ships it; read, and packed, at the first request.

    Raises SettingsError where the wheel is not installed.
    """
    if zipped:
        return gzip.compress(plotly_script(zipped=False), 6)
    found = importlib.util.find_spec("plotly")  # finds without importing
    if found is None or found.origin is None:
        raise SettingsError("the package plotly is not installed: charts need its plotly.min.js")
    return (Path(found.origin).parent / "package_data" / "plotly.min.js").read_bytes()


def plotly_version() -> str:
    """Version of the wheel that plotly.js comes from."""
    return importlib.metadata.version("plotly")


def asset_version() -> str:
    """A word that changes when a style or script does, so that browsers may keep them for good."""
    digest = hashlib.sha256()
    for path in sorted((FOLDER / "static").iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
