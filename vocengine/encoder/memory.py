"""How the C library keeps memory that is freed: an encoder takes and returns the same large blocks over and over."""

from __future__ import annotations

import ctypes
import logging

log = logging.getLogger(__name__)

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_BLOCK_BYTES, _KEPT_BYTES = 1 << 30, (1 << 31) - 1


def keep_freed_memory() -> None:
    """Tell glibc to reuse freed blocks instead of returning them to the kernel, for the whole process.

    Otherwise every intermediate result is made of fresh pages, which the kernel has to clear first: a third of the
    time of a layer. The process keeps the memory of its largest batch. Without glibc nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        log.info("no mallopt in this C library: large batches are slower")
        return
    mallopt(_M_MMAP_THRESHOLD, _BLOCK_BYTES)
    mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
