"""From relative depth to disparity: how far each pixel moves, and how a small depth map follows the picture's edges."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_inference.guided_filter import guided_coefficients
from stereo_inference.picture import Picture

GUIDE_RADIUS = 2
"""Pixels of the depth map's grid over which depth is explained by luma."""

GUIDE_EPSILON = 1e-3
"""Variance of luma (full scale is 1) below which it counts as flat: texture weaker than this leaves no trace in depth."""


@dataclass(frozen=True, slots=True)
class DepthField:
    """Depth as a linear function of the picture's luma, on the depth map's grid: depth = gain * Y + offset.

    Interpolating gain and offset to the picture's size and applying them to its own luma puts depth steps where the
    picture has its edges: see `guided_filter`.
    """

    gain: NDArray[np.float32]
    offset: NDArray[np.float32]

    @classmethod
    def plain(cls, depth: NDArray[np.float32]) -> DepthField:
        """Depth alone, interpolated without a guide."""
        return cls(np.zeros_like(depth), np.ascontiguousarray(depth))

    @classmethod
    def guided(cls, depth: NDArray[np.float32], picture: Picture) -> DepthField:
        """`depth` float32 (h, w) in 0..1 over `picture`, guided by its luma."""
        height, width = depth.shape
        luma = cv2.resize(picture.cropped(0), (width, height), interpolation=cv2.INTER_AREA)
        full_scale = float((1 << picture.format.bits) - 1)
        guide = luma.astype(np.float32) / np.float32(full_scale)
        gain, offset = guided_coefficients(depth, guide, GUIDE_RADIUS, GUIDE_EPSILON)
        return cls(gain / np.float32(full_scale), offset)

    def over(self, picture: Picture) -> NDArray[np.float32]:
        """Depth (height, width) in 0..1 for every pixel of `picture`."""
        size = (picture.width, picture.height)
        gain, offset = (cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in (self.gain, self.offset))
        return np.asarray(np.clip(gain * picture.cropped(0) + offset, 0, 1), np.float32)


LEAST_SCALE = 1e-3
"""Below this the bend is less than a step of 10 bit, and its formula loses its meaning in float32."""


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

    A depth map's step lies up to one of its own pixels beside the edge it belongs to, and the edge's own blurred
    pixels belong to the foreground. Widening by one depth pixel (a maximum filter of about 2 * width / depth_width + 1)
    keeps object borders whole; wider loses again (measured on Middlebury pairs).
    """
    return math.ceil(width / depth_width)
