"""What a process keeps in memory: few heaps, blocks of pictures that are used again, and no more of libraries than is used."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
HEAPS = 2
LARGEST_BLOCK = 32 * 1024 * 1024
"""As large as glibc permits: pictures of 8K in 8 bit."""

MADV_DONTNEED = 4
READ_ONLY = {"r-xp", "r--p"}
MAPPING = re.compile(r"(?P<begin>[0-9a-f]+)-(?P<end>[0-9a-f]+) (?P<rights>\S{4}) [0-9a-f]+ \S+ (?P<inode>\d+)\s")
"""The line that begins what /proc/PID/smaps says of one mapping."""


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


def let_go_of_libraries() -> None:
    """Have the kernel count no page of a library as this process's any more; what is used again comes back from the page cache.

    A renderer's libraries are 120 to 190 MB when it has started, and it goes on using 30: the rest is the compiler, which only loads
    kernels. How much it is depends on the page cache: where the file system keeps a file in pieces of up to 2 MB, as ext4 does since
    Linux 6.16 with files that were read and not mapped first, all of a piece is mapped when one byte of it is used. To be called
    when everything is loaded; takes 20 to 50 ms. Does nothing but on Linux.
    """
    if sys.platform != "linux":
        return
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    with Path("/proc/self/smaps").open(encoding="utf-8", errors="replace") as lines:
        untouched = list(only_of_files(lines))
    for begin, end in untouched:
        madvise(begin, end - begin, MADV_DONTNEED)


def only_of_files(smaps: Iterable[str]) -> Iterator[tuple[int, int]]:
    """The addresses, from and to before, of mappings that cannot be written and hold nothing but what their file holds.

    One that a linker wrote to before it was made read-only has pages of its own, which would be lost.
    """
    at: tuple[int, int] | None = None
    for line in smaps:
        if mapping := MAPPING.match(line):
            of_file = mapping["rights"] in READ_ONLY and mapping["inode"] != "0"
            at = (int(mapping["begin"], 16), int(mapping["end"], 16)) if of_file else None
        elif at and line.split() == ["Anonymous:", "0", "kB"]:
            yield at
