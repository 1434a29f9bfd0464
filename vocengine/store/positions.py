"""Where a consumer stands, kept in the database so that it moves in the same transaction as the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from vocengine.errors import StaleMember
from vocengine.store.tables import consumer_positions as positions


def load(connection: sa.Connection, group: str, starts: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
    """Next offset of each (topic, partition); one never seen before is written down at its given start."""
    if not starts:
        return {}
    rows: list[dict[str, Any]] = [
        {"group_name": group, "topic": topic, "partition": partition, "next_offset": offset}
        for (topic, partition), offset in sorted(starts.items())
    ]
    connection.execute(
        insert(positions).values(updated_at=sa.func.now()).on_conflict_do_nothing(),
        rows,
    )
    found = connection.execute(
        sa.select(positions.c.topic, positions.c.partition, positions.c.next_offset).where(
            positions.c.group_name == group
        )
    )
    return {(t, p): offset for t, p, offset in found if (t, p) in starts}


def reset(connection: sa.Connection, group: str, topic: str, partition: int, offset: int) -> None:
    """Put a position somewhere else, whatever it was: its topic was made anew."""
    connection.execute(
        sa.update(positions)
        .where(positions.c.group_name == group, positions.c.topic == topic, positions.c.partition == partition)
        .values(next_offset=offset, updated_at=sa.func.now())
    )


def advance(connection: sa.Connection, group: str, moves: Sequence[tuple[str, int, int, int]]) -> None:
    """Move each (topic, partition) from its expected offset to the next one.

    Raises StaleMember where a position is not where this member left it: another one owns the partition now,
    and everything in this transaction must be given up.
    """
    for topic, partition, expected, following in sorted(moves):
        done = connection.execute(
            sa.update(positions)
            .where(
                positions.c.group_name == group,
                positions.c.topic == topic,
                positions.c.partition == partition,
                positions.c.next_offset == expected,
            )
            .values(next_offset=following, updated_at=sa.func.now())
        )
        if done.rowcount != 1:
            raise StaleMember(f"{group} no longer owns {topic}[{partition}] at offset {expected}")
