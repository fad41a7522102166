"""Keeping a process small: what its threads allocate comes from two heaps instead of one for each thread."""

from __future__ import annotations

import ctypes
import sys

M_ARENA_MAX = -8
HEAPS = 2


def share_heaps() -> None:
    """Tell glibc to serve all threads from two heaps.

    By default every stage's thread gets a heap of its own, which keeps the pictures that were freed in it: at 1080p
    that is 35 MB. Mapping large blocks one by one saves 20 MB more and makes rendering a third slower (1.6 million
    page faults in five seconds of video), so it is not done. Does nothing where the C library is another one.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, HEAPS)
