"""Templates → pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

from vocengine.web import case_wording, drawing, wording
from vocengine.web.api import API_PREFIX
from vocengine.web.assets import FOLDER, asset_version, plotly_version

_FILTERS = (
    "change_words", "day", "dimension_words", "iso", "key_kind_words", "key_path", "kind_words", "of_alert",
    "path_part", "percent", "points", "rate", "score", "sentiment_of", "share_change_words", "shown_by", "span_words",
    "tone", "when", "whole",
)  # fmt: skip
_OF_CASES = ("entry_words", "state_words", "time_left", "time_used", "urgency")
_DRAWINGS = ("sentiment_chart", "sentiment_scale", "share_chart", "share_scale")
_FUNCTIONS = ("against_words", "bucket_hours", "chart_data", "common_scale", "highlighted", "sparkline", "widths_of")


class Renderer:
    """Renders the templates beside this file; all values are escaped."""

    def __init__(self) -> None:
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {name: getattr(wording, name) for name in _FILTERS}
        self._templates.globals |= {name: getattr(wording, name) for name in _FUNCTIONS}
        self._templates.globals |= {name: getattr(case_wording, name) for name in _OF_CASES}
        self._templates.globals |= {name: getattr(drawing, name) for name in _DRAWINGS}
        self._templates.globals["assets"] = asset_version()
        self._templates.globals["plotly_version"] = plotly_version()
        self._templates.globals["hour"] = timedelta(hours=1)
        # Once for all: what a base template imports is out of sight in the blocks of its children.
        self._templates.globals["parts"] = self._templates.get_template("parts.html").module
        self._templates.globals["case_parts"] = self._templates.get_template("case_parts.html").module
        self._templates.globals["incident_parts"] = self._templates.get_template("incident_parts.html").module

    def page(self, request: Request, template: str, **values: Any) -> HTMLResponse:
        """The page as an answer; `base` and `twin` (the address of its JSON) are set from the request."""
        base = request.scope.get("root_path", "")
        path = request.url.path.removeprefix(base)
        query = f"?{request.url.query}" if request.url.query else ""
        text = self._templates.get_template(template).render(
            base=base, path=path, twin=f"{base}{API_PREFIX}{_quoted(request, base)}{query}", request=request, **values
        )
        return HTMLResponse(text)


def _quoted(request: Request, base: str) -> str:
    """The path as it was sent, percent signs and all: a decoded id may hold a question mark."""
    raw: bytes | None = request.scope.get("raw_path")
    return (raw.decode("ascii", "replace") if raw else request.url.path).removeprefix(base)
