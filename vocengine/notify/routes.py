"""Routes: which alerts and changes of cases go where, when, how many at most; read from YAML and checked at load."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from vocengine.contracts import Alert, Case
from vocengine.contracts.alert import AlertKind, Severity
from vocengine.errors import RouteError
from vocengine.key_patterns import matches, meet
from vocengine.notify import apprise_target, webhook
from vocengine.notify.events import EVENTS, USUAL, Event
from vocengine.quiet_hours import Clock, QuietEntry, QuietHours, quiet_of, zone_of

KINDS: tuple[AlertKind, ...] = get_args(AlertKind)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
Digest = Literal["off", "hourly", "daily"]

_ENVIRONMENT = "env:"
_SHOWN_CHARS = 80
_MOST = 200


@dataclass(frozen=True, slots=True)
class Target:
    """One way out. `target_id` follows from what the file says, so that a secret can change behind its `env:NAME`.

    `shown` has no secret in it. With `secret` the address is a webhook's, without one Apprise's.
    """

    target_id: str
    shown: str
    address: str = field(repr=False)
    secret: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Route:
    """Which changes it takes, and what becomes of them. `at_most` counts messages an hour to each target."""

    name: str
    kinds: frozenset[str]
    keys: tuple[str, ...]
    severities: frozenset[str]
    events: frozenset[Event]
    targets: tuple[Target, ...]
    zone: ZoneInfo
    quiet: QuietHours | None
    critical_passes: bool
    digest: Digest
    digest_at: time
    at_most: int

    def takes(self, about: Alert | Case, event: Event = "alert.opened") -> bool:
        """Whether an event of an alert or a case goes this way."""
        return (
            event in self.events
            and about.kind in self.kinds
            and about.severity in self.severities
            and any(matches(pattern, about.key) for pattern in self.keys)
        )

    def passes(self, severity: str) -> bool:
        """Whether an alert of this severity waits neither for the end of quiet hours nor for the digest."""
        return self.critical_passes and severity == "critical"

    def target(self, target_id: str) -> Target | None:
        """The target of that id."""
        return next((target for target in self.targets if target.target_id == target_id), None)


def _off(value: object) -> object:
    # YAML reads off as false.
    return "off" if value is False else value


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Webhook(_Entry):
    webhook: str
    secret: Annotated[str, Field(pattern=r"^env:\w+$")]
    allow_http: bool = False


_Target = Annotated[str, Field(min_length=5)] | _Webhook


class _Route(_Entry):
    name: Annotated[str, Field(pattern=r"^[\w.-]{1,60}$")]
    kinds: Annotated[list[AlertKind], Field(min_length=1)] = list(KINDS)
    keys: Annotated[list[Annotated[str, Field(min_length=1, max_length=300)]], Field(min_length=1)] = ["*"]
    severities: Annotated[list[Severity], Field(min_length=1)] = list(SEVERITIES)
    events: Annotated[list[Event], Field(min_length=1)] = list(USUAL)
    to: Annotated[list[_Target], Field(min_length=1, max_length=20)]
    time_zone: str = "UTC"
    quiet_hours: QuietEntry | None = None
    critical_passes: bool = True
    digest: Annotated[Digest, BeforeValidator(_off)] = "off"
    digest_at: Clock = time(8)
    at_most: Annotated[int, Field(ge=1, le=1_000)] = 20


_ROUTES = TypeAdapter(Annotated[list[_Route], Field(min_length=1, max_length=_MOST)])


def load_routes(path: Path, environ: Mapping[str, str] | None = None) -> tuple[Route, ...]:
    """The routes of a YAML file, a list; `env:NAME` is looked up in `environ`, otherwise in the process's.

    Raises RouteError naming the file, the route, the field and what would be right; never a secret.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        # Not the library's own words: they quote the line, which may hold a secret.
        where = f" at line {mark.line + 1}" if mark else ""
        raise RouteError(f"{path} is not valid YAML{where}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RouteError(f"{path} cannot be read: {error}") from None
    try:
        return routes_from(document, os.environ if environ is None else environ)
    except RouteError as error:
        raise RouteError(f"{path}: {error}") from None


def routes_from(document: object, environ: Mapping[str, str]) -> tuple[Route, ...]:
    """The routes of a document as YAML gives it. Raises RouteError as `load_routes` does."""
    if not isinstance(document, list) or not document:
        found = "empty" if not document else f"a {type(document).__name__}"
        raise RouteError(f"a list of routes is expected, each with name and to; this is {found}")
    try:
        entries = _ROUTES.validate_python(document)
    except ValidationError as error:
        raise RouteError(_fault(error, document)) from None
    routes = [_route(entry, environ) for entry in entries]
    for one, other in combinations(routes, 2):
        _refuse_overlap(one, other)
    return tuple(routes)


def _route(entry: _Route, environ: Mapping[str, str]) -> Route:
    try:
        zone, quiet = zone_of(entry.time_zone), quiet_of(entry.quiet_hours)
    except ValueError as error:
        raise RouteError(f"route {entry.name!r}: {error}") from None
    targets: list[Target] = []
    for place, written in enumerate(entry.to):
        try:
            target = _webhook(written, environ) if isinstance(written, _Webhook) else _apprise(written, environ)
        except RouteError as error:
            raise RouteError(f"route {entry.name!r}: to.{place} {error}") from None
        if any(target.address == other.address for other in targets):
            raise RouteError(f"route {entry.name!r}: to.{place} is a target that stands there already: leave one out")
        targets.append(target)
    return Route(
        name=entry.name,
        kinds=frozenset(entry.kinds),
        keys=tuple(entry.keys),
        severities=frozenset(entry.severities),
        events=frozenset(entry.events),
        targets=tuple(targets),
        zone=zone,
        quiet=quiet,
        critical_passes=entry.critical_passes,
        digest=entry.digest,
        digest_at=entry.digest_at,
        at_most=entry.at_most,
    )


def _apprise(written: str, environ: Mapping[str, str]) -> Target:
    address = _resolved(written, environ)
    service = apprise_target.service_of(address)
    if service is None:
        source = f"({written}) " if written.startswith(_ENVIRONMENT) else ""
        raise RouteError(
            f"{source}is no address that Apprise knows; one looks like mailto://user:password@host?to=a@b.org, "
            "and a webhook is written as webhook: and secret:"
        )
    target_id = _id(written)
    where = written if written.startswith(_ENVIRONMENT) else f"{address.split(':', 1)[0]}://…"
    return Target(target_id, f"{service} {where} #{target_id[:4]}", address)


def _webhook(written: _Webhook, environ: Mapping[str, str]) -> Target:
    address = _resolved(written.webhook, environ)
    fault = webhook.fault_of(address, allow_http=written.allow_http)
    if fault is not None:
        raise RouteError(f"webhook {fault}")
    try:
        secret = webhook.key_of(_resolved(written.secret, environ))
    except ValueError as error:
        raise RouteError(f"secret ({written.secret}) {error}") from None
    target_id = _id(written.webhook)
    return Target(target_id, f"webhook {urlsplit(address).hostname} #{target_id[:4]}", address, secret)


def _resolved(written: str, environ: Mapping[str, str]) -> str:
    if not written.startswith(_ENVIRONMENT):
        return written.strip()
    name = written.removeprefix(_ENVIRONMENT)
    value = environ.get(name, "").strip()
    if not value:
        raise RouteError(f"is {written}, and {name} is not set in the environment")
    return value


def _id(written: str) -> str:
    return sha256(written.strip().encode()).hexdigest()[:12]


def _refuse_overlap(one: Route, other: Route) -> None:
    if one.name == other.name:
        raise RouteError(f"two routes are called {one.name!r}: name them apart")
    shared = next((a for a in one.targets for b in other.targets if a.address == b.address), None)
    if shared is None:
        return
    kinds, severities = one.kinds & other.kinds, one.severities & other.severities
    keys = next(((a, b) for a in one.keys for b in other.keys if meet(a, b)), None)
    events = one.events & other.events
    if kinds and severities and keys and events:
        raise RouteError(
            f"routes {one.name!r} and {other.name!r} both send to {shared.shown}, and {_any(events, EVENTS)} of "
            f"{_any(kinds, KINDS)} with severity {_any(severities, SEVERITIES)} whose key fits {keys[0]!r} and "
            f"{keys[1]!r} would go there twice: make kinds, severities, keys or events differ"
        )


def _any(found: Collection[str], order: Sequence[str]) -> str:
    return next(name for name in order if name in found)


def _fault(error: ValidationError, document: list[object]) -> str:
    fault = min(error.errors(include_url=False), key=lambda found: -len(found["loc"]))
    if not fault["loc"]:
        return f"{len(document)} routes are given: {_MOST} are the most"
    place, *path = fault["loc"]
    entry = document[place] if isinstance(place, int) else None
    name = entry.get("name") if isinstance(entry, dict) else None
    route = f"route {name!r}" if isinstance(name, str) else f"route {int(place) + 1}"
    # Targets stand in a union: which of its shapes was tried is of no use to the reader, and addresses are secrets.
    said = ".".join(str(part) for part in path if part not in ("str", "_Webhook", "constrained-str"))
    if fault["type"] == "extra_forbidden":
        return f"{route}: {said} is unknown; there are {', '.join(_names(path))}"
    if fault["type"] == "model_type":
        return f"{route}: {said or 'it'} is a {type(fault.get('input')).__name__}: fields with values are expected"
    shown = repr(fault.get("input"))
    value = "" if path[:1] == ["to"] or fault["type"] == "missing" else f" is {shown[:_SHOWN_CHARS]}"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{route}: {said}{value}: {message[:1].lower() + message[1:]}"


def _names(path: Sequence[object]) -> list[str]:
    path = list(path)
    model: type[BaseModel] = QuietEntry if "quiet_hours" in path else _Webhook if path[:1] == ["to"] else _Route
    return [shape.alias or name for name, shape in model.model_fields.items()]
