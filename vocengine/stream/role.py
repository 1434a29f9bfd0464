"""A role's life: open a session, step through batches, start afresh on errors that pass, end on request."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Protocol

from kafka.errors import KafkaError

from vocengine.errors import BrokerUnavailable, StaleMember, StoreUnavailable, TopicsMissing

log = logging.getLogger(__name__)

_FIRST_WAIT_S = 0.2


class Session(Protocol):
    """One membership in the consumer group, with its clients."""

    def step(self) -> int:
        """Take one batch through one transaction; returns how many records it had."""

    def close(self) -> None:
        """Leave the group at once and close the clients."""


def run(
    name: str,
    open_session: Callable[[], Session],
    stop: threading.Event,
    *,
    retry_max_s: float = 5.0,
    on_step: Callable[[int], None] = lambda _: None,
) -> None:
    """Run a role until `stop` is set; the batch in hand is finished first.

    Whatever the broker or the database does, the answer is the same: give the transaction up, close, wait a
    little longer each time, open again from the committed position. Any other error is a fault of ours and
    ends the process, so that a supervisor sees it.
    """
    failures = 0
    while not stop.is_set():
        session: Session | None = None
        try:
            session = open_session()
            log.info("%s: ready", name)
            while not stop.is_set():
                on_step(session.step())
                failures = 0
        except StaleMember as error:
            log.warning("%s: %s; starting again from the stored position", name, error)
        except (KafkaError, BrokerUnavailable, StoreUnavailable, TopicsMissing) as error:
            failures += 1
            wait_s = min(retry_max_s, _FIRST_WAIT_S * 2**failures) * random.uniform(0.5, 1.0)
            log.warning("%s: %s; trying again in %.1f s", name, _sentence(error), wait_s)
            _close(session)
            session = None
            stop.wait(wait_s)
        finally:
            _close(session)
    log.info("%s: stopped", name)


def _close(session: Session | None) -> None:
    if session is None:
        return
    try:
        session.close()
    except Exception as error:  # closing a broken connection breaks in many ways; the next one is what counts
        log.debug("closing failed: %s", error)


def _sentence(error: BaseException) -> str:
    return str(error) or type(error).__name__
