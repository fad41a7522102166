"""Red-cyan anaglyph by Dubois' least-squares projection.

The matrices are those that Eric Dubois publishes for red-cyan glasses before a CRT or plasma display
("Conversion of a Stereo Pair to Anaglyph with the Least-Squares Projection Method", 2009; the method: "A projection
method to generate anaglyph stereo images", ICASSP 2001). They apply to linear light, so pictures are linearised and
encoded again with a power of 2.2; HDR transfer curves are treated the same way, which keeps their code values' order
but is not colorimetric.
"""

from __future__ import annotations

from concurrent.futures import Executor, wait
from itertools import pairwise

import numpy as np

from stereo_inference.colour import yuv_to_rgb
from stereo_inference.compiled import compiled
from stereo_inference.picture import Picture, PixelFormat, Plane
from stereo_spot_shared.manifest import Colour

LEFT = np.array([[0.437, 0.449, 0.164], [-0.062, -0.062, -0.024], [-0.048, -0.050, -0.017]], np.float32)
RIGHT = np.array([[-0.011, -0.032, -0.007], [0.377, 0.761, 0.009], [-0.026, -0.093, 1.234]], np.float32)
GAMMA = 2.2

TABLE = 4096
"""Steps of the tables that stand for the power function: finer than 10 bit."""


class Anaglyph:
    """Mixes two views of one pixel format and colour description into one picture."""

    def __init__(
        self, colour: Colour, pixel_format: PixelFormat, height: int, *, executor: Executor | None = None, threads: int = 1
    ) -> None:
        to_rgb, offset = yuv_to_rgb(colour, pixel_format.bits, height)
        from_rgb = np.linalg.inv(to_rgb)
        self._to_rgb = np.column_stack([to_rgb, offset]).astype(np.float32)
        self._from_rgb = np.column_stack([from_rgb, -from_rgb @ offset]).astype(np.float32)
        steps = np.arange(TABLE) / (TABLE - 1)
        self._linear = (steps**GAMMA).astype(np.float32)
        # Indexed by the square root of linear light: a table over linear light itself would be coarse in the dark.
        self._encoded = (steps ** (2 / GAMMA)).astype(np.float32)
        self._peak = (1 << pixel_format.bits) - 1
        self._executor = executor
        self._threads = threads

    def mix(self, left: Picture, right: Picture, out: Picture) -> None:
        """Write the anaglyph of two views to `out`; all three have the same size and format."""
        form = out.format
        blocks = out.height >> form.sub_y
        bounds = np.linspace(0, blocks, self._threads + 1).astype(int)

        def band(first: int, end: int) -> None:
            mix_rows(
                *left.planes, *right.planes, *out.planes, out.width, form.sub_x, form.sub_y,
                self._to_rgb, self._from_rgb, LEFT, RIGHT, self._linear, self._encoded, self._peak, first, end,
            )  # fmt: skip

        if self._executor is None:
            band(0, blocks)
            return
        futures = [self._executor.submit(band, int(a), int(b)) for a, b in pairwise(bounds)]
        wait(futures)
        for future in futures:
            future.result()


@compiled
def mix_rows(
    left_y: Plane, left_u: Plane, left_v: Plane, right_y: Plane, right_u: Plane, right_v: Plane,
    out_y: Plane, out_u: Plane, out_v: Plane, width: int, sub_x: int, sub_y: int,
    to_rgb: np.ndarray, from_rgb: np.ndarray, left_mix: np.ndarray, right_mix: np.ndarray,
    linear: np.ndarray, encoded: np.ndarray, peak: int, first: int, end: int,
) -> None:  # fmt: skip
    """Mix the chroma rows `[first, end)` and the luma rows that belong to them; width and height hold whole samples."""
    light = np.empty(6, np.float32)
    rgb = np.empty(3, np.float32)
    share = np.float32(1.0 / (1 << (sub_x + sub_y)))
    top = np.float32(TABLE - 1)
    for row in range(first, end):
        for column in range(width >> sub_x):
            u = np.float32(0.0)
            v = np.float32(0.0)
            for y in range(row << sub_y, (row + 1) << sub_y):
                for x in range(column << sub_x, (column + 1) << sub_x):
                    for c in range(3):
                        a = (
                            to_rgb[c, 0] * left_y[y, x] + to_rgb[c, 1] * left_u[row, column]
                            + to_rgb[c, 2] * left_v[row, column] + to_rgb[c, 3]
                        )  # fmt: skip
                        b = (
                            to_rgb[c, 0] * right_y[y, x] + to_rgb[c, 1] * right_u[row, column]
                            + to_rgb[c, 2] * right_v[row, column] + to_rgb[c, 3]
                        )  # fmt: skip
                        light[c] = linear[int(min(max(a, np.float32(0.0)), np.float32(1.0)) * top + np.float32(0.5))]
                        light[3 + c] = linear[int(min(max(b, np.float32(0.0)), np.float32(1.0)) * top + np.float32(0.5))]
                    for c in range(3):
                        mixed = np.float32(0.0)
                        for k in range(3):
                            mixed += left_mix[c, k] * light[k] + right_mix[c, k] * light[3 + k]
                        mixed = min(max(mixed, np.float32(0.0)), np.float32(1.0))
                        rgb[c] = encoded[int(np.sqrt(mixed) * top + np.float32(0.5))]
                    luma = from_rgb[0, 0] * rgb[0] + from_rgb[0, 1] * rgb[1] + from_rgb[0, 2] * rgb[2] + from_rgb[0, 3]
                    out_y[y, x] = int(min(max(luma + np.float32(0.5), np.float32(0.0)), np.float32(peak)))
                    u += from_rgb[1, 0] * rgb[0] + from_rgb[1, 1] * rgb[1] + from_rgb[1, 2] * rgb[2] + from_rgb[1, 3]
                    v += from_rgb[2, 0] * rgb[0] + from_rgb[2, 1] * rgb[1] + from_rgb[2, 2] * rgb[2] + from_rgb[2, 3]
            out_u[row, column] = int(min(max(u * share + np.float32(0.5), np.float32(0.0)), np.float32(peak)))
            out_v[row, column] = int(min(max(v * share + np.float32(0.5), np.float32(0.0)), np.float32(peak)))
