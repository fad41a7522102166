"""How steady depth is over time, and how true: the numbers by which it is judged.

Flicker, jumps and error belong together. Flicker alone rewards blur, and a constant has none of it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_inference.depth.flow import FlowFinder
from stereo_inference.depth.scale import fit
from stereo_inference.depth.steady import along
from stereo_spot_shared.base import Value

FAR, NEAR = 2, 98
"""Percentiles of a map whose distance is its range."""

WORST = 95
"""Percentile of the jumps that is reported: what a viewer would notice."""


class DepthMetrics(Value):
    """Of a video's depth. All are shares; 0 is best."""

    frames: int
    flicker: float
    """TF: mean difference between a map and the one before it, brought to it by flow where that is sure; as a share of the range."""
    scale_jump: float
    """95th percentile of |log s| of the fit `map ~ s * map before + b`, from one frame to the next."""
    shift_jump: float
    """95th percentile of how far that fit moves the middle of the range, as a share of it."""
    error: float | None = None
    """Mean difference from the truth after one scale and one shift for each frame, as a share of the true range; None without truth."""


class DepthJudge:
    """Takes the maps of a video in order. Flow is found by a slower and better search than the one that depth itself is carried by."""

    def __init__(self) -> None:
        self._finder = FlowFinder(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._last: tuple[NDArray[np.float32], NDArray[np.uint8]] | None = None
        self._flicker: list[float] = []
        self._scales: list[float] = []
        self._shifts: list[float] = []
        self._errors: list[float] = []
        self._frames = 0

    def push(
        self, depth: NDArray[np.float32], grey: NDArray[np.uint8], *, begins_shot: bool, truth: NDArray[np.float32] | None = None
    ) -> None:
        """Judge the next map (h, w) of the picture `grey` (h, w); nothing is compared with it across the beginning of a shot."""
        if self._last is not None and not begins_shot:
            self._compare(depth, grey, *self._last)
        if truth is not None:
            self._errors.append(aligned_error(depth, truth))
        self._last = (depth, grey)
        self._frames += 1

    def result(self) -> DepthMetrics:
        """The numbers for what was seen so far."""
        return DepthMetrics(
            frames=self._frames,
            flicker=mean(self._flicker),
            scale_jump=worst(self._scales),
            shift_jump=worst(self._shifts),
            error=mean(self._errors) if self._errors else None,
        )

    def _compare(
        self, depth: NDArray[np.float32], grey: NDArray[np.uint8], before: NDArray[np.float32], grey_before: NDArray[np.uint8]
    ) -> None:
        _, back = self._finder.between(grey_before, grey)
        sure = back[..., 2] > np.float32(0.5)
        far, near = np.percentile(depth, (FAR, NEAR))
        if not sure.any() or near <= far:
            return
        brought = along(before, back)
        self._flicker.append(float(np.abs(depth - brought)[sure].mean() / (near - far)))
        found = fit(brought, depth, back[..., 2])
        if found is not None:
            middle = (far + near) / 2
            self._scales.append(abs(float(np.log(found.scale))))
            self._shifts.append(float(abs(found.of(middle) - middle) / (near - far)))


def aligned_error(depth: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Mean difference from the truth (h, w) after the best scale and shift (least squares), as a share of the true range."""
    x, y = depth.ravel().astype(np.float64), truth.ravel().astype(np.float64)
    spread = float(np.ptp(y))
    if spread == 0:
        return 0.0
    variance = float(x.var())
    scale = float(((x - x.mean()) * (y - y.mean())).mean() / variance) if variance > 0 else 0.0
    return float(np.abs(scale * (x - x.mean()) + y.mean() - y).mean() / spread)


def mean(values: list[float]) -> float:
    """The mean, 0 of nothing."""
    return float(np.mean(values)) if values else 0.0


def worst(values: list[float]) -> float:
    """The 95th percentile, 0 of nothing."""
    return float(np.percentile(values, WORST)) if values else 0.0
