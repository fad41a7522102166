"""The warp's vectorised loops against the plain words of what they do, one pixel after the other."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.row_layout import STRETCH
from stereo_inference.stereo.warp import BOTH, warp_rows

FIXTURES_ARE_PURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
SIZES = st.tuples(st.integers(1, 80), st.integers(1, 6))
HALF = 4.0
CONVERGENCE = 0.5


def smooth_with_steps(width: int, height: int, seed: int) -> NDArray[np.float32]:
    """Depth as scenes have it: surfaces that slope, and steps between them."""
    generator = np.random.default_rng(seed)
    steps = (generator.random((height, width)) < 0.05) * generator.uniform(-1, 1, (height, width))
    slopes = generator.uniform(-0.02, 0.02, (height, 1))
    return np.clip(0.5 + np.cumsum(steps + slopes, axis=1), 0, 1).astype(np.float32)


def positions(shift: NDArray[np.int64], *, right: bool) -> list[int | None]:
    """The source position (1/256 pixel) that lands on each target pixel, by the definition in `warp`; None in a gap."""
    width = len(shift)
    if not right:  # the left eye is the right eye of the mirrored row
        mirrored = positions(shift[::-1], right=True)
        return [None if p is None else ((width - 1) << 8) - p for p in reversed(mirrored)]
    target = [(x << 8) - int(shift[x]) for x in range(width)]
    target.append(target[-1] + 256)
    landed: list[int | None] = [None] * width
    for x in range(width):
        a, b = target[x], target[x + 1]
        covered = range((a + 255) >> 8, (b + 255) >> 8)
        for t in covered if b - a <= STRETCH else (covered[0], covered[-1]):
            if 0 <= t < width:
                along = int(np.float32((t << 8) - a) * (np.float32(256) / np.float32(b - a)) + np.float32(0.5)) if x + 1 < width else 0
                landed[t] = (x << 8) + (along if b - a <= STRETCH else 0 if t == covered[0] else 256)
    return landed


def cubic(*samples: int) -> int:
    """Catmull-Rom between b and c, kept between them, in single precision as the kernel has it."""
    a, b, c, d, f = (np.float32(value) for value in samples)
    g = np.float32(256) - f
    bend = g * (b + b - a - c) + f * (c + c - b - d)
    value = (b * g + c * f) * np.float32(2.0**-8) + f * g * bend * np.float32(2.0**-25)
    return int(min(max(value, min(b, c)), max(b, c)) + np.float32(0.5))


def test_the_cubic_is_catmull_rom_to_a_step():
    generator = np.random.default_rng(1)
    for _ in range(500):
        a, b, c, d = (int(v) for v in generator.integers(0, 1024, 4))
        f = int(generator.integers(0, 257))
        t = f / 256
        true = b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
        assert abs(cubic(a, b, c, d, f) - min(max(true, min(b, c)), max(b, c))) <= 0.501


def sampled(row: NDArray[np.int64], landed: list[int | None], sub: int, *, right: bool, sharply: bool) -> list[int]:
    """One row of a plane at these positions, gaps filled from the background's side; luma by the cubic where it has four samples."""
    values: list[int | None] = []
    for t in range(0, len(landed), 1 << sub):
        position = landed[t]
        if position is None:
            values.append(None)
        else:
            i, f = position >> sub >> 8, position >> sub & 255
            if sharply and 1 <= i < len(row) - 2:
                values.append(cubic(*(int(row[k]) for k in range(i - 1, i + 3)), f))
            else:
                values.append((int(row[i]) * (256 - f) + int(row[min(i + 1, len(row) - 1)]) * f + 128) >> 8)
    carry = int(row[-1] if right else row[0])
    for x in reversed(range(len(values))) if right else range(len(values)):
        carry = values[x] = carry if (found := values[x]) is None else found
    return values  # type: ignore[return-value]


@FIXTURES_ARE_PURE
@given(size=SIZES, name=st.sampled_from(sorted(PIXEL_FORMATS)), seed=st.integers(0, 10_000), dilation=st.integers(0, 5))
def test_every_pixel_is_what_the_definition_says(random_picture, size, name, seed, dilation):
    width, height = size
    picture = random_picture(width, height, name, seed)
    depth = smooth_with_steps(width, height, seed)
    field = DepthField.plain(depth)
    views = tuple(Picture.empty(width, height, picture.format) for _ in range(2))
    holes, torn = (tuple(np.full(shape, 9, np.uint8) for _ in range(2)) for shape in ((height, width), height))
    form = picture.format
    warp_rows(
        *picture.planes, form.sub_x, form.sub_y,
        field.depth, field.depth, field.luma, field.steps, field.columns(width), 8.0, HALF, CONVERGENCE, dilation, BOTH,
        *views[0].planes, 0, 0, *views[1].planes, 0, 0, holes[0], torn[0], holes[1], torn[1], 0, height,
    )  # fmt: skip
    for row in range(height):
        shift = np.rint(np.float32(256 * HALF) * (depth[row] - np.float32(CONVERGENCE))).astype(np.int64)
        widened = np.array([shift[max(0, x - dilation) : x + dilation + 1].max() for x in range(width)])
        for right in (False, True):
            landed = positions(widened, right=right)
            for index in range(3):
                sub_x, sub_y = (form.sub_x, form.sub_y) if index else (0, 0)
                if row & sub_y == 0:
                    expected = sampled(
                        picture.cropped(index)[row >> sub_y].astype(np.int64), landed, sub_x, right=right, sharply=index == 0
                    )
                    assert list(views[right].cropped(index)[row >> sub_y]) == expected, (row, right, index)
            gaps = [position is None for position in landed]
            inside = [any(not g for g in gaps[:x]) and any(not g for g in gaps[x:]) for x in range(width)]
            expected = [int(g and i) for g, i in zip(gaps, inside, strict=True)]
            assert torn[right][row] == max(expected)
            assert not torn[right][row] or list(holes[right][row]) == expected
