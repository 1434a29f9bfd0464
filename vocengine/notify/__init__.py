"""Where alerts go: routes, messages, and the two ways out, Apprise and signed webhooks."""

from vocengine.notify.message import Message, digest_message, message_of, test_message
from vocengine.notify.outcome import Outcome, backoff
from vocengine.notify.routes import Route, Target, load_routes
from vocengine.notify.sending import send
from vocengine.notify.timing import due_at, quiet_until

__all__ = [
    "Message",
    "Outcome",
    "Route",
    "Target",
    "backoff",
    "digest_message",
    "due_at",
    "load_routes",
    "message_of",
    "quiet_until",
    "send",
    "test_message",
]
