"""Samples of a row between two of its pixels: of all pairs of neighbours at once, and single ones.

Luma lies on a curve that stays as sharp as the pixels are, chroma on a straight line.
"""

from __future__ import annotations

import numpy as np

from stereo_inference.compiled import compiled


@compiled
def blend_sharply(source: np.ndarray, weight: np.ndarray, width: int, out: np.ndarray) -> None:
    """The same by `cubic`, for luma: what lies between pixels stays as sharp as they are."""
    if width < 4:
        blend(source, weight, width, out)
        return
    blend(source[:2], weight, 2, out)
    blend(source[width - 2 :], weight[width - 2 :], 2, out[width - 2 :])
    before, first, second, after = source[: width - 3], source[1 : width - 2], source[2 : width - 1], source[3:]
    inner, share = out[1 : width - 2], weight[1 : width - 2]
    for x in range(width - 3):
        inner[x] = cubic(np.float32(before[x]), np.float32(first[x]), np.float32(second[x]), np.float32(after[x]), np.float32(share[x]))


@compiled
def blend(source: np.ndarray, weight: np.ndarray, width: int, out: np.ndarray) -> None:
    """Mix each pair of neighbours of a row of samples; the last one has none."""
    for x in range(width - 1):
        f = weight[x]
        out[x] = np.int32(np.int32(source[x]) * np.int32(256 - f) + np.int32(source[x + 1]) * f + 128) >> 8
    out[width - 1] = source[width - 1]


@compiled
def cubic(a: np.float32, b: np.float32, c: np.float32, d: np.float32, f: np.float32) -> np.int32:
    """Between b and c, at f of 256, on the Catmull-Rom spline through four samples; never beyond b and c, so that nothing rings.

    It is the straight line and, where the samples bend, f * (1 - f) / 2 times their bend: written so that the mirror image comes out
    the same to the last bit.
    """
    g = np.float32(256.0) - f
    bend = g * (b + b - a - c) + f * (c + c - b - d)
    value = (b * g + c * f) * np.float32(2.0**-8) + f * g * bend * np.float32(2.0**-25)
    return np.int32(min(max(value, min(b, c)), max(b, c)) + np.float32(0.5))


@compiled
def halve(weight: np.ndarray, columns: int, even: np.ndarray, odd: np.ndarray) -> None:
    """The same weights for chroma of half the width: `even[m]` of the luma pair 2m, 2m + 1, `odd[m]` of 2m + 1, 2m + 2."""
    for m in range(columns - 1):
        even[m] = weight[2 * m] >> 1
        odd[m] = np.int32(128 + (weight[2 * m + 1] >> 1))


@compiled
def sampled_sharply(source: np.ndarray, position: int, last: int) -> int:
    """The same by `cubic` where there are four samples around."""
    i = position >> 8
    if i < 1 or i + 2 > last:
        return sampled(source, position, last)
    before, first, second, after = source[i - 1], source[i], source[i + 1], source[i + 2]
    return int(cubic(np.float32(before), np.float32(first), np.float32(second), np.float32(after), np.float32(position & 255)))


@compiled
def sampled(source: np.ndarray, position: int, last: int) -> int:
    """A sample between two of a row."""
    i, f = position >> 8, position & 255
    return int(source[i] * (256 - f) + source[min(i + 1, last)] * f + 128) >> 8
