"""An alert as a person reads it (title, text, HTML) and as a machine does (the JSON of a webhook)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from html import escape
from urllib.parse import quote

from vocengine.contracts import Alert, Driver
from vocengine.contracts.alert import SHOWN
from vocengine.notify.words import TITLE_CHARS, Message, Told, html_of, line, payload_of, text_of, when
from vocengine.pairs import kind_words

MINUS = "\u2212"
_VERBATIMS = 5
_QUOTED_CHARS = 280
_FALL = "_sentiment_fall"
_TITLES = {
    "emerging_topic": "New topic",
    "volume_spike": "More mentions than usual",
    "data_silence": "Nothing comes any more",
}
_COUNTED = {"emerging_topic": "clauses", "data_silence": "events", "customer_sentiment_fall": "mentions"}
_MEASURES = {
    "emerging_topic": "Its share of what is said",
    "volume_spike": "Mentions an hour",
    "data_silence": "Events an hour",
}


def message_of(alert: Alert, *, at: datetime, public_url: str | None = None) -> Message:
    """The message for one alert; `at` is when its delivery was written down, so that every attempt says the same."""
    told = told_of(alert, public_url)
    resolved = alert.status == "resolved"
    data = {"title": told.title, "url": told.link, "alert": alert}
    return Message(
        told.title,
        text_of(told),
        html_of(told),
        payload_of("alert.resolved" if resolved else "alert.opened", at, data),
        calm=resolved,
    )


def test_message(route: str, *, at: datetime) -> Message:
    """A message that says it is a test."""
    title = f"Test of route {route}"
    said = "vocengine sends this because somebody asked for it. Alerts of this route arrive here."
    return Message(
        title, said, f"<p>{escape(said)}</p>", payload_of("test", at, {"title": title, "route": route}), True
    )


test_message.__test__ = False  # type: ignore[attr-defined]


def told_of(alert: Alert, public_url: str | None) -> Told:
    """What is told of an alert."""
    emerging, fall = alert.kind == "emerging_topic", alert.kind.endswith(_FALL)
    what = "Sentiment fell" if fall else _TITLES.get(alert.kind, alert.kind.replace("_", " ").capitalize())
    of_key = alert.key.partition(":")[0] if alert.kind in ("volume_spike", "data_silence") else ""
    of_key = "" if alert.key.endswith(":*") else of_key
    kind = f"{kind_words(alert.kind.removesuffix(_FALL) if fall else of_key)} ".lstrip()
    title = f"{'Resolved: ' if alert.status == 'resolved' else ''}{what}: {kind}{line(alert.label)} ({alert.severity})"
    shown = SHOWN.get(alert.kind)
    show = _percent if emerging or shown else _share if fall else _rate
    of = f"The share of mentions that show {shown}" if shown else _MEASURES.get(alert.kind, "Negativity (0 to 1)")
    # A customer's own key hears all that they say.
    counted = _COUNTED.get(alert.kind, "mentions, one a person and day")
    evidence = alert.evidence
    drivers = ", ".join(_driver(driver) for driver in alert.drivers)
    interval = f"{_signed(alert.change_low, show)} to {_signed(alert.change_high, show)}"
    sentences = [
        f"{of} went from {show(alert.baseline_mean)} to {show(alert.observed_mean)}: "
        f"{_signed(alert.change, show)}, 95 % interval {interval}.",
        f"Since {when(alert.window_start)}, over {alert.observed_n:,} {counted}; "
        f"compared with {alert.baseline_n:,} since {when(alert.baseline_from)}.",
        f"Evidence {evidence.value:,.1f}, {evidence.threshold:,.1f} needed; budget: {line(evidence.budget)}.",
    ]
    if drivers:
        sentences.append(f"Behind it: {drivers}.")
    if alert.status == "resolved" and alert.course:
        last = alert.course[-1]
        sentences.insert(0, f"It is back: {show(last.mean)} over {last.n:,} {counted}, up to {when(last.at)}.")
    link = f"{public_url.rstrip('/')}/alerts/{quote(alert.alert_id, safe='')}" if public_url else None
    verbatims = tuple(line(verbatim.text, _QUOTED_CHARS) for verbatim in alert.verbatims[:_VERBATIMS])
    return Told(line(title, TITLE_CHARS), tuple(sentences), verbatims, link)


def _driver(driver: Driver) -> str:
    before = "" if driver.expected is None else f" (before {driver.expected:.0%})"
    return f"{kind_words(driver.kind)} {line(driver.name)} {driver.share:.0%}{before}"


def _share(value: float) -> str:
    return f"{value:.2f}"


def _rate(value: float) -> str:
    return f"{value:,.1f}"


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _signed(value: float, show: Callable[[float], str]) -> str:
    return ("+" if value >= 0 else MINUS) + show(abs(value))
