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
def soften_holes(plane: Plane, top: int, left: int, holes: np.ndarray, sub_x: int, sub_y: int) -> None:
    """Average every filled pixel of one view's plane with the `SOFTEN_RADIUS` rows above and below it, in place.

    `plane` (rows, stride) holds the view at rows from `top`, columns from `left`. `holes` uint8 (height, width) is at
    luma resolution; `sub_x`, `sub_y` are the plane's chroma shifts (0 or 1). Rows are read as they were before: a
    ring keeps the originals of those above, so that the order of work leaves no trace.
    """
    height = (holes.shape[0] + (1 << sub_y) - 1) >> sub_y
    width = (holes.shape[1] + (1 << sub_x) - 1) >> sub_x
    originals = np.empty((SOFTEN_RADIUS + 1, width), np.uint16)
    changed = np.zeros(SOFTEN_RADIUS + 1, np.bool_)
    for y in range(height):
        here = y % (SOFTEN_RADIUS + 1)
        marks = holes[y << sub_y]
        changed[here] = has_any(marks)
        if not changed[here]:
            continue
        row = plane[top + y]
        for x in range(width):
            originals[here, x] = row[left + x]
        first = max(0, y - SOFTEN_RADIUS)
        end = min(height, y + SOFTEN_RADIUS + 1)
        count = end - first
        for block in range(0, width, BLOCK):
            if not has_any(marks[block << sub_x : (block + BLOCK) << sub_x]):
                continue
            for x in range(block, min(block + BLOCK, width)):
                if marks[x << sub_x]:
                    total = np.int64(count >> 1)
                    for k in range(first, end):
                        slot = k % (SOFTEN_RADIUS + 1)
                        total += originals[slot, x] if k <= y and changed[slot] else plane[top + k, left + x]
                    row[left + x] = total // count


@compiled
def has_any(marks: np.ndarray) -> bool:
    """Whether any of `marks` is set: most of a picture has no gap, and is passed over in blocks."""
    total = np.uint32(0)
    for x in range(marks.size):
        total |= marks[x]
    return bool(total != 0)
