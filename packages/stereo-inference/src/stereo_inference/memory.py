"""How a process keeps the memory of pictures: few heaps, and blocks that are used again instead of returned."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
HEAPS = 2
LARGEST_BLOCK = 32 * 1024 * 1024
"""As large as glibc permits: pictures of 8K in 8 bit."""


def keep_pictures() -> None:
    """Tell glibc to serve all threads from two heaps, and to keep large blocks in them.

    By default every stage's thread gets a heap of its own, which keeps the pictures that were freed in it: at 1080p
    that is 35 MB. Blocks of the size of pictures would be mapped and returned one by one, and each page of them cleared
    by the kernel: that makes estimating depth a third slower, and rendering too where pictures are allocated for each
    frame. Does nothing where the C library is another one.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in ((M_ARENA_MAX, HEAPS), (M_MMAP_THRESHOLD, LARGEST_BLOCK), (M_TRIM_THRESHOLD, 2 * LARGEST_BLOCK)):
            mallopt(parameter, value)
