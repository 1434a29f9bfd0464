"""Where alerts go: routes, messages, and the two ways out, Apprise and signed webhooks."""

from vocengine.notify.case_messages import case_message
from vocengine.notify.digest import digest_message
from vocengine.notify.events import (
    CALM,
    EVENTS,
    USUAL,
    Event,
    change_of_alert,
    change_of_case,
    event_of_alert,
    event_of_case,
)
from vocengine.notify.message import message_of, test_message
from vocengine.notify.outcome import Outcome, backoff
from vocengine.notify.routes import Route, Target, load_routes
from vocengine.notify.sending import send
from vocengine.notify.timing import due_at, quiet_until
from vocengine.notify.words import Message

__all__ = [
    "CALM",
    "EVENTS",
    "USUAL",
    "Event",
    "Message",
    "Outcome",
    "Route",
    "Target",
    "backoff",
    "case_message",
    "change_of_alert",
    "change_of_case",
    "digest_message",
    "due_at",
    "event_of_alert",
    "event_of_case",
    "load_routes",
    "message_of",
    "quiet_until",
    "send",
    "test_message",
]
