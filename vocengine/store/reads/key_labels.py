"""What keys are called today, and which others count in them since topics were merged."""

from __future__ import annotations

from collections.abc import Mapping

from vocengine import pairs
from vocengine.store.reads.session import Connection
from vocengine.store.registry import roots


def label_of(key: str, topics: Mapping[int, str]) -> str:
    """The name of a key, `topics` by their labels of today: `topic~product:12~kettle` → `Delivery × kettle`."""
    parts = pairs.parts_of(key)
    if parts:
        return pairs.label_of(*(label_of(part, topics) for part in parts))
    kind, _, name = key.partition(":")
    return topics.get(int(name), name) if kind == "topic" and name.isdecimal() else name or key


def counted_in(connection: Connection, key: str) -> list[str]:
    """The keys whose feedback counts in a topic, or in a pair with one, because topics were merged into it."""
    parts = pairs.parts_of(key)
    kind, _, name = (parts[0] if parts else key).partition(":")
    if kind != "topic" or not name.isdecimal():
        return []
    merged = sorted(part for part, root in roots(connection).items() if root == int(name) and part != root)
    return [pairs.key_of(f"topic:{one}", parts[1]) if parts else f"topic:{one}" for one in merged]
