"""Anaglyphs: the colours of two views mixed into one picture, for glasses of two colours.

Mixed is linear light where a pair of glasses asks for it (see `anaglyph_colours`): pictures are linearised and
encoded again with a power of 2.2; HDR transfer curves are treated the same way, which keeps their code values' order
but is not colorimetric.
"""

from __future__ import annotations

from concurrent.futures import Executor, wait
from itertools import pairwise

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray

from stereo_inference.colour import luma_weights, yuv_to_rgb
from stereo_inference.compiled import compiled
from stereo_inference.packing.anaglyph_colours import Glasses
from stereo_inference.picture import Picture, PixelFormat, Plane
from stereo_spot_shared.manifest import Colour


def power_fit(exponent: float) -> NDArray[np.float32]:
    """Coefficients, lowest first, of a polynomial p with x * p(x) near x ** exponent on 0..1, for exponents from 1 to 4.

    Fitted at Chebyshev nodes. The error is below a tenth of a step of 10 bit; a power function proper is many times slower.
    """
    x = (1 - np.cos(np.pi * (np.arange(2000) + 0.5) / 2000)) / 2
    fit = Chebyshev.fit(x, x ** (exponent - 1), 6, domain=[0, 1], w=x + 0.02)
    return np.asarray(fit.convert(kind=Polynomial).coef, np.float32)


class Anaglyph:
    """Mixes two views of one pixel format and colour description into one picture, for one pair of glasses."""

    def __init__(
        self, glasses: Glasses, colour: Colour, pixel_format: PixelFormat, height: int,
        *, executor: Executor | None = None, threads: int = 1,
    ) -> None:  # fmt: skip
        to_rgb, offset = yuv_to_rgb(colour, pixel_format.bits, height)
        from_rgb = np.linalg.inv(to_rgb)
        self._to_rgb = np.column_stack([to_rgb, offset]).astype(np.float32)
        self._from_rgb = np.column_stack([from_rgb, -from_rgb @ offset]).astype(np.float32)
        self._left, self._right = glasses.mixing(luma_weights(colour, height))
        # From a coded value to what is mixed; and from the fourth root of that, since no polynomial would follow its steep beginning.
        self._linear, self._encoded = power_fit(glasses.gamma), power_fit(4 / glasses.gamma)
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
                self._to_rgb, self._from_rgb, self._left, self._right, self._linear, self._encoded, self._peak, first, end,
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
    columns = width >> sub_x
    wide = np.empty((4, width), np.float32)
    light = np.empty((6, width), np.float32)
    rgb = np.empty((3, width), np.float32)
    sums = np.empty((2, width), np.float32)
    share = np.float32(1.0 / (1 << (sub_x + sub_y)))
    for row in range(first, end):
        widen(left_u[row], columns, sub_x, wide[0])
        widen(left_v[row], columns, sub_x, wide[1])
        widen(right_u[row], columns, sub_x, wide[2])
        widen(right_v[row], columns, sub_x, wide[3])
        for x in range(width):
            sums[0, x] = np.float32(0.0)
            sums[1, x] = np.float32(0.0)
        for y in range(row << sub_y, (row + 1) << sub_y):
            for c in range(3):
                to_light(left_y[y], wide[0], wide[1], to_rgb[c], linear, light[c])
                to_light(right_y[y], wide[2], wide[3], to_rgb[c], linear, light[3 + c])
            for c in range(3):
                to_code(light, left_mix[c], right_mix[c], encoded, rgb[c])
            write(rgb, from_rgb[0], np.float32(peak), out_y[y])
            add(rgb, from_rgb[1], sums[0])
            add(rgb, from_rgb[2], sums[1])
        narrow(sums[0], columns, sub_x, share, np.float32(peak), out_u[row])
        narrow(sums[1], columns, sub_x, share, np.float32(peak), out_v[row])


@compiled
def widen(chroma: np.ndarray, columns: int, sub_x: int, out: np.ndarray) -> None:
    """A row of chroma with a sample for each luma sample."""
    for x in range(columns << sub_x):
        out[x] = np.float32(chroma[x >> sub_x])


@compiled
def to_light(y: np.ndarray, u: np.ndarray, v: np.ndarray, matrix: np.ndarray, fit: np.ndarray, out: np.ndarray) -> None:
    """One of red, green and blue of a row, as linear light."""
    from_y, from_u, from_v, offset = matrix[0], matrix[1], matrix[2], matrix[3]
    c0, c1, c2, c3, c4, c5, c6 = fit[0], fit[1], fit[2], fit[3], fit[4], fit[5], fit[6]
    for x in range(out.size):
        code = from_y * np.float32(y[x]) + from_u * u[x] + from_v * v[x] + offset
        code = min(max(code, np.float32(0.0)), np.float32(1.0))
        out[x] = code * (c0 + code * (c1 + code * (c2 + code * (c3 + code * (c4 + code * (c5 + code * c6))))))


@compiled
def to_code(light: np.ndarray, left: np.ndarray, right: np.ndarray, fit: np.ndarray, out: np.ndarray) -> None:
    """One of red, green and blue of the mixture of both eyes."""
    c0, c1, c2, c3, c4, c5, c6 = fit[0], fit[1], fit[2], fit[3], fit[4], fit[5], fit[6]
    a0, a1, a2, b0, b1, b2 = left[0], left[1], left[2], right[0], right[1], right[2]
    r0, g0, l0, r1, g1, l1 = light[0], light[1], light[2], light[3], light[4], light[5]
    for x in range(out.size):
        mixed = a0 * r0[x] + a1 * g0[x] + a2 * l0[x] + b0 * r1[x] + b1 * g1[x] + b2 * l1[x]
        root = np.sqrt(np.sqrt(min(max(mixed, np.float32(0.0)), np.float32(1.0))))
        out[x] = root * (c0 + root * (c1 + root * (c2 + root * (c3 + root * (c4 + root * (c5 + root * c6))))))


@compiled
def write(rgb: np.ndarray, matrix: np.ndarray, peak: np.float32, out: np.ndarray) -> None:
    """A row of luma."""
    red, green, blue, offset = matrix[0], matrix[1], matrix[2], matrix[3]
    r, g, b = rgb[0], rgb[1], rgb[2]
    for x in range(r.size):
        value = red * r[x] + green * g[x] + blue * b[x] + offset + np.float32(0.5)
        out[x] = np.int32(min(max(value, np.float32(0.0)), peak))


@compiled
def add(rgb: np.ndarray, matrix: np.ndarray, sums: np.ndarray) -> None:
    """Add a row to sums of a chroma plane."""
    red, green, blue, offset = matrix[0], matrix[1], matrix[2], matrix[3]
    r, g, b = rgb[0], rgb[1], rgb[2]
    for x in range(sums.size):
        sums[x] += red * r[x] + green * g[x] + blue * b[x] + offset


@compiled
def narrow(sums: np.ndarray, columns: int, sub_x: int, share: np.float32, peak: np.float32, out: np.ndarray) -> None:
    """A row of chroma: the mean over the luma samples that share it."""
    for x in range(columns):
        total = sums[2 * x] + sums[2 * x + 1] if sub_x else sums[x]
        out[x] = np.int32(min(max(total * share + np.float32(0.5), np.float32(0.0)), peak))
