"""What is in force where a policy holds, in words and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vocengine.alerts import DetectorPolicy
    from vocengine.alerts.policies import Policy
    from vocengine.settings import Settings


def in_force(policy: Policy | None, settings: Settings, base: DetectorPolicy) -> dict[str, Any]:
    """What holds under a policy, or under the settings alone: `base` is what these call a fall."""
    detector = policy.detector(base) if policy else base
    hours: dict[str, float] = settings.cases.deadline_h.model_dump()
    if policy is not None:
        hours |= {severity: limit.total_seconds() / 3600 for severity, limit in policy.deadlines.items()}
    return {
        "policy": policy.name if policy else None,
        "file": policy.file if policy else None,
        "for": [*policy.keys, *(f"not {pattern}" for pattern in policy.excluded)] if policy else [],
        "mute": policy.muted if policy else False,
        "min_effect": detector.min_effect,
        "min_history_mentions": detector.min_history,
        "customer_min_history_mentions": detector.customer_min_history,
        "min_observed_mentions": detector.min_observed,
        "cool_down_h": detector.cool_down.total_seconds() / 3600,
        "severity_at_least": policy.mildest if policy else "low",
        "severity_at_most": policy.gravest if policy else "critical",
        "owner": policy.owner if policy else None,
        "deadline_h": hours,
        "routes": list(policy.routes) if policy and policy.routes is not None else None,
        "quiet_hours": _quiet(policy),
    }


def severity(said: dict[str, Any]) -> str:
    """The bounds of severities, short."""
    low, high = said["severity_at_least"], said["severity_at_most"]
    if low == high:
        return str(low)
    return "any" if (low, high) == ("low", "critical") else f"{low} to {high}"


def deadlines(said: dict[str, Any]) -> str:
    """Hours by severity, the gravest first; one number where all are the same."""
    hours = [f"{value:g}" for value in said["deadline_h"].values()]
    return hours[0] if len(set(hours)) == 1 else " / ".join(hours)


def routes(said: dict[str, Any]) -> str:
    """The routes, by name."""
    return "all" if said["routes"] is None else ", ".join(said["routes"]) or "nobody"


def lines(said: dict[str, Any]) -> list[list[str]]:
    """A line for each thing that is in force, but for whose policy it is."""
    shown = {
        "watched": "no, it is muted" if said["mute"] else "yes",
        "least rise of negativity": f"{said['min_effect']:g}",
        "mentions of history before it is tested": f"{said['min_history_mentions']}; "
        f"of a customer {said['customer_min_history_mentions']}",
        "mentions within a fall": str(said["min_observed_mentions"]),
        "cool-down": f"{said['cool_down_h']:g} h",
        "severity": severity(said),
        "owner of its cases": said["owner"] or "who takes them",
        "due, by severity from critical to low": f"{deadlines(said)} h",
        "routes": routes(said),
        "quiet hours": said["quiet_hours"] or "none but those of the routes",
    }
    return [[name, value] for name, value in shown.items()]


def why_not(first: Policy, other: Policy, key: str) -> str:
    """Why the first of two policies holds for a key and the other does not."""
    one, two = first.pattern(key) or "", other.pattern(key) or ""
    if one == key and two != key:
        return "no: a whole key comes before a pattern"
    if len(one) - one.count("*") != len(two) - two.count("*"):
        return f"no: {one} says more than {two}"
    return "no: the other names the kind of alert"


def _quiet(policy: Policy | None) -> str | None:
    if policy is None or policy.quiet is None:
        return None
    said = f"{policy.quiet.begin:%H:%M} to {policy.quiet.end:%H:%M} {policy.zone.key}"
    return f"{said}, not for critical" if policy.critical_passes else said
