"""A change of a case as a person reads it and as a machine does."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote

from vocengine.contracts import Case
from vocengine.notify.events import CALM, Event, event_of_case
from vocengine.notify.words import TITLE_CHARS, Message, Told, html_of, line, payload_of, text_of, when

_NOTE_CHARS = 500
_HEADS: dict[Event, str] = {
    "case.due_soon": "Due soon",
    "case.overdue": "Overdue",
    "case.taken": "Taken",
    "case.resolved": "Resolved",
    "case.reopened": "Reopened",
    "case.closed": "Closed",
}


def case_message(case: Case, *, at: datetime, public_url: str | None = None) -> Message:
    """The message for the last change of a case; `at` is when its delivery was written down."""
    told = told_of(case, public_url)
    data = {"title": told.title, "url": told.link, "case": case}
    return Message(
        told.title,
        text_of(told),
        html_of(told),
        payload_of(event_of_case(case) or "case.changed", at, data),
        calm=is_calm(case),
    )


def is_calm(case: Case) -> bool:
    """Whether its last change asks nobody to do anything."""
    return event_of_case(case) in CALM


def told_of(case: Case, public_url: str | None) -> Told:
    """What is told of the last change of a case."""
    event = event_of_case(case)
    kind = case.kind.removesuffix("_sentiment_fall").replace("_", " ")
    head = _HEADS.get(event, "Changed") if event else "Changed"
    title = line(f"{head}: the case on {kind} {line(case.label)} ({case.severity})", TITLE_CHARS)
    owner = f"Its owner is {line(case.owner)}." if case.owner else "Nobody has taken it."
    sentences = [_what(case, event)]
    if case.ended_at is None and event != "case.taken":
        sentences.append(owner)
    if case.verdict:
        sentences.append(
            {"yes": "It was a real problem.", "no": "It was no problem."}.get(case.verdict, "A duplicate.")
        )
    link = f"{public_url.rstrip('/')}/cases/{quote(case.case_id, safe='')}" if public_url else None
    return Told(title, tuple(sentences), (line(case.note, _NOTE_CHARS),) if case.note.strip() else (), link)


def _what(case: Case, event: Event | None) -> str:
    name, state, by = f"Case {line(case.case_id)}", case.state.replace("_", " "), line(case.by)
    match event:
        case "case.due_soon":
            return f"{name} is due at {when(case.due_at)} and is {state}."
        case "case.overdue":
            return f"{name} was due at {when(case.due_at)} and is still {state}."
        case "case.taken":
            owner = line(case.owner or by)
            given = "" if owner == by else f", given by {by}"
            return f"{name} is {owner}'s{given}; it is due at {when(case.due_at)}."
        case "case.resolved" if case.ended_at is not None:
            return f"{by} resolved {name[:1].lower()}{name[1:]} after {_length(case.ended_at - case.asked_at)}."
        case "case.reopened":
            return f"{by} reopened {name[:1].lower()}{name[1:]}; it is due at {when(case.due_at)}."
        case _:
            return f"{name} is {state}, by {by}."


def _length(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours >= 72 else f"{hours:.0f} h" if hours >= 1 else f"{hours * 60:.0f} min"
