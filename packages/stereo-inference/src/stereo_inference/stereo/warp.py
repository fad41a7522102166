"""The forward warp: both eyes of one picture, row by row, on its YUV planes as they were decoded.

For every row: depth is interpolated, or chosen where it steps, turned into a shift for each pixel, and the foreground widened
a little. Then each pair of neighbouring source pixels is laid onto the target row and sampled there, nearer surfaces last.
What nothing landed on is a gap, filled from the background's side. A row's working set stays in the cache, and no
picture-sized temporary exists but the masks of the gaps.

Geometry: with d the total disparity in pixels (positive in front of the screen), the left eye sees source pixel x at
x + d/2 and the right eye at x - d/2. Laying a row out from left to right for the right eye, and from right to left for
the left eye, makes the nearer surface always the later one, so that it overwrites and no z-buffer is needed
(the occlusion-compatible order of McMillan and Bishop, "Plenoptic Modeling", SIGGRAPH 1995). A gap opens between a near
pixel and a far one; the far one is on its right in the right eye and on its left in the left eye.

Speed: every pair of neighbours is blended as if it fell around one target pixel, in loops over the whole row that a compiler
turns into vector instructions. Along a surface pairs do fall around adjacent pixels, and such runs are copied; only where one
falls between pixels, around two, or is torn apart it is looked at by itself.

Rows do not depend on each other, so that bands of rows can be given to threads and the result stays the same.
"""

from __future__ import annotations

import numpy as np

from stereo_inference.compiled import compiled
from stereo_inference.picture import Plane
from stereo_inference.stereo.row_depth import depth_of_row, shift_of_row, widen_foreground
from stereo_inference.stereo.row_gaps import tell
from stereo_inference.stereo.row_layout import lay_out_left, lay_out_right, pairs_left, pairs_right
from stereo_inference.stereo.row_samples import blend, blend_sharply, halve

LEFT, RIGHT, BOTH = 1, 2, 3
"""Which eyes are rendered."""


@compiled
def warp_rows(
    y_plane: Plane, u_plane: Plane, v_plane: Plane, sub_x: int, sub_y: int,
    wide: np.ndarray, coarse: np.ndarray, coarse_luma: np.ndarray, steps: np.ndarray, columns: np.ndarray, resemblance: float,
    shift_scale: float, convergence: float, dilation: int, eyes: int,
    left_y: Plane, left_u: Plane, left_v: Plane, left_top: int, left_column: int,
    right_y: Plane, right_u: Plane, right_v: Plane, right_top: int, right_column: int,
    left_holes: np.ndarray, left_torn: np.ndarray, right_holes: np.ndarray, right_torn: np.ndarray, first: int, end: int,
) -> None:  # fmt: skip
    """Render rows `[first, end)` of the `eyes` (LEFT, RIGHT or BOTH).

    `wide` float32 (h, width) is the depth map `coarse` (h, w), interpolated along its rows; for `coarse_luma`, `steps` and `columns` see
    `depth_field.DepthField`, for `resemblance` `depth_of_row`.
    `shift_scale`: pixels that depth 1 away from `convergence` shifts an eye. `dilation`: pixels by which the foreground is
    widened on each side. The eyes are written at luma row `*_top` and luma column `*_column` of their planes (multiples of
    the chroma grid). `*_torn` uint8 (height,) receive 1 for rows in which pixels beside an object were filled, and those
    rows of `*_holes` uint8 (height, width) receive 1 where that is; the other rows are left as they are.
    """
    height, width = left_holes.shape
    chroma_columns = (width + sub_x) >> sub_x
    depth = np.empty(width, np.float32)
    narrow, spare = np.empty(width + 2 * dilation, np.int32), np.empty(width + 2 * dilation, np.int32)
    target, place, weight = np.empty(width, np.int32), np.empty(width, np.int32), np.empty(width, np.int32)
    even, odd = np.empty(chroma_columns, np.int32), np.empty(chroma_columns, np.int32)
    holes = np.empty(width, np.uint8)
    breaks = np.zeros((width + 7) >> 3, np.uint64).view(np.uint8)
    blended = np.empty((5, width), y_plane.dtype)
    for row in range(first, end):
        depth_of_row(y_plane[row], row, height, wide, coarse, coarse_luma, steps, columns, resemblance, depth)
        shift_of_row(depth, shift_scale, convergence, dilation, narrow)
        shift = widen_foreground(narrow, spare, dilation)
        chroma = row & sub_y == 0
        y, u, v = y_plane[row], u_plane[row >> sub_y], v_plane[row >> sub_y]
        for eye in (LEFT, RIGHT):
            if eyes & eye == 0:
                continue
            if eye == LEFT:
                pairs_left(shift, width, target, place, weight, breaks)
            else:
                pairs_right(shift, width, target, place, weight, breaks)
            blend_sharply(y, weight, width, blended[0])
            if chroma and sub_x:
                halve(weight, chroma_columns, even, odd)
                blend(u, even, chroma_columns, blended[1])
                blend(u, odd, chroma_columns, blended[2])
                blend(v, even, chroma_columns, blended[3])
                blend(v, odd, chroma_columns, blended[4])
            elif chroma:
                blend(u, weight, width, blended[1])
                blend(v, weight, width, blended[3])
            if eye == LEFT:
                at, to = left_column >> sub_x, (left_top + row) >> sub_y
                lay_out_left(
                    target, place, breaks, blended, width, sub_x, chroma, y, u, v,
                    left_y[left_top + row, left_column : left_column + width], left_u[to, at : at + chroma_columns],
                    left_v[to, at : at + chroma_columns], holes,
                )  # fmt: skip
                tell(holes, left_holes, left_torn, row)
            else:
                at, to = right_column >> sub_x, (right_top + row) >> sub_y
                lay_out_right(
                    target, place, breaks, blended, width, sub_x, chroma, y, u, v,
                    right_y[right_top + row, right_column : right_column + width], right_u[to, at : at + chroma_columns],
                    right_v[to, at : at + chroma_columns], holes,
                )  # fmt: skip
                tell(holes, right_holes, right_torn, row)
