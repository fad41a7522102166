"""Keeping a process small: memory that large pictures leave goes back to the system at once."""

from __future__ import annotations

import ctypes
import sys

M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8
LARGE = 256 * 1024


def return_freed_memory() -> None:
    """Tell glibc to map every block from 256 KiB on by itself, and to share two heaps among all threads.

    By default it keeps freed pictures for reuse, in a heap per thread, and a process's resident memory creeps up with
    the number of its stages. Does nothing where the C library is another one.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE)
        mallopt(M_ARENA_MAX, 2)
