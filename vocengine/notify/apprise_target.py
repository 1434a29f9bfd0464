"""Delivery by Apprise: mail, Slack, Teams, PagerDuty and whatever else has an address there."""

from __future__ import annotations

import logging

from vocengine.notify.outcome import Outcome
from vocengine.notify.words import Message

# Apprise gives each service its own, shorter time; this ends what does not keep to it.
TIMEOUT_S = 20.0


def service_of(address: str) -> str | None:
    """The name of the service that an address is of, None where Apprise cannot make anything of it."""
    from apprise import Apprise

    logger = logging.getLogger("apprise")
    # It would log the address that it does not understand.
    before, logger.disabled = logger.disabled, True
    try:
        made = Apprise.instantiate(address)
    finally:
        logger.disabled = before
    return None if made is None else str(made.service_name)


def notify(address: str, message: Message, delivery_id: str) -> Outcome:
    """Hand a message to Apprise. What failed is tried again: Apprise does not tell passing faults from lasting ones."""
    from apprise import Apprise, NotifyFormat, NotifyType

    service = Apprise.instantiate(address)
    if service is None:
        return Outcome("Apprise no longer takes the address", again=False)
    html = service.resolve_format(NotifyFormat.HTML) == NotifyFormat.HTML
    footer = f"delivery {delivery_id}"
    out = Apprise()
    out.add(service)
    result = out.notify(
        title=message.title,
        body=f"{message.html}<p><small>{footer}</small></p>" if html else f"{message.text}\n\n{footer}",
        body_format=NotifyFormat.HTML if html else NotifyFormat.TEXT,
        notify_type=NotifyType.INFO if message.calm else NotifyType.WARNING,
        timeout=TIMEOUT_S,
    )
    if result:
        return Outcome()
    said = [entry.message for entry in result.logs() if entry.level in ("WARNING", "ERROR")]
    return Outcome(" ".join((said[-1] if said else f"{service.service_name} did not take it").split())[:300])
