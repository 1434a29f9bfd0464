"""Find the records on which a batch fails, by halving it; the others go through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from kafka.errors import KafkaError

from vocengine.errors import StaleMember, StoreUnavailable

In = TypeVar("In")

# These are about the moment, not about a record: the whole batch is tried again later.
_NOT_THE_RECORDS_FAULT = (KafkaError, StoreUnavailable, StaleMember, MemoryError)


def in_parts(
    batch: Sequence[In], work: Callable[[Sequence[In]], None], on_poison: Callable[[In, Exception], None]
) -> None:
    """`work` on `batch`; where it fails, on its halves in order, down to the items that fail alone.

    Those go to `on_poison` when their turn comes, so that everything happens in the order of the batch. Costs one
    call where nothing fails and about 2·log₂(n) for one bad item in n. Errors that are no record's fault are raised.
    """
    if not batch:
        return
    try:
        work(batch)
        return
    except _NOT_THE_RECORDS_FAULT:
        raise
    except Exception as error:
        if len(batch) == 1:
            on_poison(batch[0], error)
            return
    middle = len(batch) // 2
    in_parts(batch[:middle], work, on_poison)
    in_parts(batch[middle:], work, on_poison)
