"""An estimator that knows the truth, but for moods: what steadiness is worth, without any model."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_spot_media.scene import Scene, read_frame_number

SCALE, SHIFT, PATCHES = 0.05, 0.03, 0.03
"""Standard deviations of its moods, as shares of the range: from picture to picture, and within one in patches."""

PATCHES_ACROSS = 60


class MoodyTruth:
    """The depth of a scene's pictures, each time on another scale and with noise in patches.

    It reads the number that each picture of the scene carries, as a model reads its content.
    """

    name = "truth with moods"
    absolute = False
    batch = 1

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def working_size(self, width: int, height: int, pixels: int) -> tuple[int, int]:
        """See `DepthEstimator`; as a model with patches of 14 pixels."""
        scale = min(1.0, (pixels / (width * height)) ** 0.5)
        return max(1, round(width * scale / 14)) * 14, max(1, round(height * scale / 14)) * 14

    def estimate(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `DepthEstimator`."""
        return np.stack([self._one(picture) for picture in rgb])

    def _one(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        number = read_frame_number(rgb) or 0
        height, width = rgb.shape[:2]
        scene = Scene(width, height, self._scene.rate, self._scene.seed, self._scene.cut_frames)
        generator = np.random.default_rng(number)
        patches = cv2.GaussianBlur(generator.standard_normal((height, width)).astype(np.float32), (0, 0), width / PATCHES_ACROSS)
        depth = cv2.GaussianBlur(scene.depth(number), (0, 0), 1.0) + PATCHES * patches / patches.std()
        mood, offset = np.exp(SCALE * generator.standard_normal()), SHIFT * generator.standard_normal()
        return np.asarray(depth * mood + offset, np.float32)
