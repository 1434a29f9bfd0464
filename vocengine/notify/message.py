"""An alert as a person reads it (title, text, HTML) and as a machine does (the JSON of a webhook)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from urllib.parse import quote

import orjson

from vocengine.contracts import Alert, Driver

MINUS = "\u2212"
_VERBATIMS = 5
_QUOTED_CHARS = 280
_TITLE_CHARS = 140
_LISTED = 20
_FALL = "_sentiment_fall"


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. `payload` is the body of a webhook; `calm` where nothing is amiss."""

    title: str
    text: str
    html: str
    payload: bytes
    calm: bool = False


@dataclass(frozen=True, slots=True)
class _Told:
    """The sentences of an alert, in order, and the verbatims under them."""

    title: str
    sentences: tuple[str, ...]
    verbatims: tuple[str, ...]
    link: str | None


def message_of(alert: Alert, *, at: datetime, public_url: str | None = None) -> Message:
    """The message for one alert; `at` is when its delivery was written down, so that every attempt says the same."""
    told = _told(alert, public_url)
    resolved = alert.status == "resolved"
    data = {"title": told.title, "url": told.link, "alert": alert}
    return Message(
        told.title,
        _text(told),
        _html(told),
        _payload("alert.resolved" if resolved else "alert.opened", at, data),
        calm=resolved,
    )


def digest_message(alerts: Sequence[Alert], *, at: datetime, public_url: str | None = None) -> Message:
    """One message for several alerts, the most severe first; verbatims are on the pages."""
    order = {"critical": 0, "high": 1, "medium": 2, "low": 3}
    ordered = sorted(alerts, key=lambda alert: (order.get(alert.severity, 9), alert.opened_at))
    counts = ", ".join(f"{n} {name}" for name in order if (n := sum(a.severity == name for a in ordered)))
    title = f"{len(ordered)} alerts: {counts}"
    told = [_told(alert, public_url) for alert in ordered[:_LISTED]]
    more = len(ordered) - len(told)
    rest = f"and {more} more" if more else ""
    text = "\n\n".join([_short(one) for one in told] + ([rest] if rest else []))
    items = "".join(f"<li>{_short_html(one)}</li>" for one in told)
    html = f"<p><strong>{escape(title)}</strong></p><ul>{items}</ul>" + (f"<p>{rest}</p>" if rest else "")
    return Message(title, text, html, _payload("alert.digest", at, {"title": title, "alerts": list(ordered)}))


def test_message(route: str, *, at: datetime) -> Message:
    """A message that says it is a test."""
    title = f"Test of route {route}"
    said = "vocengine sends this because somebody asked for it. Alerts of this route arrive here."
    return Message(title, said, f"<p>{escape(said)}</p>", _payload("test", at, {"title": title, "route": route}), True)


test_message.__test__ = False  # type: ignore[attr-defined]


def _told(alert: Alert, public_url: str | None) -> _Told:
    emerging, fall = alert.kind == "emerging_topic", alert.kind.endswith(_FALL)
    what = "New topic" if emerging else "Sentiment fell" if fall else alert.kind.replace("_", " ").capitalize()
    kind = f"{alert.kind.removesuffix(_FALL).replace('_', ' ')} " if fall else ""
    title = f"{'Resolved: ' if alert.status == 'resolved' else ''}{what}: {kind}{_line(alert.label)} ({alert.severity})"
    show = _percent if emerging else _share
    of = "Its share of what is said" if emerging else "Negativity (0 to 1)"
    # A customer's own key hears all that they say.
    by_people = fall and alert.kind != "customer_sentiment_fall"
    counted = "clauses" if emerging else "mentions, one a person and day" if by_people else "mentions"
    evidence = alert.evidence
    drivers = ", ".join(_driver(driver) for driver in alert.drivers)
    interval = f"{_signed(alert.change_low, show)} to {_signed(alert.change_high, show)}"
    sentences = [
        f"{of} went from {show(alert.baseline_mean)} to {show(alert.observed_mean)}: "
        f"{_signed(alert.change, show)}, 95 % interval {interval}.",
        f"Since {_when(alert.window_start)}, over {alert.observed_n:,} {counted}; "
        f"compared with {alert.baseline_n:,} since {_when(alert.baseline_from)}.",
        f"Evidence {evidence.value:,.1f}, {evidence.threshold:,.1f} needed; budget: {_line(evidence.budget)}.",
    ]
    if drivers:
        sentences.append(f"Behind it: {drivers}.")
    link = f"{public_url.rstrip('/')}/alerts/{quote(alert.alert_id, safe='')}" if public_url else None
    verbatims = tuple(_line(verbatim.text, _QUOTED_CHARS) for verbatim in alert.verbatims[:_VERBATIMS])
    return _Told(_line(title, _TITLE_CHARS), tuple(sentences), verbatims, link)


def _driver(driver: Driver) -> str:
    before = "" if driver.expected is None else f" (before {driver.expected:.0%})"
    return f"{driver.kind.replace('_', ' ')} {_line(driver.name)} {driver.share:.0%}{before}"


def _text(told: _Told) -> str:
    quotes = "\n".join(f"- “{_harmless(said)}”" for said in told.verbatims)
    return "\n\n".join(part for part in (_harmless("\n".join(told.sentences)), quotes, told.link) if part)


def _html(told: _Told) -> str:
    sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in told.sentences)
    quotes = "".join(f"<li>“{escape(said)}”</li>" for said in told.verbatims)
    return sentences + (f"<ul>{quotes}</ul>" if quotes else "") + _anchor(told)


def _short(told: _Told) -> str:
    return "\n".join(part for part in (_harmless(f"{told.title}\n{told.sentences[0]}"), told.link) if part)


def _short_html(told: _Told) -> str:
    return f"<strong>{escape(told.title)}</strong><br>{escape(told.sentences[0])}{_anchor(told)}"


def _anchor(told: _Told) -> str:
    return f'<p><a href="{escape(told.link)}">{escape(told.link)}</a></p>' if told.link else ""


def _harmless(text: str) -> str:
    """What a customer wrote must not call a whole channel together (`@everyone`, `<!channel>`) or make a link."""
    return text.replace("@", "@\u200b").replace("<", "‹").replace(">", "›")


def _payload(kind: str, at: datetime, data: Mapping[str, object]) -> bytes:
    return orjson.dumps({"type": kind, "timestamp": at, "data": data}, option=orjson.OPT_UTC_Z)


def _line(text: str, most: int = 120) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def _share(value: float) -> str:
    return f"{value:.2f}"


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _signed(value: float, show: Callable[[float], str]) -> str:
    return ("+" if value >= 0 else MINUS) + show(abs(value))


def _when(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"
