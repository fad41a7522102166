"""One picture as it was decoded: its planes, viewed in place, and the pixel formats that are rendered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from stereo_spot_shared.manifest import Region

Plane = NDArray[Any]
"""uint8 or uint16 (rows, stride): one plane of a picture, C-contiguous; the columns beyond the plane's width are padding."""


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """A planar YUV format that rendering works on. `sub_x`, `sub_y`: how often chroma is halved (0 or 1)."""

    name: str
    bits: int
    sub_x: int
    sub_y: int

    @property
    def dtype(self) -> type[np.uint8 | np.uint16]:
        return np.uint8 if self.bits == 8 else np.uint16

    def chroma_size(self, width: int, height: int) -> tuple[int, int]:
        """Columns and rows of a chroma plane under a luma plane of `width` x `height`."""
        return (width + self.sub_x) >> self.sub_x, (height + self.sub_y) >> self.sub_y

    def picture_bytes(self, width: int, height: int) -> int:
        """Bytes of a picture."""
        columns, rows = self.chroma_size(width, height)
        return (width * height + 2 * columns * rows) * np.dtype(self.dtype).itemsize

    def padded(self, width: int, height: int) -> tuple[int, int]:
        """The size rounded up until it holds whole chroma samples."""
        return width + (width & self.sub_x), height + (height & self.sub_y)


PIXEL_FORMATS = {
    f.name: f
    for f in (
        PixelFormat("yuv420p", 8, 1, 1),
        PixelFormat("yuv422p", 8, 1, 0),
        PixelFormat("yuv444p", 8, 0, 0),
        PixelFormat("yuv420p10le", 10, 1, 1),
        PixelFormat("yuv422p10le", 10, 1, 0),
        PixelFormat("yuv444p10le", 10, 0, 0),
    )
}
"""Every format that is rendered; the others are converted to the nearest of these when they are decoded."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The planes Y, U and V of a `width` x `height` picture; see `Plane` for their layout."""

    planes: tuple[Plane, Plane, Plane]
    width: int
    height: int
    format: PixelFormat

    @classmethod
    def view(cls, frame: av.VideoFrame, pixel_format: PixelFormat) -> Picture:
        """The planes of `frame` in place (nothing is copied; the arrays keep the frame's memory alive)."""
        size = np.dtype(pixel_format.dtype).itemsize
        y, u, v = (
            np.frombuffer(memoryview(plane), pixel_format.dtype).reshape(plane.height, plane.line_size // size) for plane in frame.planes
        )
        return cls((y, u, v), frame.width, frame.height, pixel_format)

    @classmethod
    def empty(cls, width: int, height: int, pixel_format: PixelFormat) -> Picture:
        """A picture with memory of its own, not initialised."""
        columns, rows = pixel_format.chroma_size(width, height)
        return cls(
            (
                np.empty((height, width), pixel_format.dtype),
                np.empty((rows, columns), pixel_format.dtype),
                np.empty((rows, columns), pixel_format.dtype),
            ),
            width,
            height,
            pixel_format,
        )

    def cropped(self, index: int) -> Plane:
        """Plane `index` (0 Y, 1 U, 2 V) without its padding columns."""
        if index == 0:
            return self.planes[0][: self.height, : self.width]
        columns, rows = self.format.chroma_size(self.width, self.height)
        return self.planes[index][:rows, :columns]

    def copy_to(self, target: Picture, top: int = 0, left: int = 0) -> None:
        """Write this picture into `target` with its corner at luma row `top` and column `left` (multiples of the chroma grid)."""
        for index in range(3):
            source = self.cropped(index)
            row, column = (top >> self.format.sub_y, left >> self.format.sub_x) if index else (top, left)
            target.planes[index][row : row + source.shape[0], column : column + source.shape[1]] = source

    def part(self, region: Region | None) -> Picture:
        """A part of this picture (on the chroma grid), in place; its planes are not contiguous. The picture itself for None."""
        if region is None:
            return self
        planes = []
        for index in range(3):
            sub_x, sub_y = (self.format.sub_x, self.format.sub_y) if index else (0, 0)
            right, bottom = (region.left + region.width + sub_x) >> sub_x, (region.top + region.height + sub_y) >> sub_y
            planes.append(self.cropped(index)[region.top >> sub_y : bottom, region.left >> sub_x : right])
        return Picture((planes[0], planes[1], planes[2]), region.width, region.height, self.format)

    def compact(self) -> Picture:
        """This picture with planes that are contiguous: what kernels are compiled for."""
        y, u, v = (np.ascontiguousarray(self.cropped(index)) for index in range(3))
        return Picture((y, u, v), self.width, self.height, self.format)
