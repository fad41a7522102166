"""Layouts: size, place, padding and squeezing, in every working format."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo_inference.layouts import packed_size
from stereo_inference.packing.arrangements import InPlace, Rows, Squeezed
from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_spot_shared.rendering import FramePacking

ARRANGEMENTS = {
    FramePacking.FULL_SBS: InPlace,
    FramePacking.HALF_SBS: Squeezed,
    FramePacking.FULL_TB: InPlace,
    FramePacking.HALF_TB: Squeezed,
    FramePacking.CROSS_EYED: InPlace,
    FramePacking.SEPARATE: InPlace,
}
BESIDE = (FramePacking.FULL_SBS, FramePacking.HALF_SBS, FramePacking.CROSS_EYED, FramePacking.SEPARATE)
SIZES = [(64, 48), (63, 47), (66, 50), (1, 1)]


def packed(layout: FramePacking, first: Picture, second: Picture) -> Picture:
    """Both views through an arrangement."""
    form = first.format
    arrangement = ARRANGEMENTS.get(layout, Rows)(layout, (first.width, first.height), form)
    out = Picture.empty(*packed_size(layout, first.width, first.height, form), form)
    for plane in out.planes:
        plane[:] = 0
    for place, view in zip(arrangement.places(out), (first, second), strict=True):
        view.copy_to(place.picture, place.top, place.left)
    arrangement.finish(out)
    return out


def halves(layout: FramePacking, out: Picture, index: int) -> list[np.ndarray]:
    return np.split(out.cropped(index), 2, axis=1 if layout in BESIDE else 0)


FULL = {FramePacking.FULL_SBS: (2, 1), FramePacking.CROSS_EYED: (2, 1), FramePacking.RGBD: (2, 1), FramePacking.FULL_TB: (1, 2)} | {
    FramePacking.SEPARATE: (2, 1)
}
SHARED = {FramePacking.HALF_SBS: (2, 1), FramePacking.HALF_TB: (1, 2)}


@given(
    layout=st.sampled_from([layout for layout in FramePacking if layout is not FramePacking.VR180]),
    name=st.sampled_from(sorted(PIXEL_FORMATS)),
    width=st.integers(1, 5000),
    height=st.integers(1, 5000),
)
def test_sizes_hold_whole_chroma_samples_of_both_views_and_pad_as_little_as_they_can(layout, name, width, height):
    form = PIXEL_FORMATS[name]
    columns, rows = packed_size(layout, width, height, form)
    across, down = FULL.get(layout, (1, 1))
    assert 0 <= columns - across * width < 4 * across
    assert 0 <= rows - down * height < 4 * down
    across, down = FULL.get(layout, SHARED.get(layout, (1, 1)))
    assert columns % (across << form.sub_x) == 0
    assert rows % (down << form.sub_y) == 0


@given(name=st.sampled_from(sorted(PIXEL_FORMATS)), width=st.integers(1, 8000), height=st.integers(1, 8000))
def test_domes_are_square_keep_the_middle_of_the_picture_sharp_and_are_never_wider_than_headsets_decode(name, width, height):
    columns, rows = packed_size(FramePacking.VR180, width, height, PIXEL_FORMATS[name])
    assert columns == 2 * rows
    assert rows % 16 == 0
    per_radian = rows / np.pi  # in the middle of the dome; the picture's is half its width by the tangent of half its angle
    assert per_radian >= max(width, height) / 2 / np.tan(np.radians(50)) or rows == 4096
    assert rows <= 4096


@pytest.mark.parametrize(
    ("layout", "size"),
    [
        ("full-sbs", (3840, 1080)),
        ("half-sbs", (1920, 1080)),
        ("full-tb", (1920, 2160)),
        ("half-tb", (1920, 1080)),
        ("anaglyph", (1920, 1080)),
        ("cross-eyed", (3840, 1080)),
        ("rows", (1920, 1080)),
        ("rgbd", (3840, 1080)),
        ("depth", (1920, 1080)),
        ("vr180", (5088, 2544)),
    ],
)
def test_full_hd_in_every_layout(layout, size):
    assert packed_size(FramePacking(layout), 1920, 1080, PIXEL_FORMATS["yuv420p"]) == size


@pytest.mark.parametrize(("layout", "name", "size"), list(itertools.product(ARRANGEMENTS, sorted(PIXEL_FORMATS), SIZES)))
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


@pytest.mark.parametrize(("name", "size"), list(itertools.product(sorted(PIXEL_FORMATS), SIZES)))
def test_rows_are_taken_in_turn_and_chroma_that_two_of_them_share_is_the_mean(random_picture, name, size):
    first, second = random_picture(*size, name, 1), random_picture(*size, name, 2)
    out = packed(FramePacking.ROWS, first, second)
    for index in range(3):
        found, views = out.cropped(index), [view.cropped(index) for view in (first, second)]
        for row in range(size[1] if index == 0 or not out.format.sub_y else views[0].shape[0]):
            if index and out.format.sub_y:
                assert np.abs(found[row, : views[0].shape[1]] - (views[0][row].astype(int) + views[1][row]) / 2).max() <= 0.5
            else:
                assert np.array_equal(found[row, : views[0].shape[1]], views[row % 2][row])
