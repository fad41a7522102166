"""The forward warp: both eyes of one picture, row by row, on its YUV planes as they were decoded.

For every row: the depth of each pixel is interpolated from the depth map along the picture's edges, the foreground is
widened a little, each pair of neighbouring source pixels is laid onto the target row (which gives, for every target
pixel, the source position that lands there), what nothing landed on is filled from the background's side, and Y, U and
V are sampled at those positions. A row's working set stays in the cache and no picture-sized temporary exists but the
masks of the gaps.

Geometry: with d the total disparity in pixels (positive in front of the screen), the left eye sees source pixel x at
x + d/2 and the right eye at x - d/2. Laying a row out from left to right for the right eye, and from right to left for
the left eye, makes the nearer surface always the later one, so that it overwrites and no z-buffer is needed
(the occlusion-compatible order of McMillan and Bishop, "Plenoptic Modeling", SIGGRAPH 1995). A gap opens between a near
pixel and a far one; the far one is on its right in the right eye and on its left in the left eye.

Rows do not depend on each other, so that bands of rows can be given to threads and the result stays the same.
"""

from __future__ import annotations

import numpy as np

from stereo_inference.compiled import compiled
from stereo_inference.picture import Plane

STRETCH = 2 << 8
"""Neighbours that land further apart than this (1/256 pixel) are two surfaces with a gap between, not one stretched."""


@compiled
def warp_rows(
    y_plane: Plane, u_plane: Plane, v_plane: Plane, sub_x: int, sub_y: int,
    gain: np.ndarray, offset: np.ndarray, column: np.ndarray, weight: np.ndarray,
    half: float, convergence: float, dilation: int,
    left_y: Plane, left_u: Plane, left_v: Plane, left_top: int, left_column: int,
    right_y: Plane, right_u: Plane, right_v: Plane, right_top: int, right_column: int,
    left_holes: np.ndarray, right_holes: np.ndarray, first: int, end: int,
) -> None:  # fmt: skip
    """Render rows `[first, end)` of both eyes.

    `gain`, `offset` float32 (h, w): depth = gain * Y + offset, on the depth map's own grid (`disparity.DepthField`);
    `column` int32 and `weight` float32 (width,): where each picture column lies in that grid. `half`: pixels that
    depth 1 away from `convergence` shifts an eye. `dilation`: pixels by which the foreground is widened on each side.
    The eyes are written at luma row `*_top` and luma column `*_column` of their planes (multiples of the chroma grid).
    `*_holes` uint8 (height, width) receive 1 where a pixel beside an object was filled.
    """
    height, width = left_holes.shape
    depth = np.empty(width, np.float32)
    spare = np.empty(width, np.float32)
    shift = np.empty(width, np.int32)
    target = np.empty(width + 1, np.int32)
    source_x = np.empty(width, np.int32)
    for row in range(first, end):
        depth_of_row(y_plane, row, height, width, gain, offset, column, weight, depth)
        widen_foreground(depth, spare, width, dilation)
        for x in range(width):
            shift[x] = np.int32(np.rint(np.float32(256.0 * half) * (depth[x] - np.float32(convergence))))
        with_chroma = row & sub_y == 0
        for eye in range(2):
            if eye == 0:
                lay_out_left(shift, target, source_x, width)
                fill_from_left(source_x, left_holes[row], width)
                sample_row(y_plane, row, source_x, width, 0, left_y, left_top + row, left_column)
                if with_chroma:
                    to = (left_top + row) >> sub_y
                    at = left_column >> sub_x
                    sample_row(u_plane, row >> sub_y, source_x, width, sub_x, left_u, to, at)
                    sample_row(v_plane, row >> sub_y, source_x, width, sub_x, left_v, to, at)
            else:
                lay_out_right(shift, target, source_x, width)
                fill_from_right(source_x, right_holes[row], width)
                sample_row(y_plane, row, source_x, width, 0, right_y, right_top + row, right_column)
                if with_chroma:
                    to = (right_top + row) >> sub_y
                    at = right_column >> sub_x
                    sample_row(u_plane, row >> sub_y, source_x, width, sub_x, right_u, to, at)
                    sample_row(v_plane, row >> sub_y, source_x, width, sub_x, right_v, to, at)


@compiled
def depth_of_row(
    y_plane: Plane, row: int, height: int, width: int, gain: np.ndarray, offset: np.ndarray,
    column: np.ndarray, weight: np.ndarray, depth: np.ndarray,
) -> None:  # fmt: skip
    """Depth (0..1) of every pixel of a row: gain and offset interpolated bilinearly, applied to the row's own luma."""
    rows, columns = gain.shape
    position = max((row + 0.5) * rows / height - 0.5, 0.0)
    above = min(int(position), rows - 1)
    below = min(above + 1, rows - 1)
    down = np.float32(min(position - above, 1.0))
    gains = np.empty(columns + 1, np.float32)
    offsets = np.empty(columns + 1, np.float32)
    for x in range(columns):
        gains[x] = gain[above, x] + down * (gain[below, x] - gain[above, x])
        offsets[x] = offset[above, x] + down * (offset[below, x] - offset[above, x])
    gains[columns] = gains[columns - 1]
    offsets[columns] = offsets[columns - 1]
    for x in range(width):
        i = column[x]
        f = weight[x]
        g = gains[i] + f * (gains[i + 1] - gains[i])
        o = offsets[i] + f * (offsets[i + 1] - offsets[i])
        depth[x] = min(max(g * np.float32(y_plane[row, x]) + o, np.float32(0.0)), np.float32(1.0))


@compiled
def widen_foreground(depth: np.ndarray, spare: np.ndarray, width: int, radius: int) -> None:
    """Horizontal maximum filter of 2 * radius + 1 pixels, in place."""
    for _ in range(radius):
        for x in range(width):
            spare[x] = depth[x]
        for x in range(1, width - 1):
            depth[x] = max(spare[x - 1], spare[x], spare[x + 1])
        if width > 1:
            depth[0] = max(spare[0], spare[1])
            depth[width - 1] = max(spare[width - 2], spare[width - 1])


@compiled
def lay_out_right(shift: np.ndarray, target: np.ndarray, source_x: np.ndarray, width: int) -> None:
    """For every pixel of the right eye's row the source position that lands on it (1/256 pixel), or -1."""
    for x in range(width):
        target[x] = (x << 8) - shift[x]
        source_x[x] = -1
    target[width] = target[width - 1] + 256
    for x in range(width):
        a = target[x]
        b = target[x + 1]
        start = (a + 255) >> 8
        stop = (b + 255) >> 8
        if stop <= start or stop <= 0 or start >= width:
            continue
        if b - a <= STRETCH:
            scale = np.float32(256.0) / np.float32(b - a)
            last = x + 1 < width
            for t in range(max(start, 0), min(stop, width)):
                along = np.int32(np.float32((t << 8) - a) * scale + np.float32(0.5))
                source_x[t] = (x << 8) + (along if last else 0)
        else:
            if start >= 0:
                source_x[start] = x << 8
            if stop - 1 < width:
                source_x[stop - 1] = (x + 1) << 8


@compiled
def lay_out_left(shift: np.ndarray, target: np.ndarray, source_x: np.ndarray, width: int) -> None:
    """The mirror image of `lay_out_right`, for the left eye: `target[x]` is where source pixel x - 1 lands."""
    for x in range(width):
        target[x + 1] = (x << 8) + shift[x]
        source_x[x] = -1
    target[0] = target[1] - 256
    for x in range(width - 1, -1, -1):
        a = target[x]
        b = target[x + 1]
        start = b >> 8
        stop = a >> 8
        if start <= stop or start < 0 or stop >= width - 1:
            continue
        if b - a <= STRETCH:
            scale = np.float32(256.0) / np.float32(b - a)
            for t in range(max(stop + 1, 0), min(start + 1, width)):
                along = np.int32(np.float32(b - (t << 8)) * scale + np.float32(0.5))
                source_x[t] = (x << 8) - (along if x > 0 else 0)
        else:
            if start < width:
                source_x[start] = x << 8
            if stop + 1 >= 0:
                source_x[stop + 1] = (x - 1) << 8


@compiled
def fill_from_right(source_x: np.ndarray, holes: np.ndarray, width: int) -> None:
    """Give each gap of a row of the right eye the source position on its right; mark it in `holes` (0 or 1).

    `source_x` int32 (width,): fixed-point source positions, negative where nothing landed. At the picture's right
    border there is no background to take: its last pixel is repeated.
    """
    carry = np.int32((width - 1) << 8)
    for x in range(width - 1, -1, -1):
        if source_x[x] < 0:
            source_x[x] = carry
            holes[x] = 1
        else:
            carry = source_x[x]
            holes[x] = 0
    unmark_borders(holes, width)


@compiled
def fill_from_left(source_x: np.ndarray, holes: np.ndarray, width: int) -> None:
    """The mirror image of `fill_from_right`, for the left eye."""
    carry = np.int32(0)
    for x in range(width):
        if source_x[x] < 0:
            source_x[x] = carry
            holes[x] = 1
        else:
            carry = source_x[x]
            holes[x] = 0
    unmark_borders(holes, width)


@compiled
def unmark_borders(holes: np.ndarray, width: int) -> None:
    """Take the gaps at the picture's left and right border out of a row of `holes`, so that they are not softened.

    They are no background beside an object but what lies beyond the picture. What stands at the border mostly goes on
    there, and averaging rows would smear its edges.
    """
    x = 0
    while x < width and holes[x] != 0:
        holes[x] = 0
        x += 1
    x = width - 1
    while x >= 0 and holes[x] != 0:
        holes[x] = 0
        x -= 1


@compiled
def sample_row(
    plane: Plane, row: int, source_x: np.ndarray, width: int, sub_x: int,
    out: Plane, out_row: int, out_column: int,
) -> None:  # fmt: skip
    """Write one row of a plane, sampled linearly at the source positions (given at luma resolution)."""
    columns = (width + sub_x) >> sub_x
    source = plane[row]
    target = out[out_row]
    last = np.uint64(columns - 1)
    x = 0
    while x < columns:  # not `for`: a vectorised gather is several times slower than scalar loads
        position = np.uint32(source_x[x << sub_x] >> sub_x)
        i = np.uint64(position >> np.uint32(8))
        f = np.int32(position & np.uint32(255))
        here = np.int32(source[i])
        following = np.int32(source[min(i + np.uint64(1), last)])
        target[out_column + x] = (here * (np.int32(256) - f) + following * f + np.int32(128)) >> np.int32(8)
        x += 1
