"""Policies from YAML: one file, or a folder whose files are read together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from vocengine.alerts.budget import Budget
from vocengine.alerts.budget_words import budget_of
from vocengine.alerts.policies import SEVERITIES, Policies, Policy
from vocengine.alerts.policy_conflicts import check_together, fault_of
from vocengine.contracts.alert import AlertKind, Severity
from vocengine.errors import PolicyError
from vocengine.quiet_hours import QuietEntry, quiet_of, zone_of

SUFFIXES = (".yaml", ".yml")
_SHOWN_CHARS = 80

_Name = Annotated[str, Field(min_length=1, max_length=100)]
_Pattern = Annotated[str, Field(min_length=1, max_length=300)]
_Hours = Annotated[float, Field(gt=0, le=24 * 365)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Bounds(_Entry):
    at_least: Severity = "low"
    at_most: Severity = "critical"


class _Deadlines(_Entry):
    critical: _Hours | None = None
    high: _Hours | None = None
    medium: _Hours | None = None
    low: _Hours | None = None


def _bounds(value: object) -> object:
    # `severity: high` is both at once.
    return {"at_least": value, "at_most": value} if isinstance(value, str) else value


class _Policy(_Entry):
    name: Annotated[str, Field(pattern=r"^[\w.-]{1,60}$")]
    keys: Annotated[list[_Pattern], Field(min_length=1)]
    # `except` is a word of Python's.
    excluded: Annotated[list[_Pattern], Field(alias="except")] = []
    kinds: Annotated[list[AlertKind], Field(min_length=1)] | None = None
    min_effect: Annotated[float, Field(ge=0, lt=1)] | None = None
    min_history_mentions: Annotated[int, Field(ge=1)] | None = None
    min_observed_mentions: Annotated[int, Field(ge=1)] | None = None
    cool_down_h: Annotated[float, Field(ge=0)] | None = None
    importance: Annotated[float, Field(ge=0.01, le=100)] = 1.0
    severity: Annotated[_Bounds, BeforeValidator(_bounds)] = _Bounds()
    owner: _Name | None = None
    routes: list[_Name] | None = None
    time_zone: str = "UTC"
    quiet_hours: QuietEntry | None = None
    critical_passes: bool = True
    deadline_h: _Deadlines = _Deadlines()
    mute: bool = False


class _File(_Entry):
    at_most: str | None = None
    owners: Annotated[list[_Name], Field(min_length=1)] | None = None
    policies: Annotated[list[_Policy], Field(min_length=1)]


def load_policies(path: Path | None) -> Policies:
    """The policies of a YAML file or of all those in a folder, by name of file; None is none at all.

    Raises PolicyError with one sentence that names the file, the policy, the field, the value and what would be right.
    """
    if path is None:
        return Policies()
    return policies_from({str(file): _document(file) for file in _files(path)})


def policies_from(documents: dict[str, object]) -> Policies:
    """The policies of documents as YAML gives them, by name of file. Raises PolicyError as `load_policies` does."""
    policies: list[Policy] = []
    owners: list[str] = []
    budget: tuple[Budget, str] | None = None
    for name, document in documents.items():
        read = _read(name, document)
        owners += [owner for owner in read.owners or () if owner not in owners]
        if read.at_most is not None:
            if budget is not None:
                raise PolicyError(
                    f"{name}: at_most is {read.at_most!r}, and {budget[1]} has an at_most too: "
                    "there is one budget for the whole installation, leave one of them out"
                )
            budget = _budget(name, read.at_most), name
        policies += [_policy(name, entry) for entry in read.policies]
    fault = check_together(policies, owners)
    if fault is not None:
        raise PolicyError(fault)
    return Policies(policies, owners=owners, budget=budget[0] if budget else None)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise PolicyError(f"{path} is neither a file nor a folder: alert policies are a YAML file, or a folder of them")
    found = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file())
    if not found:
        raise PolicyError(f"{path} has no file of policies in it: one is called such as shop.yaml")
    return found


def _document(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise PolicyError(f"{path} is not valid YAML{where}: {getattr(error, 'problem', None) or error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path} cannot be read: {error}") from None
    except ValueError as error:  # a date such as 2026-13-01
        raise PolicyError(f"{path} is not valid YAML: {error}") from None


def _read(file: str, document: object) -> _File:
    if not isinstance(document, dict):
        found = "empty" if document is None else f"a {type(document).__name__}"
        raise PolicyError(f"{file} is {found}: policies, and if you like owners and at_most, are expected")
    try:
        return _File.model_validate(document)
    except ValidationError as error:
        raise PolicyError(f"{file}: {_fault(error, document)}") from None


def _budget(file: str, words: str) -> Budget:
    try:
        return budget_of(words)
    except ValueError as error:
        raise PolicyError(f"{file}: at_most is {words!r}: {error}") from None


def _policy(file: str, entry: _Policy) -> Policy:
    try:
        zone, quiet = zone_of(entry.time_zone), quiet_of(entry.quiet_hours)
    except ValueError as error:
        raise PolicyError(f"{file}: policy {entry.name!r}: {error}") from None
    hours: dict[Severity, float | None] = entry.deadline_h.model_dump()  # type: ignore[assignment]
    policy = Policy(
        name=entry.name,
        file=file,
        keys=tuple(entry.keys),
        excluded=tuple(entry.excluded),
        kinds=None if entry.kinds is None else frozenset(entry.kinds),
        min_effect=entry.min_effect,
        min_history=entry.min_history_mentions,
        min_observed=entry.min_observed_mentions,
        cool_down=None if entry.cool_down_h is None else timedelta(hours=entry.cool_down_h),
        importance=entry.importance,
        mildest=entry.severity.at_least,
        gravest=entry.severity.at_most,
        owner=entry.owner,
        routes=None if entry.routes is None else tuple(entry.routes),
        zone=zone,
        quiet=quiet,
        critical_passes=entry.critical_passes,
        deadlines={severity: timedelta(hours=h) for severity, h in hours.items() if h is not None},
        muted=entry.mute,
    )
    fault = fault_of(policy)
    if fault is not None:
        raise PolicyError(f"{file}: policy {entry.name!r}: {fault}")
    return policy


# What a value should have been, where the library says it in words of programmers.
_EXPECTED = {
    "list_type": "a list is expected, such as {example}",
    "model_type": "fields with values are expected",
    "dict_type": "fields with values are expected",
    "missing": "it is required",
    "time_parsing": 'a time of day is expected, such as "08:00"',
    "time_type": 'a time of day is expected, such as "08:00"',
}


def _fault(error: ValidationError, document: dict[str, Any]) -> str:
    # The deepest complaint is the nearest to the mistake.
    fault = min(error.errors(include_url=False), key=lambda found: -len(found["loc"]))
    path = [part for part in fault["loc"] if not str(part).startswith(("function-", "constrained-"))]
    before = ""
    if path[:1] == ["policies"] and len(path) > 1:
        before, path = _which(document["policies"], path[1]), path[2:]
    said = ".".join(str(part) for part in path) or "it"
    if fault["type"] == "extra_forbidden":
        return f"{before}{said} is unknown; there are {', '.join(_names(path, within=bool(before)))}"
    shown = repr(fault.get("input"))
    value = "" if fault["type"] == "missing" else f" is {shown[:_SHOWN_CHARS]}"
    if path[:1] == ["kinds"]:
        return f"{before}{said}{value}: there are {', '.join(get_args(AlertKind))}"
    if fault["type"] == "literal_error" and "severity" in str(path[:1]):
        return f"{before}{said}{value}: there are {', '.join(SEVERITIES)}"
    message = _EXPECTED.get(fault["type"], fault["msg"].removeprefix("Value error, "))
    example = {"keys": '["topic:*"]', "policies": "- name: everything"}.get(said, f"[{shown}]")
    return f"{before}{said}{value}: {message[:1].lower() + message[1:]}".replace("{example}", example)


def _which(policies: Sequence[Any], place: int | str) -> str:
    entry = policies[int(place)]
    name = entry.get("name") if isinstance(entry, dict) else None
    return f"policy {name!r}: " if isinstance(name, str) else f"policy {int(place) + 1}: "


def _names(path: Sequence[object], *, within: bool) -> list[str]:
    inner: dict[object, type[BaseModel]] = {
        "severity": _Bounds, "deadline_h": _Deadlines, "quiet_hours": QuietEntry
    }  # fmt: skip
    model = inner.get(path[0], _Policy) if len(path) > 1 else _Policy if within else _File
    return [shape.alias or name for name, shape in model.model_fields.items()]
