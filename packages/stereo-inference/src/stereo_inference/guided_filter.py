"""The guided filter: smoothing a map along the edges of a picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def guided_coefficients(values: Floats, guide: Floats, radius: int, epsilon: float) -> tuple[Floats, Floats]:
    """Gain and offset, both (h, w), with filtered = gain * guide + offset.

    In every window of 2 * radius + 1 pixels `values` is fitted as a linear function of `guide`, and the fits that
    cover a pixel are averaged (He, Sun and Tang, "Guided Image Filtering", ECCV 2010). `epsilon` is the variance of
    the guide below which it counts as flat. Gain and offset may be interpolated to the guide's full resolution and
    applied there (He and Sun, "Fast Guided Filter", arXiv:1505.00996).
    """
    mean_guide = box_mean(guide, radius)
    mean_values = box_mean(values, radius)
    covariance = box_mean(guide * values, radius) - mean_guide * mean_values
    variance = box_mean(guide * guide, radius) - mean_guide * mean_guide
    gain = covariance / (variance + np.float32(epsilon))
    offset = mean_values - gain * mean_guide
    return box_mean(gain, radius), box_mean(offset, radius)


def box_mean(values: NDArray[np.floating], radius: int) -> Floats:
    """The mean over a square of 2 * radius + 1 pixels."""
    size = (2 * radius + 1, 2 * radius + 1)
    return np.asarray(cv2.blur(values, size, borderType=cv2.BORDER_REFLECT), np.float32)
