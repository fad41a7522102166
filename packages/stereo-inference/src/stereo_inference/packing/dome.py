"""VR180: each view as a flat screen that hangs in a half dome around the viewer.

A dome is an equirectangular picture of 180 by 180 degrees: columns are longitude, rows latitude, both from -90 to 90
degrees. The screen stands in front, `SCREEN_DEGREES` wide along its longer side; around it is black.
"""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_inference.colour import grey_levels
from stereo_inference.layouts import SCREEN_DEGREES, view_size
from stereo_inference.packing.arrangements import Arrangement, Size
from stereo_inference.picture import Picture, PixelFormat
from stereo_inference.stereo.views import Place
from stereo_spot_shared.manifest import Colour
from stereo_spot_shared.rendering import FramePacking

LARGEST_COORDINATE = 32_000.0
"""Beyond what OpenCV's maps of 16 bit hold nothing is seen of a picture anyway."""


ROWS_AT_ONCE = 128
"""Rows of a map that are made together: coordinates of a large dome would otherwise take ten times what the map takes."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Where in the screen's plane each pixel of a dome's plane looks, in OpenCV's fixed-point form."""

    whole: NDArray[Any]
    fraction: NDArray[Any]


class Domes(Arrangement):
    """Both views in domes, side by side."""

    def __init__(
        self, size: Size, pixel_format: PixelFormat, colour: Colour, aspect: Fraction,
        *, executor: Executor | None = None, threads: int = 1,
    ) -> None:  # fmt: skip
        self._dome = view_size(FramePacking.VR180, *size, pixel_format)
        self._views = Picture.empty(*size, pixel_format), Picture.empty(*size, pixel_format)
        luma = sampling(size, self._dome, aspect, size)
        chroma = sampling(pixel_format.chroma_size(*size), pixel_format.chroma_size(*self._dome), aspect, size)
        self._samplings = luma, chroma, chroma
        black, _, neutral = grey_levels(colour, pixel_format.bits)
        self._border = black, neutral, neutral
        self._executor = executor
        self._threads = threads

    def places(self, packed: Picture) -> tuple[Place, Place]:  # noqa: ARG002 - the views come to it later
        """Pictures that are kept from one packed picture to the next."""
        first, second = self._views
        return Place(first), Place(second)

    def finish(self, packed: Picture) -> None:
        """Hang each view into its dome."""
        for eye, view in enumerate(self._views):
            for index, (where, border) in enumerate(zip(self._samplings, self._border, strict=True)):
                source, columns = view.cropped(index), where.whole.shape[1]
                target = packed.cropped(index)[:, eye * columns : (eye + 1) * columns]

                def band(rows: slice, source: Any = source, where: Sampling = where, border: int = border, target: Any = target) -> None:
                    target[rows] = cv2.remap(
                        source, where.whole[rows], where.fraction[rows], cv2.INTER_LINEAR,
                        borderMode=cv2.BORDER_CONSTANT, borderValue=(border,),
                    )  # fmt: skip

                bounds = np.linspace(0, target.shape[0], self._threads + 1).astype(int)
                bands = [slice(int(a), int(b)) for a, b in pairwise(bounds)]
                list(self._executor.map(band, bands) if self._executor else map(band, bands))


def sampling(source: Size, target: Size, aspect: Fraction, picture: Size) -> Sampling:
    """Where each sample of a dome's plane of size `target` lies in a plane of size `source` of a `picture` with this pixel aspect."""
    columns, rows = target
    longitude = ((np.arange(columns) + 0.5) / columns - 0.5) * math.pi
    latitude = (0.5 - (np.arange(rows) + 0.5) / rows) * math.pi
    shown = picture[0] * float(aspect), float(picture[1])
    reach = math.tan(math.radians(SCREEN_DEGREES / 2))
    half_width, half_height = (reach * length / max(shown) for length in shown)
    # The screen is the plane at distance 1; the viewer looks at its middle.
    across = limited((np.tan(longitude) / half_width + 1) / 2 * source[0] - 0.5)
    whole, fraction = np.empty((rows, columns, 2), np.int16), np.empty((rows, columns), np.uint16)
    for first in range(0, rows, ROWS_AT_ONCE):
        part = slice(first, min(first + ROWS_AT_ONCE, rows))
        up = np.tan(latitude[part])[:, None] / np.cos(longitude)[None, :]
        down = limited((1 - up / half_height) / 2 * source[1] - 0.5)
        whole[part], fraction[part] = cv2.convertMaps(np.ascontiguousarray(np.broadcast_to(across, down.shape)), down, cv2.CV_16SC2)
    return Sampling(whole, fraction)


def limited(coordinates: NDArray[np.float64]) -> NDArray[np.float32]:
    """What OpenCV's maps hold."""
    return np.clip(coordinates, -LARGEST_COORDINATE, LARGEST_COORDINATE).astype(np.float32)
