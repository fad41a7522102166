"""Pictures in memory that two processes share: nothing is copied between who renders them and who encodes them."""

from __future__ import annotations

import mmap
import os
import tempfile

import numpy as np

from stereo_inference.picture import Picture, PixelFormat

ALIGNMENT = 64
"""Bytes to which rows are aligned: a cache line, and the widest vector registers."""


def shared_memory() -> int:
    """A new descriptor of memory that a child process can inherit; it has no name, and is freed with its last user."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("stereo-spot-pictures")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class SharedPictures:
    """`count` pictures of one size, mapped from the descriptor `memory`, which grows as it must and never shrinks."""

    def __init__(self, memory: int, width: int, height: int, pixel_format: PixelFormat, count: int) -> None:
        self._size = width, height
        self._format = pixel_format
        item = np.dtype(pixel_format.dtype).itemsize
        columns, rows = pixel_format.chroma_size(width, height)
        self._planes = [(lines, -(-length * item // ALIGNMENT) * ALIGNMENT) for length, lines in ((width, height), *((columns, rows),) * 2)]
        self._bytes = sum(lines * stride for lines, stride in self._planes)
        if os.fstat(memory).st_size < count * self._bytes:
            os.ftruncate(memory, count * self._bytes)
        self._map = mmap.mmap(memory, count * self._bytes)

    def picture(self, number: int) -> Picture:
        """Picture `number`, in place."""
        width, height = self._size
        start = number * self._bytes
        planes = []
        for lines, stride in self._planes:
            plane = np.frombuffer(self._map, np.uint8, lines * stride, start).reshape(lines, stride)
            planes.append(plane.view(self._format.dtype))
            start += lines * stride
        y, u, v = planes
        return Picture((y, u, v), width, height, self._format)
