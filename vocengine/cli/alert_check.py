"""vocengine alerts check: what the policies say, which keys they hold for now, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vocengine.cli.context import settings_of

if TYPE_CHECKING:
    from vocengine.alerts.policies import Policies
    from vocengine.alerts.policy_report import Holding, WatchedKey
    from vocengine.settings import Settings

_SHOWN_KEYS = 3


@click.command()
@click.argument("key", required=False)
@click.option("--policies", type=click.Path(path_type=Path), help="A file or folder; alerts.policies otherwise.")
@click.option("--files-only", is_flag=True, help="Check the files alone, without the database and the routes.")
@click.option("--json", "as_json", is_flag=True, help="JSON for machines.")
@click.pass_context
def check(ctx: click.Context, key: str | None, policies: Path | None, files_only: bool, as_json: bool) -> None:
    """Read the alert policies and explain them; of one KEY such as topic:12, which policy holds and why."""
    settings = settings_of(ctx, **{"alerts.policies": str(policies) if policies else None})
    import orjson

    from vocengine.stream import alert_policies

    if files_only:
        count = len(alert_policies.policies_of(settings).all)
        where = settings.alerts.policies or "alerts.policies names no file"
        click.echo(f"{where}: {count} {'policy' if count == 1 else 'policies'}, no fault found")
        return
    if key is not None:
        _check_key(key)
    now = _now(settings, alert_policies.checked_policies(settings), key)
    told = _all(now) if key is None else _one(now, key)
    if as_json:
        click.echo(orjson.dumps(told).decode())
    elif key is None:
        _show_all(now, told)
    else:
        _show_one(now, key, told)


@dataclass(frozen=True, slots=True)
class _Now:
    """The policies beside the keys that are watched, the part of the budget of each and the importance of one."""

    settings: Settings
    policies: Policies
    watched: Sequence[WatchedKey]
    shares: dict[str, float]
    importance: float


def _check_key(key: str) -> None:
    from vocengine import pairs
    from vocengine.key_patterns import KINDS_IN_WORDS, is_kind, kind_in

    kind = kind_in(key)
    if "*" in key or kind is None or (pairs.SIGN not in kind and not is_kind(kind)):
        raise click.BadParameter(f"{key!r} is no key; one is such as topic:12, of the kinds {KINDS_IN_WORDS}")
    if pairs.SIGN in kind:
        fault = pairs.kind_fault(kind) or pairs.name_fault(key.partition(":")[2])
        if fault is not None:
            raise click.BadParameter(f"{key!r} is no key: {fault}")


def _now(settings: Settings, policies: Policies, key: str | None) -> _Now:
    from datetime import UTC, datetime

    from vocengine.alerts.policy_report import budget_shares
    from vocengine.store import engine
    from vocengine.store.reads import watched_keys
    from vocengine.stream.alert_policies import WeighedRules, detector_policy_of

    rules = WeighedRules(policies, detector_policy_of(settings.alerts))
    with engine.transaction(engine.connect(settings)) as connection:
        watched = watched_keys(connection)
        rules.read(connection, [*(one.key for one in watched), *([key] if key else [])], now=datetime.now(UTC))
    rule = rules.rule_of(key, key.partition(":")[0]) if key else None
    shares = budget_shares(watched, rules, settings.alerts.signals)
    return _Now(settings, policies, watched, shares, rule.importance if rule else 0.0)


def _all(now: _Now) -> dict[str, Any]:
    from vocengine.alerts.policy_report import holdings
    from vocengine.cli.alert_policy_words import in_force
    from vocengine.stream.alert_policies import budget_of, detector_policy_of

    base = detector_policy_of(now.settings.alerts)
    return {
        "budget": str(budget_of(now.settings.alerts, now.policies)),
        "policies": [
            in_force(holding.policy, now.settings, base)
            | {
                "keys_now": len(holding.keys),
                "such_as": _busiest(holding),
                "mentions_a_day": round(holding.a_day, 2),
                "budget_share": round(holding.share, 6),
            }
            for holding in holdings(now.policies, now.watched, now.shares)
        ],
    }


def _show_all(now: _Now, told: dict[str, Any]) -> None:
    from vocengine.cli import alert_policy_words as words
    from vocengine.terminal import table

    columns = ["policy", "for", "keys now", "such as", "mentions a day", "least effect", "of the budget", "severity"]
    rows = [
        [
            said["policy"] or "(the settings)",
            "\n".join(said["for"]),
            said["keys_now"],
            "\n".join(said["such_as"]),
            f"{said['mentions_a_day']:,.1f}",
            "muted" if said["mute"] else f"{said['min_effect']:g}",
            f"{said['budget_share']:.1%}",
            words.severity(said),
            said["owner"] or "–",
            words.deadlines(said),
            words.routes(said),
            said["quiet_hours"] or "–",
        ]
        for said in told["policies"]
    ]
    table([*columns, "owner", "due in h", "routes", "quiet"], rows, title=f"Budget: {told['budget']}, over all keys")
    for note in _notes(now, told["policies"]):
        click.echo(note)


def _notes(now: _Now, found: Sequence[dict[str, Any]]) -> list[str]:
    """What a reader may have overlooked."""
    from vocengine import pairs
    from vocengine.key_patterns import kind_in

    monitor = now.settings.monitor
    followed = {
        "topic": monitor.topics,
        "customer": monitor.customers,
        "product": monitor.products,
        "channel": monitor.channels,
        "journey_stage": monitor.journey_stages,
        "segment": bool(monitor.segments),
        **dict.fromkeys(pairs.KINDS, False),
        **{pairs.kind_of(pair): True for pair in monitor.pairs},
    }
    notes = []
    for policy, said in zip(now.policies.all, found, strict=False):
        kinds = {kind_in(pattern) for pattern in policy.keys}
        off = sorted(kind for kind in kinds if kind is not None and not followed.get(kind, True))
        if off:
            notes.append(f"{policy.name}: keys of the kind {', '.join(off)} are not followed; see the settings monitor")
        elif not said["keys_now"] and not kinds <= {"candidate", "source"}:
            notes.append(f"{policy.name}: holds for no key that is watched now")
    return notes


def _one(now: _Now, key: str) -> dict[str, Any]:
    from vocengine.alerts.kinds import fall_of, possible
    from vocengine.alerts.policy_conflicts import KINDS
    from vocengine.cli.alert_policy_words import in_force
    from vocengine.stream.alert_policies import detector_policy_of

    ways = {kind: now.policies.speaking(key, kind) for kind in KINDS if possible(kind, key)}
    fall = fall_of(key.partition(":")[0])
    speaking = ways[fall if fall in ways else next(iter(ways))]
    known = next((one for one in now.watched if one.key == key), None)
    return {
        "key": key,
        "known": known is not None,
        "mentions_a_day": round(known.a_day, 2) if known else 0.0,
        "importance": round(now.importance, 3),
        "budget_share": round(now.shares.get(key, 0.0), 6),
        **in_force(speaking[0] if speaking else None, now.settings, detector_policy_of(now.settings.alerts)),
        "speaking": {
            kind: [{"policy": policy.name, "file": policy.file, "by": policy.pattern(key)} for policy in found]
            for kind, found in ways.items()
        },
    }


def _show_one(now: _Now, key: str, told: dict[str, Any]) -> None:
    from vocengine.cli.alert_policy_words import lines, why_not
    from vocengine.terminal import table

    if told["policy"] is None:
        click.echo(f"{key}: no policy speaks of it, so all is as the settings say")
    else:
        click.echo(f"{key}: the policy {told['policy']} of {told['file']} holds")
    rows = []
    for kind in told["speaking"]:
        found = now.policies.speaking(key, kind)
        rows += [[kind, p.name, p.pattern(key), "yes" if p is found[0] else why_not(found[0], p, key)] for p in found]
    if rows:
        table(["alerts", "policy", "by", "holds"], rows)
    traffic = f"{told['mentions_a_day']:,.1f}" if told["known"] else "none yet: the key has no detector"
    more = [
        ["importance", f"{told['importance']:g}"],
        ["mentions a day", traffic],
        ["of the budget", f"{told['budget_share']:.2%}"],
    ]
    table(["in force", ""], [*lines(told), *more])


def _busiest(holding: Holding) -> list[str]:
    found = sorted(holding.keys, key=lambda one: (-one.a_day, one.key))[:_SHOWN_KEYS]
    return [one.key if one.key.endswith(f":{one.label}") else f"{one.key} ({one.label})" for one in found]
