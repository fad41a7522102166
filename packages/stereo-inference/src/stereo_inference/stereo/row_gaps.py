"""The gaps of a row, on which nothing landed: filled from the background's side, and noted where they are beside an object."""

from __future__ import annotations

import numpy as np

from stereo_inference.compiled import compiled


@compiled
def fill_from_right(border: int, out: np.ndarray, holes: np.ndarray, width: int, sub_x: int) -> None:
    """Give each gap of a row of the right eye the sample on its right; at the picture's border, where there is none, the source's last."""
    carry = border
    columns = (width + sub_x) >> sub_x
    end = columns
    while end > 0:
        start = max(end - 64, 0)
        if has_any(holes[start << sub_x : min(end << sub_x, width)]):
            for x in range(end - 1, start - 1, -1):
                if holes[x << sub_x]:
                    out[x] = carry
                else:
                    carry = out[x]
        else:
            carry = out[start]
        end = start


@compiled
def fill_from_left(border: int, out: np.ndarray, holes: np.ndarray, width: int, sub_x: int) -> None:
    """The mirror image of `fill_from_right`, for the left eye."""
    carry = border
    columns = (width + sub_x) >> sub_x
    for start in range(0, columns, 64):
        end = min(start + 64, columns)
        if has_any(holes[start << sub_x : min(end << sub_x, width)]):
            for x in range(start, end):
                if holes[x << sub_x]:
                    out[x] = carry
                else:
                    carry = out[x]
        else:
            carry = out[end - 1]


@compiled
def has_any(marks: np.ndarray) -> bool:
    """Whether any of `marks` is set."""
    total = np.uint8(0)
    for x in range(marks.size):
        total = np.uint8(total | marks[x])
    return bool(total != 0)


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
def tell(row_holes: np.ndarray, holes: np.ndarray, torn: np.ndarray, row: int) -> None:
    """Write down a row's gaps, if it has any: most have none, and need not be written to memory or looked at again."""
    torn[row] = has_any(row_holes)
    if torn[row]:
        for x in range(row_holes.size):
            holes[row, x] = row_holes[x]
