"""Beside objects: their borders stay whole on a coarse depth map, and gaps are softened over rows and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.fill import OWN, REACHES, soften_holes

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
def test_gaps_are_the_mean_of_more_rows_the_further_they_lie_from_the_background(render_views, name):
    generator = np.random.default_rng(1)
    picture = before_rows(name, generator.integers(0, 200, HEIGHT).astype(PIXEL_FORMATS[name].dtype))
    views = render_views(picture, object_depth(), max_disparity=DISPARITY, convergence=0.0)
    # Background and object each reach one pixel further than their own: a gap is SHIFT - 1 wide.
    for view, column, inwards in zip(views, (OBJECT.start, OBJECT.stop - 1), (1, -1), strict=True):
        for index in range(3):
            shift = view.format.sub_x if index else 0
            plane = view.cropped(index).astype(int)
            background = picture.cropped(index)[:, 0].astype(int)
            for distance in range(1, SHIFT >> shift):
                reach = next(reach for reach in REACHES if reach >= distance)
                at = (column >> shift) + (distance - 1) * inwards
                for y in range(len(background)):
                    rows = background[max(0, y - reach) : y + reach + 1]
                    total, count = rows.sum() + OWN * background[y], len(rows) + OWN
                    assert plane[y, at] == (total + count // 2) // count, (index, distance)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("sub_x", "sub_y"), [(0, 0), (1, 0), (1, 1)])
@pytest.mark.parametrize("background_on_right", [False, True])
def test_wide_gaps_in_rows_far_apart_are_softened_by_the_same_rule(dtype, sub_x, sub_y, background_on_right):
    """Gaps wider than the last reach, rows further apart than it, and borders of the picture: against the plain definition."""
    generator = np.random.default_rng(5)
    height, width = 301, 149
    holes = np.zeros((height, width), np.uint8)
    for _ in range(60):
        x, y = generator.integers(0, width), generator.choice([generator.integers(0, 80), generator.integers(180, height)])
        holes[y : y + generator.integers(1, 4), x : x + generator.integers(1, 60)] = 1
    holes[100, 40:64] = holes[100, 128:140] = 1  # with a whole block between that has none
    torn = holes.max(axis=1)
    rows, columns = (height + sub_y) >> sub_y, (width + sub_x) >> sub_x
    plane = generator.integers(0, 1 << (8 if dtype is np.uint8 else 10), (rows + 2, columns + 3)).astype(dtype)
    expected = plane.copy()
    for y in range(rows):
        distance = 0
        for x in range(columns)[:: -1 if background_on_right else 1]:
            distance = distance + 1 if holes[y << sub_y, x << sub_x] else 0
            if distance:
                reach = next((reach for reach in REACHES if reach >= distance), REACHES[-1])
                column = plane[2:, 1 + x][max(0, y - reach) : y + reach + 1].astype(int)
                total, count = column.sum() + OWN * int(plane[2 + y, 1 + x]), len(column) + OWN
                expected[2 + y, 1 + x] = (total + count // 2) // count
    soften_holes(plane, 2, 1, holes, torn, sub_x, sub_y, background_on_right)
    assert np.array_equal(plane, expected)


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
    field = DepthField.guided(depth, picture)
    for view, moved in zip(render_views(picture, field, max_disparity=DISPARITY, convergence=0.0), (SHIFT, -SHIFT), strict=True):
        row = view.cropped(0)[HEIGHT // 2].astype(int)
        assert list(row[start + moved : start + 20 + moved]) == list(100 + 5 * np.arange(20)), moved


def test_filled_areas_flicker_less_than_the_picture_does(render_views):
    """The same scene under another noise in every frame, as a camera makes it: averaging rows steadies what is filled."""
    frames = []
    for seed in range(40):
        picture = before_rows("yuv444p", np.full(HEIGHT, 100, np.uint8))
        noise = np.random.default_rng(seed).normal(0, 8, (HEIGHT, WIDTH))
        picture.planes[0][:] = (picture.planes[0] + noise).clip(0, 255).astype(np.uint8)
        frames.append(render_views(picture, object_depth(), max_disparity=DISPARITY, convergence=0.0)[1].cropped(0).astype(float))
    unsteady = np.std(frames, axis=0).mean(axis=0)
    background = unsteady[: OBJECT.start - 2 * SHIFT].mean()
    gap = unsteady[OBJECT.stop - SHIFT + 2 : OBJECT.stop]
    assert gap.max() < 0.8 * background
    assert gap[:3].mean() < 0.6 * background  # the side of the object, farthest from the background
