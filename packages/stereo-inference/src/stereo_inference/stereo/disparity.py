"""From relative depth to disparity: how far each pixel moves, and how much wider the foreground becomes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

LEAST_SCALE = 1e-3
"""Below this the bend is less than a step of 10 bit, and its formula loses its meaning in float32."""


EDGE_WIDTH = 1440
"""Columns of a picture for each further pixel of an edge's blur."""


def scaled_foreground(depth: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Depth 0..1 bent so that near things take more of the range (`scale` above 0) or far things (below); 0 leaves it.

    (exp(scale * d) - 1) / (exp(scale) - 1): the ends stay, order stays, and at 3 the near end is stretched three times.
    """
    if abs(scale) < LEAST_SCALE:
        return depth
    return np.asarray(np.expm1(np.float32(scale) * depth) / np.float32(math.expm1(scale)), np.float32)


def half_disparity(max_disparity: float, width: int) -> float:
    """Pixels by which one eye moves for a depth difference of 1.

    The total, both eyes together, is `max_disparity / 100 * width * (depth - convergence)`; each takes half.
    """
    return max_disparity / 100.0 * width / 2.0


def foreground_dilation(width: int, depth_width: int) -> int:
    """Pixels of the picture by which the foreground is widened on each side.

    The blurred pixels of an object's edge belong to the object; how many they are depends on how sharp the picture is and so on its
    size. One more takes up what a map that is coarser than the picture leaves unsure. Wider loses again (measured on Middlebury pairs, with
    maps of the picture's size down to an eighth of it).
    """
    return 1 + (depth_width < width) + (width - 1) // EDGE_WIDTH
