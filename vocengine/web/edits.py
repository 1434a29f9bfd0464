"""Edits of topics by API: each in one transaction, with who did it, and only where `web.edits` allows them.

The web role loads no model, so a split is written down as a request, which the role discover settles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path
from pydantic import BaseModel, ConfigDict, Field

from vocengine.contracts import Origin
from vocengine.errors import EditsOff, InputError
from vocengine.store import registry, requests, topic_edits
from vocengine.store.reads import Connection, Engine, reading, writing
from vocengine.store.requests import RequestStatus, TopicRequest
from vocengine.web.api import API_PREFIX, ErrorReply, TopicId
from vocengine.web.views import NotFound

# PostgreSQL's text holds no zero byte.
TEXT = r"^[^\x00]*$"
Actor = Annotated[
    str, Field(min_length=1, max_length=200, pattern=TEXT, description="Who does it, for the audit trail.")
]
# A phrase becomes the name of its part.
Phrase = Annotated[str, Field(min_length=1, max_length=80, pattern=TEXT)]
RequestId = Annotated[int, Path(ge=1, le=2**31 - 1)]
# A proxy with a log-in sets it, so it counts for more than what the body says.
User = Annotated[str | None, Header(alias="X-Forwarded-User", max_length=200, description="Who does it; before `by`.")]


class Body(BaseModel):
    """What every edit takes; `by` may be left to the header `X-Forwarded-User`."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    by: Actor | None = None


class TopicPatch(Body):
    """What is to change; what is left out stays. A description of null takes the old one away."""

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=TEXT)] | None = None
    description: Annotated[str, Field(max_length=1_000, pattern=TEXT)] | None = None
    pinned: bool | None = None


class MergeBody(Body):
    """The topic that it becomes a part of."""

    into: Annotated[int, Field(ge=0, le=2**31 - 1)]


class SplitBody(Body):
    """As many parts, or phrases that name them."""

    into: Annotated[int, Field(ge=2, le=10)] | None = None
    phrases: Annotated[list[Phrase], Field(min_length=2, max_length=10)] | None = None


class RollbackBody(Body):
    """The registry version whose fit is to be in force again."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]


@dataclass(frozen=True, slots=True)
class Edited:
    """The topic as it is now, and the registry version that running members take up within seconds."""

    version: int
    topic_id: int
    label: str
    description: str | None
    pinned: bool
    origin: Origin
    merged_into: int | None
    retired_version: int | None


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The registry version that is in force now."""

    version: int


@dataclass(frozen=True, slots=True)
class Lineage:
    """All that became of a topic, oldest first; lines of topics merged into it or split off it among them."""

    topic_id: int
    lines: tuple[registry.AuditLine, ...]


@dataclass(frozen=True, slots=True)
class Requested:
    """A split that was asked for: pending, then done in a registry version or refused for the reason in `message`."""

    request_id: int
    topic_id: int
    into: int | None
    phrases: tuple[str, ...]
    asked_by: str
    asked_at: datetime
    status: RequestStatus
    message: str
    version: int | None
    settled_at: datetime | None
    address: str


_CONFLICT: dict[int | str, dict[str, Any]] = {
    403: {"model": ErrorReply, "description": "Edits by API are off (`web.edits`)."},
    404: {"model": ErrorReply, "description": "There is no topic of that id."},
    409: {"model": ErrorReply, "description": "The edit makes no sense as things stand; the message says why."},
    422: {"model": ErrorReply, "description": "A field is wrong; the message names it."},
    503: {"model": ErrorReply, "description": "The database cannot be reached or its schema is old."},
}


def edits_router(engine: Engine, *, allowed: bool) -> APIRouter:
    """Edits and the audit trail of topics; the trail can be read whether or not edits are allowed."""

    check = guard("vocengine topics", allowed=allowed)
    reads = APIRouter(prefix=API_PREFIX, tags=["read"], responses=_CONFLICT)
    router = APIRouter(prefix=API_PREFIX, tags=["edit"], responses=_CONFLICT, dependencies=[Depends(check)])

    @reads.get("/topics/{topic_id}/lineage", summary="What became of a topic, by whom, on what evidence")
    def get_lineage(topic_id: TopicId) -> Lineage:
        with reading(engine) as connection:
            rows = registry.lineage_of(connection, topic_id)
        lines = (registry.AuditLine(**{name: row[name] for name in registry.AuditLine.__slots__}) for row in rows)
        return Lineage(topic_id, tuple(lines))

    @reads.get("/topics/requests/{request_id}", summary="What became of a split that was asked for")
    def get_request(request_id: RequestId) -> Requested:
        with reading(engine) as connection:
            found = requests.load_one(connection, request_id)
        if found is None:
            raise NotFound(f"there is no request {request_id}: the answer to the POST has the number")
        return _requested(found)

    @router.patch("/topics/{topic_id}", summary="Rename, describe or pin a topic")
    def patch_topic(topic_id: TopicId, asked: TopicPatch, user: User = None) -> Edited:
        by, given = who(asked, user), asked.model_fields_set - {"by"}
        if not given or (asked.name is None and "name" in given) or (asked.pinned is None and "pinned" in given):
            raise InputError("the body changes nothing: give name, description or pinned, with their new values")
        with writing(engine) as connection:
            if asked.name is not None:
                topic_edits.rename(connection, topic_id, asked.name, by=by)
            if "description" in given:
                topic_edits.describe(connection, topic_id, asked.description or "", by=by)
            if asked.pinned is not None:
                topic_edits.pin(connection, topic_id, asked.pinned, by=by)
            return _edited(connection, topic_id)

    @router.post("/topics/{topic_id}/merge", summary="Make a topic a part of another, with its history")
    def merge_topic(topic_id: TopicId, asked: MergeBody, user: User = None) -> Edited:
        by = who(asked, user)
        with writing(engine) as connection:
            topic_edits.merge(connection, [topic_id], asked.into, by=by)
            return _edited(connection, topic_id)

    @router.post("/topics/{topic_id}/retire", summary="Take a topic out of force; its history stays")
    def retire_topic(topic_id: TopicId, asked: Body, user: User = None) -> Edited:
        by = who(asked, user)
        with writing(engine) as connection:
            topic_edits.retire(connection, topic_id, by=by)
            return _edited(connection, topic_id)

    @router.post(
        "/topics/{topic_id}/split",
        summary="Ask for a topic to be cut in parts, which the role discover does",
        status_code=202,
    )
    def split_topic(topic_id: TopicId, asked: SplitBody, user: User = None) -> Requested:
        by, phrases = who(asked, user), asked.phrases or []
        if (asked.into is None) == (not phrases):
            raise InputError("say how to split: into, the number of parts, or phrases, one for each part, not both")
        if len({phrase.casefold() for phrase in phrases}) < len(phrases):
            raise InputError(f"phrases are {', '.join(map(repr, phrases))}: give 2 to 10 that differ")
        with writing(engine) as connection:
            return _requested(requests.add(connection, topic_id, into=asked.into, phrases=phrases, by=by))

    @router.post("/topics/rollback", summary="Go back to what the fit of a registry version said")
    def roll_back(asked: RollbackBody, user: User = None) -> RolledBack:
        by = who(asked, user)
        with writing(engine) as connection:
            return RolledBack(registry.rollback(connection, asked.version, by=by))

    together = APIRouter()
    together.include_router(reads)
    together.include_router(router)
    return together


def guard(command: str, *, allowed: bool) -> Callable[[], None]:
    """A check before an edit, by whatever way it comes: raises EditsOff unless edits are `allowed`.

    `command` is what does the same on the machine itself.
    """

    def check() -> None:
        if not allowed:
            raise EditsOff(
                f"edits by API are off: set web.edits to true where a proxy asks who is there, or use `{command}`"
            )

    return check


def who(asked: Body, user: str | None) -> str:
    """Who makes an edit. Raises InputError where nobody says so."""
    by = (user or "").strip() or asked.by
    if not by:
        raise InputError("by is missing: say in it, or in the header X-Forwarded-User, who makes the edit")
    return by


def _requested(request: TopicRequest) -> Requested:
    told = {
        "pending": "the role discover does it within seconds of its turn; while no member of it runs, it waits",
        "done": f"done in registry version {request.version}",
        "refused": request.message or "",
    }
    return Requested(
        request_id=request.request_id,
        topic_id=request.topic_id,
        into=request.into,
        phrases=request.phrases,
        asked_by=request.asked_by,
        asked_at=request.asked_at,
        status=request.status,
        message=told[request.status],
        version=request.version,
        settled_at=request.settled_at,
        address=f"{API_PREFIX}/topics/requests/{request.request_id}",
    )


def _edited(connection: Connection, topic_id: int) -> Edited:
    entry, version = registry.known(connection, topic_id), registry.newest_version(connection)
    assert version is not None
    return Edited(
        version=version,
        topic_id=topic_id,
        label=entry.title,
        description=entry.description,
        pinned=entry.pinned,
        origin=entry.origin,
        merged_into=entry.merged_into,
        retired_version=entry.retired_version,
    )
