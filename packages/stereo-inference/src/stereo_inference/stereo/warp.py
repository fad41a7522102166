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

STRETCH = 2 << 8
"""Neighbours that land further apart than this (1/256 pixel) are two surfaces with a gap between, not one stretched."""

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


@compiled
def tell(row_holes: np.ndarray, holes: np.ndarray, torn: np.ndarray, row: int) -> None:
    """Write down a row's gaps, if it has any: most have none, and need not be written to memory or looked at again."""
    torn[row] = has_any(row_holes)
    if torn[row]:
        for x in range(row_holes.size):
            holes[row, x] = row_holes[x]


@compiled
def depth_rows(
    luma: Plane, wide: np.ndarray, coarse: np.ndarray, coarse_luma: np.ndarray, steps: np.ndarray, columns: np.ndarray,
    resemblance: float, out: np.ndarray,
) -> None:  # fmt: skip
    """The depth float32 (height, width) of all pixels, as the warp follows it."""
    for row in range(out.shape[0]):
        depth_of_row(luma[row], row, out.shape[0], wide, coarse, coarse_luma, steps, columns, resemblance, out[row])


@compiled
def depth_of_row(
    luma: np.ndarray, row: int, height: int, wide: np.ndarray, coarse: np.ndarray, coarse_luma: np.ndarray, steps: np.ndarray,
    columns: np.ndarray, resemblance: float, depth: np.ndarray,
) -> None:  # fmt: skip
    """The depth (width,) of a row's pixels: interpolated, and in cells with a step that of the sample that a pixel resembles most.

    A difference of luma of `resemblance` counts as much as half the distance.
    """
    rows, samples = coarse.shape
    position = (row + 0.5) * rows / height - 0.5
    cell = int(np.floor(position)) + 1
    above, below = max(cell - 1, 0), min(cell, rows - 1)
    down = np.float32(position - (cell - 1))
    wide_above, wide_below = wide[above], wide[below]
    for x in range(depth.size):
        mixed = wide_above[x] + down * (wide_below[x] - wide_above[x])
        depth[x] = min(max(mixed, np.float32(0.0)), np.float32(1.0))
    ratio = np.float32(1.0) / np.float32(resemblance)
    scale = np.float32(samples) / np.float32(depth.size)
    for column in range(samples + 1):
        if steps[cell, column]:
            left, right = max(column - 1, 0), min(column, samples - 1)
            luma_a, luma_b, luma_c, luma_d = (
                coarse_luma[above, left], coarse_luma[above, right], coarse_luma[below, left], coarse_luma[below, right],
            )  # fmt: skip
            depth_a, depth_b, depth_c, depth_d = coarse[above, left], coarse[above, right], coarse[below, left], coarse[below, right]
            for x in range(columns[column], columns[column + 1]):
                across = (np.float32(x) + np.float32(0.5)) * scale - np.float32(column) + np.float32(0.5)
                back, up, own = np.float32(1.0) - across, np.float32(1.0) - down, np.float32(luma[x])
                best, chosen = back * up / likeness(own - luma_a, ratio), depth_a
                weight = across * up / likeness(own - luma_b, ratio)
                best, chosen = (weight, depth_b) if weight > best else (best, chosen)
                weight = back * down / likeness(own - luma_c, ratio)
                best, chosen = (weight, depth_c) if weight > best else (best, chosen)
                weight = across * down / likeness(own - luma_d, ratio)
                chosen = depth_d if weight > best else chosen
                depth[x] = min(max(chosen, np.float32(0.0)), np.float32(1.0))


@compiled
def likeness(difference: np.float32, ratio: np.float32) -> np.float32:
    """By how much a sample that differs so much in luma counts less."""
    return np.float32(1.0) + difference * difference * ratio * ratio


@compiled
def shift_of_row(depth: np.ndarray, shift_scale: float, convergence: float, dilation: int, shift: np.ndarray) -> None:
    """How far each pixel of a row moves (1/256 pixel), at `shift[dilation:]`; before and behind stands what loses every comparison."""
    scale, screen = np.float32(256.0 * shift_scale), np.float32(convergence)
    moved = shift[dilation : dilation + depth.size]
    for x in range(depth.size):
        moved[x] = np.int32(np.rint(scale * (depth[x] - screen)))
    for x in range(dilation):
        shift[x] = np.int32(-(1 << 30))
        shift[depth.size + dilation + x] = np.int32(-(1 << 30))


@compiled
def widen_foreground(shift: np.ndarray, spare: np.ndarray, radius: int) -> np.ndarray:
    """Horizontal maximum of 2 * radius + 1 pixels; returns that of the two arrays in which it is, from the beginning.

    The window doubles from pass to pass: each is the larger of two that overlap or touch.
    """
    window, full = 1, 2 * radius + 1
    while window < full:
        step = min(window, full - window)
        ahead = shift[step:]
        for x in range(ahead.size):
            spare[x] = max(shift[x], ahead[x])
        shift, spare = spare, shift
        window += step
    return shift


@compiled
def pairs_right(shift: np.ndarray, width: int, target: np.ndarray, place: np.ndarray, weight: np.ndarray, breaks: np.ndarray) -> None:
    """Where the source pixels of a row land in the right eye, and for each pair of neighbours x, x + 1 around which target pixel.

    `target` (width,): 1/256 pixel. The first target pixel that a pair reaches is `place[x]`; there it shows the mixture of both with
    `weight[x]` (0..256) of the right one. `breaks[x]`: the pair does not reach exactly one pixel.
    """
    for x in range(width):
        target[x] = np.int32((x << 8) - shift[x])
        place[x] = np.int32(target[x] + 255) >> 8
    for x in range(width - 1):
        along = np.float32(np.int32((place[x] << 8) - target[x])) * (np.float32(256.0) / np.float32(np.int32(target[x + 1] - target[x])))
        weight[x] = np.int32(along + np.float32(0.5))
        breaks[x] = place[x + 1] - place[x] != 1


@compiled
def pairs_left(shift: np.ndarray, width: int, target: np.ndarray, place: np.ndarray, weight: np.ndarray, breaks: np.ndarray) -> None:
    """The mirror image of `pairs_right`: the last target pixel that the pair x, x + 1 reaches is `place[x + 1]`."""
    for x in range(width):
        target[x] = np.int32((x << 8) + shift[x])
        place[x] = target[x] >> 8
    for x in range(width - 1):
        along = np.float32(np.int32(target[x + 1] - (place[x + 1] << 8))) * (
            np.float32(256.0) / np.float32(np.int32(target[x + 1] - target[x]))
        )
        weight[x] = np.int32(256) - np.int32(along + np.float32(0.5))
        breaks[x] = place[x + 1] - place[x] != 1


@compiled
def blend(source: np.ndarray, weight: np.ndarray, width: int, out: np.ndarray) -> None:
    """Mix each pair of neighbours of a row of samples; the last one has none."""
    for x in range(width - 1):
        f = weight[x]
        out[x] = np.int32(np.int32(source[x]) * np.int32(256 - f) + np.int32(source[x + 1]) * f + 128) >> 8
    out[width - 1] = source[width - 1]


@compiled
def blend_sharply(source: np.ndarray, weight: np.ndarray, width: int, out: np.ndarray) -> None:
    """The same by `cubic`, for luma: what lies between pixels stays as sharp as they are."""
    if width < 4:
        blend(source, weight, width, out)
        return
    blend(source[:2], weight, 2, out)
    blend(source[width - 2 :], weight[width - 2 :], 2, out[width - 2 :])
    before, first, second, after = source[: width - 3], source[1 : width - 2], source[2 : width - 1], source[3:]
    inner, share = out[1 : width - 2], weight[1 : width - 2]
    for x in range(width - 3):
        inner[x] = cubic(np.float32(before[x]), np.float32(first[x]), np.float32(second[x]), np.float32(after[x]), np.float32(share[x]))


@compiled
def cubic(a: np.float32, b: np.float32, c: np.float32, d: np.float32, f: np.float32) -> np.int32:
    """Between b and c, at f of 256, on the Catmull-Rom spline through four samples; never beyond b and c, so that nothing rings.

    It is the straight line and, where the samples bend, f * (1 - f) / 2 times their bend: written so that the mirror image comes out
    the same to the last bit.
    """
    g = np.float32(256.0) - f
    bend = g * (b + b - a - c) + f * (c + c - b - d)
    value = (b * g + c * f) * np.float32(2.0**-8) + f * g * bend * np.float32(2.0**-25)
    return np.int32(min(max(value, min(b, c)), max(b, c)) + np.float32(0.5))


@compiled
def halve(weight: np.ndarray, columns: int, even: np.ndarray, odd: np.ndarray) -> None:
    """The same weights for chroma of half the width: `even[m]` of the luma pair 2m, 2m + 1, `odd[m]` of 2m + 1, 2m + 2."""
    for m in range(columns - 1):
        even[m] = weight[2 * m] >> 1
        odd[m] = np.int32(128 + (weight[2 * m + 1] >> 1))


@compiled
def lay_out_right(
    target: np.ndarray, place: np.ndarray, breaks: np.ndarray, blended: np.ndarray, width: int, sub_x: int, chroma: bool,
    y: np.ndarray, u: np.ndarray, v: np.ndarray, y_out: np.ndarray, u_out: np.ndarray, v_out: np.ndarray, holes: np.ndarray,
) -> None:  # fmt: skip
    """Write one row of the right eye, pair by pair from the left, and fill its gaps."""
    for x in range(width):
        holes[x] = 1
    eights = breaks.view(np.uint64)
    x = 0
    while x < width - 1:
        start = x
        x = next_break(breaks, eights, x, width - 1)
        copy_run(start, x, place[start] - start, blended, width, sub_x, chroma, y_out, u_out, v_out, holes)
        if x < width - 1:
            a, b, t, stop = target[x], target[x + 1], place[x], place[x + 1]
            if b - a > STRETCH:
                put(t, x << 8, width, sub_x, chroma, y, u, v, y_out, u_out, v_out, holes)
                put(stop - 1, (x + 1) << 8, width, sub_x, chroma, y, u, v, y_out, u_out, v_out, holes)
            else:
                scale = np.float32(256.0) / np.float32(b - a)
                while t < stop:
                    along = int(np.float32((t << 8) - a) * scale + np.float32(0.5))
                    put(t, (x << 8) + along, width, sub_x, chroma, y, u, v, y_out, u_out, v_out, holes)
                    t += 1
            x += 1
    put(place[x], x << 8, width, sub_x, chroma, y, u, v, y_out, u_out, v_out, holes)
    fill_from_right(y[width - 1], y_out, holes, width, 0)
    if chroma:
        last = ((width + sub_x) >> sub_x) - 1
        fill_from_right(u[last], u_out, holes, width, sub_x)
        fill_from_right(v[last], v_out, holes, width, sub_x)
    unmark_borders(holes, width)


@compiled
def lay_out_left(
    target: np.ndarray, place: np.ndarray, breaks: np.ndarray, blended: np.ndarray, width: int, sub_x: int, chroma: bool,
    y: np.ndarray, u: np.ndarray, v: np.ndarray, y_out: np.ndarray, u_out: np.ndarray, v_out: np.ndarray, holes: np.ndarray,
) -> None:  # fmt: skip
    """The mirror image of `lay_out_right`: from the right."""
    for x in range(width):
        holes[x] = 1
    eights = breaks.view(np.uint64)
    x = width - 2
    while x >= 0:
        end = x + 1
        x = break_before(breaks, eights, x)
        copy_run(x + 1, end, place[end] + 1 - end, blended, width, sub_x, chroma, y_out, u_out, v_out, holes)
        if x >= 0:
            a, b, stop, t = target[x], target[x + 1], place[x], place[x + 1]
            if b - a > STRETCH:
                put(t, (x + 1) << 8, width, sub_x, chroma, y, u, v, y_out, u_out, v_out, holes)
                put(stop + 1, x << 8, width, sub_x, chroma, y, u, v, y_out, u_out, v_out, holes)
            else:
                scale = np.float32(256.0) / np.float32(b - a)
                while t > stop:
                    along = int(np.float32(b - (t << 8)) * scale + np.float32(0.5))
                    put(t, ((x + 1) << 8) - along, width, sub_x, chroma, y, u, v, y_out, u_out, v_out, holes)
                    t -= 1
            x -= 1
    put(place[0], 0, width, sub_x, chroma, y, u, v, y_out, u_out, v_out, holes)
    fill_from_left(y[0], y_out, holes, width, 0)
    if chroma:
        fill_from_left(u[0], u_out, holes, width, sub_x)
        fill_from_left(v[0], v_out, holes, width, sub_x)
    unmark_borders(holes, width)


@compiled
def next_break(breaks: np.ndarray, eights: np.ndarray, x: int, end: int) -> int:
    """The first break from `x` on, or `end`. `eights` are the same bytes, eight in a word."""
    while x < end and breaks[x] == 0:
        x += 1
        if x & 7 == 0:
            while x < end and eights[x >> 3] == 0:
                x += 8
    return min(x, end)


@compiled
def break_before(breaks: np.ndarray, eights: np.ndarray, x: int) -> int:
    """The last break up to `x`, or -1."""
    while x >= 0 and breaks[x] == 0:
        x -= 1
        if x & 7 == 7:
            while x >= 0 and eights[x >> 3] == 0:
                x -= 8
    return x


@compiled
def copy_run(
    start: int, end: int, moved: int, blended: np.ndarray, width: int, sub_x: int, chroma: bool,
    y_out: np.ndarray, u_out: np.ndarray, v_out: np.ndarray, holes: np.ndarray,
) -> None:  # fmt: skip
    """Copy the pairs from `start` to before `end`, which lie `moved` pixels further in the view, as far as they lie in it."""
    start, end = max(start, -moved), min(end, width - moved)
    if start >= end:
        return
    copy(blended[0, start:end], y_out[start + moved : end + moved])
    out = holes[start + moved : end + moved]
    for x in range(out.size):
        out[x] = 0
    if chroma and sub_x == 0:
        copy(blended[1, start:end], u_out[start + moved : end + moved])
        copy(blended[3, start:end], v_out[start + moved : end + moved])
    elif chroma:
        first = start + ((start + moved) & 1)  # the first pair at an even place
        count = (end - first + 1) >> 1
        at, to = first >> 1, (first + moved) >> 1
        copy(blended[1 + (first & 1), at : at + count], u_out[to : to + count])
        copy(blended[3 + (first & 1), at : at + count], v_out[to : to + count])


@compiled
def copy(source: np.ndarray, out: np.ndarray) -> None:
    """Copy a row of samples."""
    for x in range(out.size):
        out[x] = source[x]


@compiled
def put(
    t: int, position: int, width: int, sub_x: int, chroma: bool,
    y: np.ndarray, u: np.ndarray, v: np.ndarray, y_out: np.ndarray, u_out: np.ndarray, v_out: np.ndarray, holes: np.ndarray,
) -> None:  # fmt: skip
    """Sample one target pixel, if it lies in the view, at a source position (1/256 luma pixel)."""
    if t < 0 or t >= width:
        return
    y_out[t] = sampled_sharply(y, position, width - 1)
    holes[t] = 0
    if chroma and t & sub_x == 0:
        last = ((width + sub_x) >> sub_x) - 1
        u_out[t >> sub_x] = sampled(u, position >> sub_x, last)
        v_out[t >> sub_x] = sampled(v, position >> sub_x, last)


@compiled
def sampled_sharply(source: np.ndarray, position: int, last: int) -> int:
    """The same by `cubic` where there are four samples around."""
    i = position >> 8
    if i < 1 or i + 2 > last:
        return sampled(source, position, last)
    before, first, second, after = source[i - 1], source[i], source[i + 1], source[i + 2]
    return int(cubic(np.float32(before), np.float32(first), np.float32(second), np.float32(after), np.float32(position & 255)))


@compiled
def sampled(source: np.ndarray, position: int, last: int) -> int:
    """A sample between two of a row."""
    i, f = position >> 8, position & 255
    return int(source[i] * (256 - f) + source[min(i + 1, last)] * f + 128) >> 8


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
