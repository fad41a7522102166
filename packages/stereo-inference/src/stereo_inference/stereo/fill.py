"""Disocclusions: what an eye sees beside a near object and no source pixel shows.

A gap is filled with the background next to it, never with the object: the object's edge must stay sharp where the eye
looks. Replicating one background pixel along the row leaves streaks; averaging each filled pixel with the ones above
and below, and only filled pixels, takes them away (measured on Middlebury pairs in the package's README).
"""

from __future__ import annotations

import numpy as np

from stereo_inference.compiled import compiled
from stereo_inference.picture import Plane

SOFTEN_RADIUS = 4
"""Rows above and below that a filled pixel is averaged with."""

BLOCK = 64
"""Pixels that are looked at together."""


@compiled
def soften_holes(plane: Plane, top: int, left: int, holes: np.ndarray, torn: np.ndarray, sub_x: int, sub_y: int) -> None:
    """Average every filled pixel of one view's plane with the `SOFTEN_RADIUS` rows above and below it, in place.

    `plane` (rows, stride) holds the view at rows from `top`, columns from `left`. `holes` uint8 (height, width) and `torn` uint8
    (height,) are those of `warp.warp_rows`, at luma resolution; `sub_x`, `sub_y` are the plane's chroma shifts (0 or 1). Rows
    are read as they were before: a ring keeps the originals of those above, so that the order of work leaves no trace.
    """
    height = (holes.shape[0] + (1 << sub_y) - 1) >> sub_y
    width = (holes.shape[1] + (1 << sub_x) - 1) >> sub_x
    ring = SOFTEN_RADIUS + 1
    originals = np.empty((ring, width), np.uint16)
    changed = np.zeros(ring, np.bool_)
    sums = np.empty(BLOCK, np.int32)
    for y in range(height):
        changed[y % ring] = torn[y << sub_y] != 0
        if not changed[y % ring]:
            continue
        marks = holes[y << sub_y]
        row = plane[top + y, left : left + width]
        keep(row, originals[y % ring])
        first, end = max(0, y - SOFTEN_RADIUS), min(height, y + SOFTEN_RADIUS + 1)
        for start in range(0, width, BLOCK):
            stop = min(start + BLOCK, width)
            if not has_any(marks[start << sub_x : stop << sub_x]):
                continue
            for x in range(BLOCK):
                sums[x] = (end - first) >> 1
            for k in range(first, end):
                if k <= y and changed[k % ring]:
                    add(originals[k % ring, start:stop], sums)
                else:
                    add(plane[top + k, left + start : left + stop], sums)
            for x in range(start, stop):
                if marks[x << sub_x]:
                    row[x] = sums[x - start] // (end - first)


@compiled
def keep(row: np.ndarray, original: np.ndarray) -> None:
    """Copy a row before it is changed."""
    for x in range(original.size):
        original[x] = row[x]


@compiled
def add(row: np.ndarray, sums: np.ndarray) -> None:
    """Add a row to sums of rows."""
    for x in range(row.size):
        sums[x] += np.int32(row[x])


@compiled
def has_any(marks: np.ndarray) -> bool:
    """Whether any of `marks` is set: most of a picture has no gap, and is passed over in blocks."""
    total = np.uint8(0)
    for x in range(marks.size):
        total = np.uint8(total | marks[x])
    return bool(total != 0)
