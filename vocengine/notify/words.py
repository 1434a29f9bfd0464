"""A message, and how what it tells becomes text, HTML and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

import orjson

TITLE_CHARS = 140


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. `payload` is the body of a webhook; `calm` where nothing is amiss."""

    title: str
    text: str
    html: str
    payload: bytes
    calm: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What a message tells: sentences in order, what was said by people under them, and where to look."""

    title: str
    sentences: tuple[str, ...]
    quotes: tuple[str, ...]
    link: str | None


def text_of(told: Told) -> str:
    """As plain text."""
    quotes = "\n".join(f"- “{_harmless(said)}”" for said in told.quotes)
    return "\n\n".join(part for part in (_harmless("\n".join(told.sentences)), quotes, told.link) if part)


def html_of(told: Told) -> str:
    """As HTML, escaped."""
    sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in told.sentences)
    quotes = "".join(f"<li>“{escape(said)}”</li>" for said in told.quotes)
    return sentences + (f"<ul>{quotes}</ul>" if quotes else "") + _anchor(told)


def short_of(told: Told) -> str:
    """Its title, first sentence and link."""
    return "\n".join(part for part in (_harmless(f"{told.title}\n{told.sentences[0]}"), told.link) if part)


def short_html_of(told: Told) -> str:
    """The same as HTML."""
    return f"<strong>{escape(told.title)}</strong><br>{escape(told.sentences[0])}{_anchor(told)}"


def _anchor(told: Told) -> str:
    return f'<p><a href="{escape(told.link)}">{escape(told.link)}</a></p>' if told.link else ""


def _harmless(text: str) -> str:
    """What a customer wrote must not call a whole channel together (`@everyone`, `<!channel>`) or make a link."""
    return text.replace("@", "@\u200b").replace("<", "‹").replace(">", "›")


def payload_of(kind: str, at: datetime, data: Mapping[str, object]) -> bytes:
    """The body of a webhook."""
    return orjson.dumps({"type": kind, "timestamp": at, "data": data}, option=orjson.OPT_UTC_Z)


def line(text: str, most: int = 120) -> str:
    """The text in one line, cut where it is longer than `most` characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def when(at: datetime) -> str:
    """`10 Mar 2026, 07:00 UTC`."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"
