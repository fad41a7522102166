"""Disocclusions: what an eye sees beside a near object and no source pixel shows.

A gap is filled with the background next to it, never with the object: the object's edge must stay sharp where the eye
looks. Replicating one background pixel along the row leaves streaks; averaging each filled pixel with the ones above
and below, and only filled pixels, takes them away. How far is a matter of its distance from the background: beside it the picture
simply goes on, and the further in, the less its rows tell about what is there (measured on Middlebury pairs in the package's README).
"""

from __future__ import annotations

import numpy as np

from stereo_inference.compiled import compiled
from stereo_inference.picture import Plane

REACHES = (3, 6, 12, 24, 32)
"""Rows above and below that a filled pixel is averaged with: the first that is at least its distance from the background in
pixels, at most the last."""

FURTHEST = REACHES[-1]

OWN = 3
"""Rows for which the pixel's own counts besides: what stands beside it tells most."""

BLOCK = 64
"""Pixels that are looked at together."""


@compiled
def soften_holes(
    plane: Plane, top: int, left: int, holes: np.ndarray, torn: np.ndarray, sub_x: int, sub_y: int, background_on_right: bool
) -> None:
    """Average every filled pixel of one view's plane with the rows above and below it that `REACHES` says, in place.

    `plane` (rows, stride) holds the view at rows from `top`, columns from `left`. `holes` uint8 (height, width) and `torn` uint8
    (height,) are those of `warp.warp_rows`, at luma resolution; `sub_x`, `sub_y` are the plane's chroma shifts (0 or 1). Rows
    are summed down each column before any of them is changed, so that the order of work leaves no trace and a mean over many
    rows costs no more than one over few.
    """
    height = (holes.shape[0] + (1 << sub_y) - 1) >> sub_y
    width = (holes.shape[1] + (1 << sub_x) - 1) >> sub_x
    ring = 2 * FURTHEST + 2
    sums = np.zeros((ring, width), np.int32)  # at k % ring: of the rows before k, from wherever summing began
    columns = concerned(holes, torn, width, sub_x)
    summed = 0
    for y in range(height):
        if torn[y << sub_y] == 0:
            continue
        if summed < y - FURTHEST:
            summed = y - FURTHEST
            sums[summed % ring] = 0
        while summed < min(height, y + FURTHEST + 1):
            above, row, below = sums[summed % ring], plane[top + summed, left : left + width], sums[(summed + 1) % ring]
            for n in range(columns.shape[0]):
                start, stop = columns[n, 0], columns[n, 1]
                add(above[start:stop], row[start:stop], below[start:stop])
            summed += 1
        soften_row(plane[top + y, left : left + width], y, height, sums, holes[y << sub_y], sub_x, background_on_right)


@compiled
def soften_row(row: np.ndarray, y: int, height: int, sums: np.ndarray, marks: np.ndarray, sub_x: int, background_on_right: bool) -> None:
    """Give each filled pixel of row `y` its mean, walking into each gap from the background's side."""
    ring, width = sums.shape
    blocks = (width + BLOCK - 1) // BLOCK
    distance = 0
    for i in range(blocks):
        start = BLOCK * (blocks - 1 - i if background_on_right else i)
        stop = min(start + BLOCK, width)
        if not has_any(marks[start << sub_x : stop << sub_x]):
            distance = 0
            continue
        for j in range(stop - start):
            x = stop - 1 - j if background_on_right else start + j
            distance = distance + 1 if marks[x << sub_x] else 0
            if distance:
                reach = reach_of(distance)
                first, end = max(0, y - reach), min(height, y + reach + 1)
                count = end - first + OWN
                total = sums[end % ring, x] - sums[first % ring, x] + OWN * np.int32(row[x])
                row[x] = (total + (count >> 1)) // count


@compiled
def reach_of(distance: int) -> int:
    """How many rows above and below a pixel is averaged with, at this distance from the background."""
    for reach in REACHES:
        if distance <= reach:
            return reach
    return FURTHEST


@compiled
def concerned(holes: np.ndarray, torn: np.ndarray, width: int, sub_x: int) -> np.ndarray:
    """From where to where, in whole blocks, a plane has columns with a filled pixel anywhere (n, 2); no others are summed."""
    marks = np.zeros(holes.shape[1], np.uint8)
    for y in range(holes.shape[0]):
        if torn[y]:
            row = holes[y]
            for x in range(marks.size):
                marks[x] |= row[x]
    found = np.empty(((width + BLOCK - 1) // BLOCK, 2), np.int64)
    count = 0
    for start in range(0, width, BLOCK):
        stop = min(start + BLOCK, width)
        if has_any(marks[start << sub_x : stop << sub_x]):
            if count and found[count - 1, 1] == start:
                found[count - 1, 1] = stop
            else:
                found[count, 0], found[count, 1] = start, stop
                count += 1
    return found[:count]


@compiled
def add(above: np.ndarray, row: np.ndarray, sums: np.ndarray) -> None:
    """Add a row to the sums of those above it."""
    for x in range(row.size):
        sums[x] = above[x] + np.int32(row[x])


@compiled
def has_any(marks: np.ndarray) -> bool:
    """Whether any of `marks` is set: most of a picture has no gap, and is passed over in blocks."""
    total = np.uint8(0)
    for x in range(marks.size):
        total = np.uint8(total | marks[x])
    return bool(total != 0)
