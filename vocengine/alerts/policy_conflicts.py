"""What makes policies wrong, each by itself and beside the others, in one sentence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations, product
from typing import get_args

from vocengine import pairs
from vocengine.alerts.kinds import possible
from vocengine.alerts.policies import SEVERITIES, Policy
from vocengine.contracts.alert import AlertKind
from vocengine.key_patterns import KEY_KINDS, KINDS_IN_WORDS, covers, kind_in, meet, specificity

KINDS: tuple[AlertKind, ...] = get_args(AlertKind)
# Fewer mentions are no baseline; a customer's leans on that of all customers.
_LEAST_HISTORY = 5


def fault_of(policy: Policy) -> str | None:
    """What is wrong with a policy by itself; None where nothing is."""
    for name, patterns in (("keys", policy.keys), ("except", policy.excluded)):
        for place, pattern in enumerate(patterns):
            fault = _kind_fault(pattern)
            if fault is not None:
                return f"{name}.{place} is {pattern!r}: {fault}"
    for place, pattern in enumerate(policy.keys):
        if pattern in policy.keys[:place]:
            return f"keys.{place} is {pattern!r}, which stands there already: leave one out"
        general = next((other for other in policy.excluded if covers(other, pattern)), None)
        if general is not None:
            return f"keys.{place} is {pattern!r}, and except has {general!r}: no key is left of it; leave one out"
        if policy.kinds is not None and not any(possible(kind, pattern) for kind in policy.kinds):
            kinds = ", ".join(kind for kind in KINDS if possible(kind, pattern))
            return f"keys.{place} is {pattern!r}, whose alerts are of none of its kinds; they are of {kinds}"
    if SEVERITIES.index(policy.mildest) > SEVERITIES.index(policy.gravest):
        return f"severity.at_least is {policy.mildest} and at_most {policy.gravest}: at_most should be no milder"
    of_customers = all(kind_in(pattern) == "customer" for pattern in policy.keys)
    if policy.min_history is not None and policy.min_history < _LEAST_HISTORY and not of_customers:
        return (
            f"min_history_mentions is {policy.min_history}: {_LEAST_HISTORY} are the least, "
            "but for a policy whose keys are all customers"
        )
    routes = policy.routes or ()
    twice = next((name for place, name in enumerate(routes) if name in routes[:place]), None)
    if twice is not None:
        return f"routes has {twice!r} twice, and would tell everything twice: leave one out"
    return None


def check_together(policies: Sequence[Policy], owners: Collection[str]) -> str | None:
    """What is wrong with policies beside each other; `owners` are those that the files declare."""
    for policy in policies:
        if policy.owner is not None and policy.owner not in owners:
            known = f"there are {', '.join(owners)}" if owners else f"no file has owners; add owners: [{policy.owner}]"
            return f"{policy.file}: policy {policy.name!r}: owner is {policy.owner!r}, who is unknown; {known}"
    for one, other in combinations(policies, 2):
        if one.name == other.name:
            return f"{other.file}: two policies are called {one.name!r}, the other in {one.file}: name them apart"
        fault = _overlap(one, other)
        if fault is not None:
            return fault
    return None


def check_routes(
    policies: Iterable[Policy], routes: Mapping[str, tuple[Collection[str], Collection[str]]]
) -> str | None:
    """The first policy that names a route that is not there, or one that takes none of its alerts, in a sentence.

    `routes` gives the kinds of alerts and the patterns of keys that a route takes, by name.
    """
    for policy in policies:
        for place, name in enumerate(policy.routes or ()):
            named = f"{policy.file}: policy {policy.name!r}: routes.{place} is {name!r}"
            if name not in routes:
                known = f"there are {', '.join(routes)}" if routes else "notify.routes names no file of routes"
                return f"{named}, which is unknown; {known}"
            if not _reaches(policy, *routes[name]):
                return f"{named}, which takes no alert on its keys: leave it out, or widen the route"
    return None


def _kind_fault(pattern: str) -> str | None:
    if pattern.startswith("*"):
        return None
    kind = kind_in(pattern)
    if kind is None:
        if ":" not in pattern:
            return "a key is kind:name, such as topic:12 or product:*, and * alone is every key"
        return f"the kind is written out, or the pattern begins with *; there are {KINDS_IN_WORDS}"
    if pairs.SIGN in kind:
        return pairs.kind_fault(kind) or pairs.name_fault(pattern.partition(":")[2])
    if kind not in KEY_KINDS:
        return f"{kind!r} is no kind of key; there are {KINDS_IN_WORDS}"
    return None


def _overlap(one: Policy, other: Policy) -> str | None:
    """Two policies of which neither is the more specific for some key and kind of alert."""
    if (one.kinds is None) != (other.kinds is None):
        return None
    kinds = [kind for kind in KINDS if all(p.kinds is None or kind in p.kinds for p in (one, other))]
    for a, b in product(one.keys, other.keys):
        if specificity(a) != specificity(b) or not meet(a, b):
            continue
        if any(covers(out, b) for out in one.excluded) or any(covers(out, a) for out in other.excluded):
            continue
        kind = next((kind for kind in kinds if possible(kind, a) and possible(kind, b)), None)
        if kind is not None:
            both = repr(a) if a == b else f"{a!r} and {b!r}, which are equally specific"
            where = one.file if one.file == other.file else f"{other.file} and {one.file}"
            return (
                f"{where}: policies {one.name!r} and {other.name!r} both speak of {kind} on keys that fit {both}: "
                "make keys or kinds of one more specific, or leave keys out by except"
            )
    return None


def _reaches(policy: Policy, kinds: Iterable[str], patterns: Iterable[str]) -> bool:
    """Whether a route with these kinds and patterns of keys takes some alert that the policy is for."""
    wanted = [kind for kind in kinds if policy.kinds is None or kind in policy.kinds]
    met = [(a, b) for a, b in product(policy.keys, patterns) if meet(a, b)]
    return any(possible(kind, a) and possible(kind, b) for kind in wanted for a, b in met)
