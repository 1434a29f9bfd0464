"""One message for several changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from vocengine.contracts import Alert, Case
from vocengine.notify import case_messages, message
from vocengine.notify.words import Message, Told, payload_of, short_html_of, short_of

_LISTED = 20
_GRAVITY = {"critical": 0, "high": 1, "medium": 2, "low": 3}


def digest_message(changes: Sequence[Alert | Case], *, at: datetime, public_url: str | None = None) -> Message:
    """One message for several changes, the most severe first; verbatims are on the pages."""
    ordered = sorted(changes, key=lambda one: (_GRAVITY.get(one.severity, 9), one.opened_at))
    alerts = [one for one in ordered if isinstance(one, Alert)]
    cases = [one for one in ordered if isinstance(one, Case)]
    counts = ", ".join(f"{n} {name}" for name in _GRAVITY if (n := sum(one.severity == name for one in ordered)))
    counted = [_of(len(alerts), "alert"), _of(len(cases), "change of a case", "changes of cases")]
    title = f"{' and '.join(part for part in counted if part)}: {counts}"
    told = [_told(one, public_url) for one in ordered[:_LISTED]]
    more = len(ordered) - len(told)
    rest = f"and {more} more" if more else ""
    text = "\n\n".join([short_of(one) for one in told] + ([rest] if rest else []))
    items = "".join(f"<li>{short_html_of(one)}</li>" for one in told)
    html = f"<p><strong>{escape(title)}</strong></p><ul>{items}</ul>" + (f"<p>{rest}</p>" if rest else "")
    data = {"title": title, "alerts": alerts} | ({"cases": cases} if cases else {})
    calm = all(isinstance(one, Case) and case_messages.is_calm(one) for one in ordered)
    return Message(title, text, html, payload_of("alert.digest", at, data), calm)


def _told(change: Alert | Case, public_url: str | None) -> Told:
    if isinstance(change, Alert):
        return message.told_of(change, public_url)
    return case_messages.told_of(change, public_url)


def _of(n: int, one: str, several: str | None = None) -> str:
    return "" if not n else f"1 {one}" if n == 1 else f"{n} {several or one + 's'}"
