"""Where the files beside the code stand: configurations, stream definitions, models."""

from __future__ import annotations

import sys
from pathlib import Path

from vocengine.errors import SettingsError


def resource(*parts: str) -> Path:
    """Path of a shipped file or folder such as `resource("configs", "sources")`.

    Looked for beside the package (a checkout), then in the installation's share folder (a wheel, the image).
    Raises SettingsError where neither has it.
    """
    roots = (Path(__file__).resolve().parent.parent, Path(sys.prefix) / "share" / "vocengine")
    for root in roots:
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise SettingsError(f"{'/'.join(parts)} is not installed: looked in {roots[0]} and {roots[1]}")
