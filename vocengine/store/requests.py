"""Splits of topics that were asked for where no model is: pending until the role discover settles them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from vocengine.errors import RegistryError, StaleMember
from vocengine.store import registry
from vocengine.store.tables import topic_requests as requests

RequestStatus = Literal["pending", "done", "refused"]


@dataclass(frozen=True, slots=True)
class TopicRequest:
    """A split asked for, in so many parts or by phrases. `version` is that of the registry in which it was done,
    `message` says why it was refused; times are the wall clock."""

    request_id: int
    topic_id: int
    into: int | None
    phrases: tuple[str, ...]
    asked_by: str
    asked_at: datetime
    status: RequestStatus
    message: str | None
    version: int | None
    settled_at: datetime | None


def add(
    connection: sa.Connection, topic_id: int, *, into: int | None = None, phrases: Sequence[str] = (), by: str
) -> TopicRequest:
    """Ask for a split of a topic. Raises RegistryError where it is not in force or one is already asked for."""
    # Of two who ask at once the second finds the request of the first.
    registry.lock(connection)
    registry.standing(connection, topic_id)
    waiting = sa.select(requests.c.request_id).where(requests.c.topic_id == topic_id, requests.c.status == "pending")
    earlier = connection.scalar(waiting)
    if earlier is not None:
        raise RegistryError(f"a split of topic {topic_id} is already asked for: wait for request {earlier}")
    asked = {"into": into} if into is not None else {"phrases": list(phrases)}
    added = sa.insert(requests).values(topic_id=topic_id, asked=asked, asked_by=by, asked_at=sa.func.now())
    return _request(connection.execute(added.returning(*requests.c)).one())


def load_one(connection: sa.Connection, request_id: int) -> TopicRequest | None:
    """That request, None where there is none."""
    row = connection.execute(sa.select(requests).where(requests.c.request_id == request_id)).first()
    return None if row is None else _request(row)


def next_pending(connection: sa.Connection) -> TopicRequest | None:
    """The oldest request that waits, None where none does."""
    query = sa.select(requests).where(requests.c.status == "pending").order_by(requests.c.request_id).limit(1)
    row = connection.execute(query).first()
    return None if row is None else _request(row)


def settle_done(connection: sa.Connection, request_id: int, version: int) -> None:
    """Note the version that did it, in the transaction that makes it. Raises StaleMember where it is settled."""
    _settle(connection, request_id, status="done", version=version)


def settle_refused(connection: sa.Connection, request_id: int, message: str) -> None:
    """Note why it cannot be done. Raises StaleMember where it is settled."""
    _settle(connection, request_id, status="refused", message=message)


def _settle(connection: sa.Connection, request_id: int, **values: Any) -> None:
    pending = (requests.c.request_id == request_id) & (requests.c.status == "pending")
    settled = sa.update(requests).where(pending).values(settled_at=sa.func.now(), **values)
    if not connection.execute(settled).rowcount:
        raise StaleMember(f"request {request_id} was settled by another member")


def _request(row: sa.Row[Any]) -> TopicRequest:
    values: dict[str, Any] = dict(row._mapping)
    asked = values.pop("asked")
    return TopicRequest(into=asked.get("into"), phrases=tuple(asked.get("phrases", ())), **values)
