"""How a small depth map follows a picture's edges.

Between neighbouring samples of a depth map depth is interpolated; but where it steps from one thing to another, nothing lies
in between, and every pixel belongs to one side or the other. Which one, its luma tells: of the four samples around it, it gets the
depth of the one that it resembles most for its distance (joint bilateral upsampling, Kopf, Cohen, Lischinski and Uyttendaele,
SIGGRAPH 2007, that chooses instead of averaging). The choice is made in the warp, row by row (`warp.depth_of_row`); here is what it needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_inference.compiled import compiled
from stereo_inference.picture import Picture

STEP = 0.01
"""Difference of depth between neighbouring samples from which they are two things, and what lies between them is one or the other."""

RESEMBLANCE = 8.0
"""Difference of luma (8-bit steps) that counts as much as half the distance."""

FINE = 2
"""Maps with at least this share (one in FINE) of the picture's columns are aligned themselves: they know the edges better than their
samples' luma, but for noise."""

MEDIAN_RADIUS = 2
MEDIAN_RANGE = 0.03
"""Range of depth within that radius from which a sample is looked at; a slope has less."""

MEDIAN_RESEMBLANCE = 20.0


@dataclass(frozen=True, slots=True)
class DepthField:
    """Depth (h, w) in 0..1 over a picture, whatever the picture's size.

    `luma` (h, w), in the picture's code values, is what each sample of depth saw; without it depth is interpolated everywhere. `steps`
    uint8 (h + 1, w + 1) is 1 for the cells between samples, those beyond the borders included, that depth steps in.
    """

    depth: NDArray[np.float32]
    luma: NDArray[np.float32]
    steps: NDArray[np.uint8]

    @classmethod
    def plain(cls, depth: NDArray[np.float32]) -> DepthField:
        """Depth alone, interpolated without a guide."""
        height, width = depth.shape
        return cls(np.ascontiguousarray(depth), np.zeros_like(depth), np.zeros((height + 1, width + 1), np.uint8))

    @classmethod
    def guided(cls, depth: NDArray[np.float32], picture: Picture) -> DepthField:
        """`depth` over `picture`, guided by its luma."""
        height, width = depth.shape
        luma = cv2.resize(picture.cropped(0), (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
        if width * FINE >= picture.width:
            aligned = np.empty_like(depth)
            resemblance = MEDIAN_RESEMBLANCE * (1 << (picture.format.bits - 8))
            align(np.ascontiguousarray(depth), luma, local_range(depth, MEDIAN_RADIUS) > MEDIAN_RANGE, resemblance, aligned)
            depth = aligned
        return cls(np.ascontiguousarray(depth), luma, stepped(depth))

    def columns(self, width: int) -> NDArray[np.int32]:
        """The first of the picture's columns in each cell and behind the last: (w + 2,)."""
        samples = self.depth.shape[1]
        begins = np.ceil((np.arange(-1, samples + 1) + 0.5) * width / samples - 0.5)
        return np.asarray(np.clip(begins, 0, width), np.int32)


def stepped(depth: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Which cells between four samples (h + 1, w + 1) depth steps in."""
    framed = np.pad(depth, 1, mode="edge")
    corners = np.stack([framed[:-1, :-1], framed[:-1, 1:], framed[1:, :-1], framed[1:, 1:]])
    return np.asarray(np.ptp(corners, axis=0) > STEP, np.uint8)


def local_range(depth: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """The largest minus the smallest depth around each sample."""
    window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return np.asarray(cv2.dilate(depth, window) - cv2.erode(depth, window), np.float32)


@compiled
def align(depth: np.ndarray, luma: np.ndarray, unsure: np.ndarray, resemblance: float, out: np.ndarray) -> None:
    """Where it is `unsure`, give each sample the median of those around it, weighted by how near they are and how alike their luma is.

    A weighted median (Zhang, Xu and Jia, "100+ Times Faster Weighted Median Filter", CVPR 2014) moves steps of depth to the
    picture's edges and makes no depth that nobody had.
    """
    height, width = depth.shape
    values = np.empty((2 * MEDIAN_RADIUS + 1) ** 2, np.float32)
    weights = np.empty(values.size, np.float32)
    scale = np.float32(1.0 / (2.0 * resemblance * resemblance))
    spread = np.float32(1.0 / (2.0 * (MEDIAN_RADIUS / 1.5) ** 2))
    for y in range(height):
        for x in range(width):
            if not unsure[y, x]:
                out[y, x] = depth[y, x]
                continue
            count = 0
            total = np.float32(0.0)
            for near_y in range(max(0, y - MEDIAN_RADIUS), min(height, y + MEDIAN_RADIUS + 1)):
                for near_x in range(max(0, x - MEDIAN_RADIUS), min(width, x + MEDIAN_RADIUS + 1)):
                    difference = luma[near_y, near_x] - luma[y, x]
                    away = np.float32((near_y - y) * (near_y - y) + (near_x - x) * (near_x - x))
                    weight = np.exp(-difference * difference * scale - away * spread)
                    at = count
                    while at > 0 and values[at - 1] > depth[near_y, near_x]:
                        values[at], weights[at] = values[at - 1], weights[at - 1]
                        at -= 1
                    values[at], weights[at] = depth[near_y, near_x], weight
                    count += 1
                    total += weight
            half = total * np.float32(0.5)
            at = 0
            passed = weights[0]
            while passed < half:
                at += 1
                passed += weights[at]
            out[y, x] = values[at]
