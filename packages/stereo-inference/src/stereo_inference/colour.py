"""Between YUV and RGB: the matrices of ITU-T H.273, for the two places that need colours as red, green and blue.

Rendering itself stays in YUV; depth estimators look at small RGB pictures, and anaglyph mixes the eyes' colours.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_inference.picture import Picture, Plane
from stereo_spot_shared.manifest import Colour

LUMA_WEIGHTS = {
    0: (0.2126, 0.0722),
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
"""Weight of red and of blue in luma (Kr, Kb) by H.273 matrix coefficients."""

IDENTITY = 0
"""The matrix of pictures whose planes are green, blue and red themselves; they are full range, and grey has three equal samples."""

HD_HEIGHT = 720
"""From this height on, a picture that does not say is taken for BT.709, below it for BT.601, as players do."""


def luma_weights(colour: Colour, height: int) -> NDArray[np.float32]:
    """Weights (3,) of red, green and blue in luma.

    A matrix that is unspecified, or not of the usual kind (YCgCo, ICtCp), is guessed from the picture's height.
    """
    red, blue = LUMA_WEIGHTS.get(colour.matrix, LUMA_WEIGHTS[1 if height >= HD_HEIGHT else 6])
    return np.array([red, 1 - red - blue, blue], np.float32)


def yuv_to_rgb(colour: Colour, bits: int, height: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matrix (3, 3) and offset (3,) with rgb = matrix @ yuv + offset, from code values to 0..1; for the matrix see `luma_weights`."""
    if colour.matrix == IDENTITY:
        return np.eye(3)[[2, 0, 1]] / ((1 << bits) - 1), np.zeros(3)
    red, green, blue = luma_weights(colour, height).astype(np.float64)
    mix = np.array(
        [
            [1.0, 0.0, 2 * (1 - red)],
            [1.0, -2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
            [1.0, 2 * (1 - blue), 0.0],
        ]
    )
    black, white, neutral = grey_levels(colour, bits)
    luma = white - black
    chroma = luma if colour.full_range else 224 << (bits - 8)
    matrix = mix / np.array([luma, chroma, chroma])
    return matrix, -matrix @ np.array([black, neutral, neutral], np.float64)


def grey_levels(colour: Colour, bits: int) -> tuple[int, int, int]:
    """Code values of black and white in luma, and of no colour in chroma (of black, where chroma is a colour itself)."""
    if colour.matrix == IDENTITY:
        return 0, (1 << bits) - 1, 0
    step = 1 << (bits - 8)
    black, white = (0, (1 << bits) - 1) if colour.full_range else (16 * step, 235 * step)
    return black, white, 128 * step


def to_rgb(picture: Picture, colour: Colour) -> NDArray[np.uint8]:
    """The picture as RGB uint8 (height, width, 3), at its own size; HDR keeps its code values, and looks flat so."""
    return small_rgb(picture, picture.width, picture.height, colour)


def small_rgb(picture: Picture, width: int, height: int, colour: Colour) -> NDArray[np.uint8]:
    """The picture as RGB uint8 (height, width, 3), scaled down by averaging areas."""
    planes = [shrunk(picture.cropped(i), width, height).astype(np.float32) for i in range(3)]
    matrix, offset = yuv_to_rgb(colour, picture.format.bits, picture.height)
    affine = np.column_stack([matrix, offset]) * 255.0
    rgb = cv2.transform(cv2.merge(planes), affine)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def shrunk(plane: Plane, width: int, height: int) -> Plane:
    """A plane scaled to (height, width) by averaging areas: first by whole numbers, which is many times faster, then what is left."""
    columns, rows = (whole_step(there, here) for there, here in ((plane.shape[1], width), (plane.shape[0], height)))
    if columns * rows > 1:
        plane = cv2.resize(plane, (plane.shape[1] // columns, plane.shape[0] // rows), interpolation=cv2.INTER_AREA)
    return cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)


def whole_step(size: int, wanted: int) -> int:
    """The largest number that divides a side and leaves it no smaller than wanted; 1 where none does."""
    return next((step for step in range(size // wanted, 1, -1) if size % step == 0), 1)
