"""vocengine: customer feedback as a stream in, understood clause by clause, alerts within seconds out."""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["__version__"]
