"""Layouts: size, place, padding and squeezing, in every working format."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo_inference.layouts import packed_size
from stereo_inference.packing import Packer
from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_spot_shared.manifest import Colour
from stereo_spot_shared.rendering import FramePacking

LAYOUTS = [layout for layout in FramePacking if layout is not FramePacking.ANAGLYPH]
SIZES = [(64, 48), (63, 47), (66, 50), (1, 1)]


def packed(layout: FramePacking, left: Picture, right: Picture) -> Picture:
    """Both views through a `Packer`."""
    width, height, form = left.width, left.height, left.format
    packer = Packer(layout, width, height, form, Colour())
    out = Picture.empty(*packed_size(layout, width, height, form), form)
    for plane in out.planes:
        plane[:] = 0
    for place, view in zip(packer.places(out), (left, right), strict=True):
        for index, plane in enumerate(place.picture.planes):
            source = view.cropped(index)
            top, first = (place.top >> form.sub_y, place.left >> form.sub_x) if index else (place.top, place.left)
            plane[top : top + source.shape[0], first : first + source.shape[1]] = source
    packer.finish(out)
    return out


def halves(layout: FramePacking, out: Picture, index: int) -> list[np.ndarray]:
    return np.split(out.cropped(index), 2, axis=1 if layout in (FramePacking.FULL_SBS, FramePacking.HALF_SBS) else 0)


@given(
    layout=st.sampled_from(list(FramePacking)),
    name=st.sampled_from(sorted(PIXEL_FORMATS)),
    width=st.integers(1, 5000),
    height=st.integers(1, 5000),
)
def test_sizes_hold_whole_chroma_samples_of_both_views_and_pad_as_little_as_they_can(layout, name, width, height):
    form = PIXEL_FORMATS[name]
    columns, rows = packed_size(layout, width, height, form)
    views = {FramePacking.FULL_SBS: (2, 1), FramePacking.FULL_TB: (1, 2)}.get(layout, (1, 1))
    assert 0 <= columns - views[0] * width < 4 * views[0]
    assert 0 <= rows - views[1] * height < 4 * views[1]
    across = 2 if layout in (FramePacking.FULL_SBS, FramePacking.HALF_SBS) else 1
    down = 2 if layout in (FramePacking.FULL_TB, FramePacking.HALF_TB) else 1
    assert columns % (across << form.sub_x) == 0
    assert rows % (down << form.sub_y) == 0


@pytest.mark.parametrize(
    ("layout", "size"),
    [
        ("full-sbs", (3840, 1080)),
        ("half-sbs", (1920, 1080)),
        ("full-tb", (1920, 2160)),
        ("half-tb", (1920, 1080)),
        ("anaglyph", (1920, 1080)),
    ],
)
def test_full_hd_in_every_layout(layout, size):
    assert packed_size(FramePacking(layout), 1920, 1080, PIXEL_FORMATS["yuv420p"]) == size


@pytest.mark.parametrize(("layout", "name", "size"), list(itertools.product(LAYOUTS, sorted(PIXEL_FORMATS), SIZES)))
def test_flat_views_stay_flat_on_their_side(random_picture, layout, name, size):
    """Padding, squeezing and placing mix nothing of one view into the other, and leave nothing unwritten."""
    left, right = random_picture(*size, name), random_picture(*size, name)
    for view, value in ((left, 50), (right, 200)):
        for index, plane in enumerate(view.planes):
            plane[:] = value + index
    out = packed(layout, left, right)
    for index in range(3):
        first, second = halves(layout, out, index)
        assert (first == 50 + index).all()
        assert (second == 200 + index).all()


@pytest.mark.parametrize(("name", "size"), list(itertools.product(sorted(PIXEL_FORMATS), SIZES)))
@pytest.mark.parametrize("layout", [FramePacking.FULL_SBS, FramePacking.FULL_TB])
def test_full_layouts_hold_both_views_as_they_are_with_their_last_column_and_row_repeated(random_picture, layout, name, size):
    views = random_picture(*size, name, 1), random_picture(*size, name, 2)
    out = packed(layout, *views)
    for index in range(3):
        for half, view in zip(halves(layout, out, index), views, strict=True):
            source = view.cropped(index)
            rows = np.minimum(np.arange(half.shape[0]), source.shape[0] - 1)
            columns = np.minimum(np.arange(half.shape[1]), source.shape[1] - 1)
            assert np.array_equal(half, source[np.ix_(rows, columns)])


@pytest.mark.parametrize("name", sorted(PIXEL_FORMATS))
@pytest.mark.parametrize("layout", [FramePacking.HALF_SBS, FramePacking.HALF_TB])
def test_half_layouts_average_neighbouring_pixels(random_picture, layout, name):
    views = random_picture(64, 48, name, 1), random_picture(64, 48, name, 2)
    out = packed(layout, *views)
    for index in range(3):
        for half, view in zip(halves(layout, out, index), views, strict=True):
            source = view.cropped(index).astype(int)
            pairs = (source[:, ::2], source[:, 1::2]) if layout is FramePacking.HALF_SBS else (source[::2], source[1::2])
            assert np.abs(half - sum(pairs) / 2).max() <= 0.5
