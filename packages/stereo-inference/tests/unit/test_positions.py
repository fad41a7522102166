"""Where pixels come from, to a fraction of a pixel: a horizontal ramp tells the source position by its value."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.disparity import foreground_dilation

WIDTH, HEIGHT, STEP = 160, 20, 4
MAX_DISPARITY, HALF = 5.0, 4.0
"""Percent of the width, and the pixels by which that moves each eye."""

MARGIN = 6


def ramp() -> Picture:
    picture = Picture.empty(WIDTH, HEIGHT, PIXEL_FORMATS["yuv444p10le"])
    for plane in picture.planes:
        plane[:] = 64 + STEP * np.arange(WIDTH)
    return picture


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edges=st.lists(st.floats(-0.3, 1.3), min_size=4, max_size=4),
    columns=st.sampled_from([20, 40, WIDTH]),
    rows=st.sampled_from([5, 10, HEIGHT]),
    convergence=st.floats(0, 1),
)
def test_each_pixel_comes_from_where_its_depth_says(render_views, edges, columns, rows, convergence):
    """Depth is interpolated in both directions, clipped to 0..1 and widened."""
    picture = ramp()
    y, x = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    top_left, top_right, bottom_left, bottom_right = edges
    coarse = (1 - y) * ((1 - x) * top_left + x * top_right) + y * ((1 - x) * bottom_left + x * bottom_right)
    field = DepthField.plain(coarse.astype(np.float32))
    views = render_views(picture, field, max_disparity=MAX_DISPARITY, convergence=convergence)

    depth = cv2.resize(field.depth, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR).clip(0, 1)
    radius = foreground_dilation(WIDTH, columns)
    shift = HALF * (cv2.dilate(depth, np.ones((1, 2 * radius + 1))) - convergence)
    at = np.arange(WIDTH, dtype=float)
    for view, side in zip(views, (1, -1), strict=True):
        expected = np.stack([np.interp(at, at + side * moved, 64 + STEP * at) for moved in shift])
        for index in range(3):
            error = (view.cropped(index) - expected)[:, MARGIN:-MARGIN]
            assert np.abs(error).max() < 0.75


def test_samples_are_rounded_and_not_cut_off(render_views):
    """Half of a code value: cutting off would darken every picture by it."""
    picture = ramp()
    for plane in picture.planes:
        plane[:] = np.arange(WIDTH) * 3 % 512
    right = render_views(picture, np.full((HEIGHT, WIDTH), 0.375), max_disparity=5.0, convergence=0.0)[1]  # 1.5 pixels
    source = picture.cropped(0)[0].astype(int)
    at = np.arange(10, 100)
    assert list(right.cropped(0)[5][at]) == list((source[at + 1] + source[at + 2] + 1) // 2)
