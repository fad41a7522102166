"""Every layout, in every working format and at odd sizes, on the procedural scene: what it shows against the true eyes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from stereo_inference.colour import yuv_to_rgb
from stereo_inference.layouts import packed_size
from stereo_inference.packing import packer_for
from stereo_inference.packing.anaglyph_colours import GLASSES
from stereo_inference.packing.dome import Domes
from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.screen import Screen
from stereo_spot_media.scene import Scene
from stereo_spot_shared.manifest import Colour
from stereo_spot_shared.rendering import Eye, FramePacking, RenderParams

Floats = NDArray[np.float64]
COLOUR = Colour(matrix=6)
FRAME = 40
DISPARITY = 3.0
SIZES = [(320, 180), (321, 181)]
RIGHT_FIRST = {"eye_swap": True}
CASES = [
    *((layout, {}) for layout in FramePacking),
    *((layout, RIGHT_FIRST) for layout in FramePacking if layout not in ("rgbd", "depth", "cross-eyed", "separate")),
]


def quality(found: Floats, true: Floats, peak: float) -> float:
    return float(-10 * np.log10((((found - true) / peak) ** 2).mean() + 1e-10))


def in_rgb(picture: Picture) -> Floats:
    """0..1 (height, width, 3), chroma repeated."""
    form = picture.format
    full = [picture.cropped(0)] + [
        plane.repeat(1 << form.sub_y, 0).repeat(1 << form.sub_x, 1)[: picture.height, : picture.width]
        for plane in (picture.cropped(1), picture.cropped(2))
    ]
    matrix, offset = yuv_to_rgb(COLOUR, form.bits, picture.height)
    return np.stack(full, -1) @ matrix.T + offset


def halves(plane: NDArray[np.uint8], axis: int) -> tuple[Floats, Floats]:
    first, second = np.split(plane.astype(float), 2, axis)
    return first, second


def padded_to(plane: NDArray[np.uint8], rows: int, columns: int) -> Floats:
    return np.pad(plane.astype(float), ((0, rows - plane.shape[0]), (0, columns - plane.shape[1])), mode="edge")


def seen(layout: FramePacking, packed: Picture, first: Picture, second: Picture) -> list[tuple[Floats, Floats]]:
    """Pairs of what the luma of `packed` shows of a view, and what it should show by the true views."""
    luma, views = packed.cropped(0), [view.cropped(0) for view in (first, second)]
    rows, columns = views[0].shape
    if layout in ("full-sbs", "cross-eyed", "full-tb", "separate"):
        shown = halves(luma, 0 if layout == "full-tb" else 1)
        return [(half[:rows, :columns], view.astype(float)) for half, view in zip(shown, views, strict=True)]
    if layout == "half-sbs":
        wide = [padded_to(view, *luma.shape) for view in views]
        return [(half, (view[:, ::2] + view[:, 1::2]) / 2) for half, view in zip(halves(luma, 1), wide, strict=True)]
    if layout == "half-tb":
        high = [padded_to(view, *luma.shape) for view in views]
        return [(half, (view[::2] + view[1::2]) / 2) for half, view in zip(halves(luma, 0), high, strict=True)]
    if layout == "rows":
        return [(luma[eye:rows:2, :columns].astype(float), views[eye][eye::2].astype(float)) for eye in (0, 1)]
    assert layout == "vr180"
    return [(on_screen(dome, columns, rows), views[eye].astype(float)) for eye, dome in enumerate(halves(luma, 1))]


def on_screen(dome: Floats, columns: int, rows: int) -> Floats:
    """The picture that hangs 100 degrees wide in an equirectangular half dome, by projecting each of its pixels to where it is seen."""
    side = dome.shape[0]
    reach = math.tan(math.radians(50))
    x = ((np.arange(columns) + 0.5) / columns * 2 - 1) * reach
    y = (1 - (np.arange(rows) + 0.5) / rows * 2) * reach * rows / columns
    across, up = np.meshgrid(x, y)
    longitude, latitude = np.arctan2(across, 1), np.arctan2(up, np.hypot(across, 1))
    column = (longitude / math.pi + 0.5) * side - 0.5
    row = (0.5 - latitude / math.pi) * side - 0.5
    left, top = np.floor(column).astype(int), np.floor(row).astype(int)
    right, down = column - left, row - top
    above = dome[top, left] * (1 - right) + dome[top, left + 1] * right
    below = dome[top + 1, left] * (1 - right) + dome[top + 1, left + 1] * right
    return above * (1 - down) + below * down


@pytest.mark.parametrize(("layout", "options"), CASES, ids=lambda value: "swapped" if value == RIGHT_FIRST else str(value or ""))
@pytest.mark.parametrize(("name", "size"), list(itertools.product(sorted(PIXEL_FORMATS), SIZES)), ids=str)
def test_each_eye_sees_what_a_camera_there_would_see(
    from_rgb: Callable[..., Picture], layout: FramePacking, options: dict[str, bool], name: str, size: tuple[int, int]
) -> None:
    scene = Scene(*size)
    params = RenderParams(layout=layout, max_disparity=DISPARITY, **options)
    picture = from_rgb(scene.picture(FRAME), name)
    eyes = [from_rgb(scene.picture(FRAME, eye=eye, max_disparity=DISPARITY), name) for eye in (-0.5, 0.5)]
    depth = scene.depth(FRAME)
    packed = Picture.empty(*packed_size(layout, *size, picture.format), picture.format)
    packer_for(params, *size, picture.format, COLOUR).pack(picture, DepthField.plain(depth), Screen(0.5), packed)
    peak = (1 << picture.format.bits) - 1
    if layout in GLASSES:
        glasses = GLASSES[layout]
        mixes = glasses.mixing(np.array([0.299, 0.587, 0.114], np.float32))
        order = eyes[::-1] if options else eyes
        light = sum(in_rgb(view).clip(0, 1) ** glasses.gamma @ mix.T for view, mix in zip(order, mixes, strict=True))
        expected = light.clip(0, 1) ** (1 / glasses.gamma)
        assert quality(in_rgb(packed).clip(0, 1)[: size[1], : size[0]], expected, 1.0) > 22
    elif layout in ("rgbd", "depth"):
        shown = packed.cropped(0)[: size[1]] / (1 << (picture.format.bits - 8))
        beside = packed.width // 2 if layout == "rgbd" else 0
        assert np.abs((shown[:, beside : beside + size[0]] - 16) / 219 - depth).max() < 0.01
        assert all((packed.cropped(i)[:, beside >> picture.format.sub_x :] == 128 << (picture.format.bits - 8)).all() for i in (1, 2))
        if beside:
            assert np.array_equal(packed.cropped(0)[: size[1], : size[0]], picture.cropped(0))
    else:
        right_first = bool(options) or layout == "cross-eyed"
        first, second = eyes[::-1] if right_first else eyes
        own, other = seen(layout, packed, first, second), seen(layout, packed, second, first)
        for (found, true), (_, false) in zip(own, other, strict=True):
            assert quality(found, true, peak) > max(28, quality(found, false, peak) + 4)


@given(
    layout=st.sampled_from(sorted(FramePacking)),
    keep_eye=st.sampled_from([None, *Eye]),
    eye_swap=st.booleans(),
    name=st.sampled_from(sorted(PIXEL_FORMATS)),
    width=st.integers(1, 40),
    height=st.integers(1, 24),
)
def test_every_combination_renders_or_is_refused_with_a_sentence(layout, keep_eye, eye_swap, name, width, height):
    plain = layout in ("rgbd", "depth")
    if (plain and (keep_eye or eye_swap)) or (layout in ("cross-eyed", "separate") and eye_swap):
        with pytest.raises(ValidationError, match=r"no views of two eyes|ask for that layout|nothing to swap"):
            RenderParams(layout=layout, keep_eye=keep_eye, eye_swap=eye_swap)
        return
    params = RenderParams(layout=layout, keep_eye=keep_eye, eye_swap=eye_swap)
    form = PIXEL_FORMATS[name]
    picture, packed = Picture.empty(width, height, form), Picture.empty(*packed_size(params.layout, width, height, form), form)
    for plane, level in zip((*picture.planes, *packed.planes), (100, 120, 136, 255, 255, 255), strict=True):
        plane[:] = level << (form.bits - 8)
    packer_for(params, width, height, form, COLOUR).pack(picture, DepthField.plain(np.full((3, 4), 0.5, np.float32)), Screen(0.5), packed)
    assert all((plane < 255 << (form.bits - 8)).all() for plane in packed.planes)  # nothing is left as it was


@pytest.mark.parametrize("name", ["yuv420p", "yuv444p10le"])
def test_a_dome_shows_pixels_that_are_not_square_in_their_true_shape(from_rgb: Callable[..., Picture], name: str) -> None:
    """The same scene in pixels twice as wide as high: half as many columns, and the same dome."""
    wide = from_rgb(Scene(320, 160).picture(FRAME), name)
    squeezed = from_rgb(np.ascontiguousarray(Scene(320, 160).picture(FRAME)[:, ::2]), name)
    domes = []
    for picture, aspect in ((wide, Fraction(1)), (squeezed, Fraction(2))):
        arrangement = Domes((picture.width, picture.height), picture.format, COLOUR, aspect)
        for place in arrangement.places(picture):
            picture.copy_to(place.picture)
        packed = Picture.empty(*packed_size(FramePacking.VR180, picture.width, picture.height, picture.format), picture.format)
        arrangement.finish(packed)
        domes.append(on_screen(packed.cropped(0)[:, : packed.width // 2].astype(float), 160, 80))
    assert quality(domes[0], domes[1], (1 << wide.format.bits) - 1) > 27
