"""What a process keeps: memory that was freed, since an encoder takes and returns the same large blocks over and over,
and few of the programs that oneDNN writes."""

from __future__ import annotations

import ctypes
import logging
import os

log = logging.getLogger(__name__)

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# oneDNN writes a program for each operation and number of rows within a millisecond, and keeps the last 1,024 unless
# told. One pass over a batch needs about a dozen of them. More than these are hardly ever met again, and as they lie
# between the intermediate results they keep freed memory in pieces too small for the next.
_PROGRAMS = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16", "LRU_CACHE_CAPACITY": "16"}
_BLOCK_BYTES, _KEPT_BYTES = 1 << 30, (1 << 31) - 1


def keep_few_programs() -> None:
    """Bound oneDNN's programs for the whole process, before its first product, unless the environment says how."""
    for name, value in _PROGRAMS.items():
        os.environ.setdefault(name, value)


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
