"""What learned models have in common, whatever runs them: what they are shown, and what of their answers can be used."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_inference.depth.catalogue import Preparation
from stereo_spot_shared.errors import ModelUnsuitable

Floats = NDArray[np.float32]
Answer = NDArray[np.generic]

LEAST_SPREAD = 1e-5
"""A trial picture's depth must vary by this share of its size at least."""

TRIAL_SIDE = 224
"""About the side of the trial picture, where the model leaves it open."""


def working_size(width: int, height: int, pixels: int, preparation: Preparation) -> tuple[int, int]:
    """A size of about so many pixels in the shape of the picture, no larger, in multiples that the model takes; or its only size."""
    if preparation.size is not None:
        return preparation.size
    scale = min(1.0, math.sqrt(pixels / (width * height)))
    step = preparation.multiple
    columns, rows = (max(1, round(side * scale / step)) * step for side in (width, height))
    return columns, rows


def prepared(rgb: NDArray[np.uint8], preparation: Preparation) -> Floats:
    """What a model is shown, float32 (N, 3, h, w), of RGB pictures uint8 (N, h, w, 3)."""
    std = np.asarray(preparation.std, np.float32)
    scaled = rgb.astype(np.float32) * (np.float32(1 / 255) / std) - np.asarray(preparation.mean, np.float32) / std
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def as_depth(answer: Answer, count: int, width: int, height: int, model: str) -> Floats:
    """A model's answer as float32 (N, h, w) at the size that it was shown. ModelUnsuitable where it is no depth of N pictures."""
    shape = answer.shape
    if answer.ndim == 4 and shape[1] == 1:
        answer = answer[:, 0]
    if answer.ndim != 3 or answer.shape[0] != count or 0 in answer.shape:
        raise ModelUnsuitable(
            f"The depth model {model} answers with an array of shape {shape}, which is no depth of {count} picture(s).",
            hint="It must give one map for each picture: (N, H, W) or (N, 1, H, W).",
        )
    if not np.issubdtype(answer.dtype, np.floating):
        raise ModelUnsuitable(f"The depth model {model} answers in {answer.dtype}, not in floating-point numbers.")
    depth = answer.astype(np.float32)
    if not np.isfinite(depth).all():
        raise ModelUnsuitable(f"The depth model {model} gives depth that is not a number.", hint="Its file may be damaged; choose another.")
    if depth.shape[1:] != (height, width):
        depth = np.stack([cv2.resize(each, (width, height), interpolation=cv2.INTER_LINEAR) for each in depth])
    return depth


def try_out(estimate: Callable[[NDArray[np.uint8]], Floats], width: int, height: int, model: str) -> None:
    """Have a model look at a picture of this size with a sky, a ground and a thing on it. ModelUnsuitable where it sees nothing at all."""
    rgb = np.empty((1, height, width, 3), np.uint8)
    rgb[0] = np.linspace(220, 60, height)[:, None, None] + np.linspace(-20, 20, width)[None, :, None]
    rgb[0, height // 2 :, width // 3 : 2 * width // 3] = (180, 60, 40)
    depth = estimate(rgb)
    if float(np.ptp(depth)) <= LEAST_SPREAD * max(1e-6, float(np.abs(depth).max())):
        raise ModelUnsuitable(
            f"The depth model {model} sees the same depth everywhere in a picture that has some.", hint="Its file may be damaged."
        )
