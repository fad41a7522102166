"""Beside objects: their borders stay whole on a coarse depth map, and gaps are softened over rows and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from stereo_inference.picture import PIXEL_FORMATS, Picture

WIDTH, HEIGHT = 160, 24
OBJECT = slice(82, 98)
SHIFT = 8
"""Pixels by which each eye moves what has depth 1."""

DISPARITY = 100 * 2 * SHIFT / WIDTH


def before_rows(name: str, rows: np.ndarray) -> Picture:
    """A bright object before a background whose every row has one value, in all planes."""
    picture = Picture.empty(WIDTH, HEIGHT, PIXEL_FORMATS[name])
    form = picture.format
    for index, plane in enumerate(picture.planes):
        sub_x, sub_y = (form.sub_x, form.sub_y) if index else (0, 0)
        plane[:] = rows[:: 1 << sub_y, None]
        plane[:, OBJECT.start >> sub_x : OBJECT.stop >> sub_x] = (1 << form.bits) - 1
    return picture


def object_depth() -> np.ndarray:
    depth = np.zeros((HEIGHT, WIDTH), np.float32)
    depth[:, OBJECT] = 1
    return depth


@pytest.mark.parametrize("name", sorted(PIXEL_FORMATS))
def test_gaps_are_the_mean_of_nine_rows_of_background(render_views, name):
    generator = np.random.default_rng(1)
    picture = before_rows(name, generator.integers(0, 200, HEIGHT).astype(PIXEL_FORMATS[name].dtype))
    views = render_views(picture, object_depth(), max_disparity=DISPARITY, convergence=0.0)
    for view, columns in zip(
        views, (slice(OBJECT.start + 2, OBJECT.start + SHIFT - 2), slice(OBJECT.stop - 6, OBJECT.stop - 2)), strict=True
    ):
        for index in range(3):
            shift = view.format.sub_x if index else 0
            plane = view.cropped(index).astype(int)
            background = picture.cropped(index)[:, 0].astype(int)
            for y in range(len(background)):
                rows = background[max(0, y - 4) : y + 5]
                expected = (rows.sum() + len(rows) // 2) // len(rows)
                assert set(plane[y, columns.start >> shift : columns.stop >> shift]) == {expected}


@pytest.mark.parametrize("name", ["yuv444p", "yuv444p10le"])
def test_nothing_but_gaps_is_softened(render_views, name):
    generator = np.random.default_rng(2)
    picture = before_rows(name, generator.integers(0, 200, HEIGHT).astype(PIXEL_FORMATS[name].dtype))
    left, right = render_views(picture, object_depth(), max_disparity=DISPARITY, convergence=0.0)
    for view, gap in ((left, slice(OBJECT.start - 2, OBJECT.start + SHIFT + 1)), (right, slice(OBJECT.stop - SHIFT - 1, OBJECT.stop + 2))):
        outside = np.ones(WIDTH, bool)
        outside[gap] = False
        plane = view.cropped(0)
        peak = (1 << view.format.bits) - 1
        background = np.broadcast_to(picture.cropped(0)[:, :1], plane.shape)
        assert ((plane == peak) | (plane == background))[:, outside].all()


@pytest.mark.parametrize("start", range(36, 44))
def test_an_object_stays_whole_on_a_depth_map_of_a_quarter_of_the_width(render_views, start):
    """Wherever its borders lie between the columns of the depth map, no column of it is left behind or stretched."""
    picture = Picture.empty(WIDTH, HEIGHT, PIXEL_FORMATS["yuv444p"])
    for plane in picture.planes:
        plane[:] = 20
        plane[:, start : start + 20] = 100 + 5 * np.arange(20)
    depth = np.zeros((HEIGHT // 4, WIDTH // 4), np.float32)
    depth[:, round(start / 4) : round((start + 20) / 4)] = 1
    for view, moved in zip(render_views(picture, depth, max_disparity=DISPARITY, convergence=0.0), (SHIFT, -SHIFT), strict=True):
        row = view.cropped(0)[HEIGHT // 2].astype(int)
        assert list(row[start + moved : start + 20 + moved]) == list(100 + 5 * np.arange(20)), moved
