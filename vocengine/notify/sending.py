"""One attempt to deliver one message, by whichever way its target is reached."""

from __future__ import annotations

from vocengine.notify import apprise_target, webhook
from vocengine.notify.outcome import Outcome
from vocengine.notify.routes import Target
from vocengine.notify.words import Message


def send(target: Target, message: Message, delivery_id: str) -> Outcome:
    """Deliver a message once. Never raises for what the receiver or the network does."""
    if target.secret is not None:
        return webhook.post(target.address, target.secret, message, delivery_id)
    return apprise_target.notify(target.address, message, delivery_id)
