"""The depth of a row's pixels, and how far it moves them."""

from __future__ import annotations

import numpy as np

from stereo_inference.compiled import compiled
from stereo_inference.picture import Plane


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
