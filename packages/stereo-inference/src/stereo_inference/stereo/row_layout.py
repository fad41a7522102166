"""Laying the pairs of neighbours of a row out in the row of an eye, nearer surfaces last.

Along a surface pairs fall around adjacent pixels: such runs are copied as they were blended. What falls between pixels, around two, or is
torn apart is looked at by itself.
"""

from __future__ import annotations

import numpy as np

from stereo_inference.compiled import compiled
from stereo_inference.stereo.row_gaps import fill_from_left, fill_from_right, unmark_borders
from stereo_inference.stereo.row_samples import sampled, sampled_sharply

STRETCH = 2 << 8
"""Neighbours that land further apart than this (1/256 pixel) are two surfaces with a gap between, not one stretched."""


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
