"""The table of estimators, the basic one, and how a small depth map follows a picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereo_inference.depth.basic import BasicDepth
from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.disparity import foreground_dilation, half_disparity
from stereo_inference.stereo.views import depth_over
from stereo_spot_media.scene import Scene


@settings(deadline=None, max_examples=40)
@given(width=st.integers(1, 10_000), height=st.integers(1, 10_000), pixels=st.integers(1, 200_000))
def test_the_working_size_keeps_the_shape_and_is_never_larger_than_the_picture_or_what_is_asked_for(width, height, pixels):
    columns, rows = BasicDepth().working_size(width, height, pixels)
    assert 1 <= columns <= width
    assert 1 <= rows <= height
    assert (columns - 1) * (rows - 1) <= pixels
    assert abs(columns * height - rows * width) <= max(width, height)


@settings(deadline=None, max_examples=30)
@given(width=st.integers(1, 60), height=st.integers(1, 60), seed=st.integers(0, 1000))
def test_any_picture_has_depth_within_0_and_1_each_by_itself(width, height, seed):
    pictures = np.random.default_rng(seed).integers(0, 256, (3, height, width, 3)).astype(np.uint8)
    depths = BasicDepth().estimate(pictures)
    assert depths.shape == (3, height, width)
    assert depths.dtype == np.float32
    assert np.isfinite(depths).all()
    assert 0 <= depths.min() <= depths.max() <= 1
    assert np.array_equal(BasicDepth().estimate(pictures[1:2])[0], depths[1])


def test_the_ground_recedes_and_a_thing_on_it_stands():
    """A smooth red post on grass: upright, it is nearer than the grass behind its upper end."""
    picture = np.random.default_rng(0).integers(0, 160, (1, 135, 240, 3)).astype(np.uint8)
    picture[:, 20:110, 100:130] = (200, 30, 30)
    depth = BasicDepth().estimate(picture)[0]
    assert (np.diff(depth[5:-5, 20]) > -1e-2).all()
    assert depth[40, 115] > depth[40, 30] + 0.05
    assert abs(depth[40, 115] - depth[100, 115]) < abs(depth[40, 30] - depth[100, 30])


def test_disparity_is_shared_by_both_eyes():
    assert half_disparity(2.0, 1920) == pytest.approx(19.2)


def test_the_foreground_is_widened_by_the_blur_of_an_edge_and_a_pixel_more_for_a_coarse_map():
    assert [foreground_dilation(width, depth) for width, depth in ((480, 480), (481, 480), (1920, 1920), (1920, 480), (3840, 480))] == [
        1, 2, 2, 3, 4,
    ]  # fmt: skip


def edged(name: str, edge: int, width: int = 160, height: int = 40) -> Picture:
    """Dark on the left, bright from column `edge` on."""
    picture = Picture.empty(width, height, PIXEL_FORMATS[name])
    scale = (1 << picture.format.bits) // 256
    for plane in picture.planes:
        plane[:] = 128 * scale
    picture.planes[0][:, :edge] = 40 * scale
    picture.planes[0][:, edge:] = 200 * scale
    return picture


@pytest.mark.parametrize("name", ["yuv420p", "yuv420p10le"])
@pytest.mark.parametrize("edge", [71, 72, 73, 74])
def test_guided_depth_steps_where_the_picture_does(name, edge):
    """A step between two samples of a coarse map, at columns 70 and 74, comes out at the picture's own edge, and nothing lies between."""
    picture = edged(name, edge)
    coarse = np.zeros((10, 40), np.float32)
    coarse[:, 18:] = 1.0
    fine = depth_over(DepthField.guided(coarse, picture), picture)
    assert (fine[:, :edge] == 0).all()
    assert (fine[:, edge:] == 1).all()


def test_a_fine_map_is_aligned_too_and_loses_its_noise():
    picture = edged("yuv420p", 74)
    depth = np.zeros((40, 160), np.float32)
    depth[:, 73:] = 1.0
    depth[20, 30] = 1.0  # a speckle
    fine = depth_over(DepthField.guided(depth, picture), picture)
    assert (fine[:, :74] == 0).all()
    assert (fine[:, 74:] == 1).all()


@pytest.mark.parametrize("columns", [20, 48, 96])
def test_what_does_not_step_is_interpolated_whatever_the_picture_shows(columns):
    picture = edged("yuv420p", 50, 96, 54)
    depth = np.tile(np.linspace(0, 0.15, columns, dtype=np.float32), (27, 1))
    expected = cv2.resize(depth, (96, 54), interpolation=cv2.INTER_LINEAR)
    assert np.abs(depth_over(DepthField.guided(depth, picture), picture) - expected).max() < 1e-6


@given(
    width=st.integers(1, 50), height=st.integers(1, 30), columns=st.integers(1, 60), rows=st.integers(1, 40), seed=st.integers(0, 1000),
    guided=st.booleans(),
)  # fmt: skip
def test_depth_between_samples_is_never_beyond_them(width, height, columns, rows, seed, guided):
    generator = np.random.default_rng(seed)
    picture = Picture.empty(width, height, PIXEL_FORMATS["yuv444p"])
    for plane in picture.planes:
        plane[:] = generator.integers(0, 256, plane.shape)
    depth = generator.random((rows, columns)).astype(np.float32)
    field = DepthField.guided(depth, picture) if guided else DepthField.plain(depth)
    fine = depth_over(field, picture)
    assert fine.min() >= depth.min() - 1e-6
    assert fine.max() <= depth.max() + 1e-6
    begins = field.columns(width)
    assert (begins[0], begins[-1]) == (0, width)
    assert (np.diff(begins) >= 0).all()


def test_the_basic_estimator_orders_the_demo_scene_better_than_chance():
    scene = Scene(480, 270)
    generator = np.random.default_rng(0)
    depth, truth = BasicDepth().estimate(scene.picture(5)[None])[0], scene.depth(5)
    a, b = generator.integers(0, truth.size, (2, 20_000))
    told_apart = np.abs(truth.flat[a] - truth.flat[b]) > 0.1
    right = np.sign(depth.flat[a] - depth.flat[b]) == np.sign(truth.flat[a] - truth.flat[b])
    assert right[told_apart].mean() > 0.7


def test_a_wall_is_as_deep_in_a_small_picture_as_in_a_large_one():
    quarters = [
        float(BasicDepth().estimate(np.full((1, height, 2 * height, 3), 120, np.uint8))[0, height // 4].mean()) for height in (68, 135, 270)
    ]
    assert max(quarters) - min(quarters) < 0.01
