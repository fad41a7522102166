"""Depth with nothing downloaded: pictures are mostly taken standing on the ground, things stand upright on it.

Depth falls from the bottom of the picture to its top (the ground recedes); inside regions of similar colour the depth
of the lowest point, where the thing touches the ground, is carried upwards (it stands, so all of it is as far away as
its foot); a guided filter then aligns the result with the picture's edges. To the eye: a tilted ramp with faint
outlines. It is mild, plausible 3D up to 1-1.5 % of the width, and wrong as real depth.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_inference.compiled import compiled
from stereo_inference.guided_filter import guided_coefficients
from stereo_spot_shared.rendering import BASIC

SIMILARITY = 25.0
"""Colour difference (8-bit levels, mean of three channels) at which a pixel is half taken for another thing."""

CARRY = 0.995
"""How much of the depth below is kept from one row to the next inside one colour, at 270 rows."""

CONTACT_SHARE = 0.5
"""Share of the carried depth in the result; the rest is the plain gradient."""

GUIDE_RADIUS_SHARE = 1 / 40
GUIDE_EPSILON = 1e-3


class BasicDepth:
    """See the module text. Deterministic, each picture by itself."""

    name = BASIC
    absolute = True
    batch = 1

    def working_size(self, width: int, height: int, pixels: int) -> tuple[int, int]:
        """Width and height at which pictures of this size are looked at: as many pixels as asked for, never enlarged."""
        scale = min(1.0, math.sqrt(pixels / (width * height)))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def estimate(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Relative inverse depth float32 (N, h, w) in 0..1, nearer is larger, of pictures uint8 (N, h, w, 3)."""
        return np.stack([self._one(picture) for picture in rgb])

    def _one(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        height, width = rgb.shape[:2]
        gradient = np.linspace(0.0, 1.0, height, dtype=np.float32)
        smooth = cv2.blur(rgb, (3, 3))
        contact = np.empty((height, width), np.float32)
        carry_upwards(smooth, gradient, CARRY ** (270.0 / height), SIMILARITY, contact)
        depth = (1.0 - CONTACT_SHARE) * gradient[:, None] + CONTACT_SHARE * contact
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) / np.float32(255.0)
        radius = max(1, round(max(height, width) * GUIDE_RADIUS_SHARE))
        gain, offset = guided_coefficients(depth.astype(np.float32), grey, radius, GUIDE_EPSILON)
        return np.clip(gain * grey + offset, np.float32(0), np.float32(1))


@compiled
def carry_upwards(rgb: np.ndarray, gradient: np.ndarray, carry: float, similarity: float, contact: np.ndarray) -> None:
    """Fill `contact` float32 (h, w) from the bottom row up: similar colour keeps the depth below, other colour does not."""
    height, width = contact.shape
    for x in range(width):
        contact[height - 1, x] = gradient[height - 1]
    for y in range(height - 2, -1, -1):
        for x in range(width):
            difference = np.float32(0.0)
            for c in range(3):
                difference += abs(np.float32(rgb[y, x, c]) - np.float32(rgb[y + 1, x, c]))
            difference /= np.float32(3.0)
            ratio = difference / np.float32(similarity)
            keep = np.float32(carry) / (np.float32(1.0) + ratio * ratio)
            contact[y, x] = gradient[y] + keep * (contact[y + 1, x] - gradient[y])
