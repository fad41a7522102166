"""The warp, seen through `StereoRenderer`: what must hold whatever its loops look like."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.views import Place, StereoRenderer
from stereo_spot_media.scene import Scene
from stereo_spot_shared.rendering import Eye

FIXTURES_ARE_PURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
SIZES = st.tuples(st.integers(1, 70), st.integers(1, 20))


def planes_equal(a: Picture, b: Picture) -> bool:
    return all(np.array_equal(a.cropped(i), b.cropped(i)) for i in range(3))


@FIXTURES_ARE_PURE
@given(size=SIZES, name=st.sampled_from(sorted(PIXEL_FORMATS)), seed=st.integers(0, 1000), convergence=st.floats(0, 1))
def test_without_disparity_both_eyes_are_the_picture_bit_for_bit(random_picture, render_views, size, name, seed, convergence):
    picture = random_picture(*size, name, seed)
    depth = np.random.default_rng(seed).random((5, 7))
    for view in render_views(picture, depth, max_disparity=0.0, convergence=convergence):
        assert planes_equal(view, picture)


@FIXTURES_ARE_PURE
@given(size=SIZES, name=st.sampled_from(sorted(PIXEL_FORMATS)), seed=st.integers(0, 1000))
def test_depth_at_the_screen_leaves_both_eyes_as_the_picture(random_picture, render_views, size, name, seed):
    picture = random_picture(*size, name, seed)
    for view in render_views(picture, np.full((3, 3), 0.25), max_disparity=10.0, convergence=0.25):
        assert planes_equal(view, picture)


@FIXTURES_ARE_PURE
@given(
    size=SIZES, name=st.sampled_from(sorted(PIXEL_FORMATS)), seed=st.integers(0, 1000), disparity=st.floats(0, 5), eye=st.sampled_from(Eye)
)
def test_a_kept_eye_is_the_source_and_the_other_takes_all_of_the_disparity(random_picture, render_views, size, name, seed, disparity, eye):
    picture = random_picture(*size, name, seed)
    depth = np.random.default_rng(seed).random((size[1], size[0]))
    left, right = render_views(picture, depth, max_disparity=disparity, keep_eye=eye)
    twice_left, twice_right = render_views(picture, depth, max_disparity=2 * disparity)
    kept, moved, twice = (left, right, twice_right) if eye is Eye.LEFT else (right, left, twice_left)
    assert planes_equal(kept, picture)
    assert planes_equal(moved, twice)


def test_a_kept_eye_stands_at_its_place_in_the_packed_picture(random_picture):
    picture = random_picture(14, 10, "yuv420p", 3)
    packed = random_picture(30, 10, "yuv420p", 4)
    renderer = StereoRenderer(14, 10, max_disparity=10.0, keep_eye=Eye.RIGHT)
    renderer.render(picture, DepthField.plain(np.ones((3, 3), np.float32)), 0.5, Place(packed), Place(packed, left=16))
    assert np.array_equal(packed.planes[0][:, 16:], picture.planes[0])
    assert np.array_equal(packed.planes[1][:, 8:], picture.planes[1])


@FIXTURES_ARE_PURE
@given(size=SIZES, seed=st.integers(0, 1000), disparity=st.floats(0, 10), convergence=st.floats(0, 1))
def test_the_eyes_are_mirror_images_of_each_other(random_picture, render_views, size, seed, disparity, convergence):
    picture = random_picture(*size, "yuv444p", seed)
    mirrored = Picture(tuple(np.ascontiguousarray(p[:, ::-1]) for p in picture.planes), *size, picture.format)
    depth = np.random.default_rng(seed).random((size[1], size[0]))
    left, right = render_views(picture, depth, max_disparity=disparity, convergence=convergence)
    other_left, other_right = render_views(mirrored, depth[:, ::-1], max_disparity=disparity, convergence=convergence)
    for index in range(3):
        assert np.array_equal(left.cropped(index)[:, ::-1], other_right.cropped(index))
        assert np.array_equal(right.cropped(index)[:, ::-1], other_left.cropped(index))


@FIXTURES_ARE_PURE
@given(size=SIZES, name=st.sampled_from(sorted(PIXEL_FORMATS)), seed=st.integers(0, 1000), disparity=st.floats(0, 10))
def test_every_pixel_comes_from_its_own_row(random_picture, render_views, size, name, seed, disparity):
    picture = random_picture(*size, name, seed)
    for index, plane in enumerate(picture.planes):
        plane[:] = np.arange(plane.shape[0], dtype=plane.dtype)[:, None] + 16 * index
    depth = np.random.default_rng(seed).random((size[1], 1)) * np.ones(size[0])  # a whole row moves as one: gaps at the border only
    for view in render_views(picture, depth, max_disparity=disparity):
        assert planes_equal(view, picture)


@pytest.mark.parametrize("name", sorted(PIXEL_FORMATS))
@pytest.mark.parametrize("threads", [2, 3, 5])
def test_the_number_of_threads_leaves_no_trace(random_picture, render_views, name, threads):
    picture = random_picture(101, 37, name)
    depth = np.random.default_rng(5).random((37, 101))
    alone = render_views(picture, depth, max_disparity=8.0)
    with ThreadPoolExecutor(threads) as executor:
        shared = render_views(picture, depth, max_disparity=8.0, executor=executor, threads=threads)
    assert all(planes_equal(a, b) for a, b in zip(alone, shared, strict=True))


def bar(width: int = 64, height: int = 16) -> tuple[Picture, np.ndarray]:
    """A near white bar, columns 24 to 39, before a far black wall."""
    picture = Picture.empty(width, height, PIXEL_FORMATS["yuv444p"])
    for plane in picture.planes:
        plane[:] = 128
    picture.planes[0][:] = 16
    picture.planes[0][:, 24:40] = 235
    depth = np.zeros((height, width), np.float32)
    depth[:, 24:40] = 1.0
    return picture, depth


def test_what_is_near_moves_to_the_right_for_the_left_eye_and_to_the_left_for_the_right_eye(render_views):
    picture, depth = bar()
    left, right = render_views(picture, depth, max_disparity=100 * 8 / 64, convergence=0.0)
    columns = np.flatnonzero(right.cropped(0)[8] > 200)
    assert (columns[0], columns[-1]) == (20, 35)
    columns = np.flatnonzero(left.cropped(0)[8] > 200)
    assert (columns[0], columns[-1]) == (28, 43)


def test_the_nearer_surface_covers_the_farther_one(render_views):
    """Three depths that land on the same columns: the nearest one is seen whole in both eyes."""
    picture, depth = bar()
    picture.planes[0][:, 44:52] = 128
    depth[:, 44:52] = 0.5
    for view in render_views(picture, depth, max_disparity=100 * 40 / 64, convergence=0.0):
        assert int((view.cropped(0)[8] > 200).sum()) == 16


def test_gaps_are_filled_from_the_background_and_never_from_the_object(render_views):
    picture, depth = bar()
    picture.planes[0][:, 40:] = 60
    picture.planes[0][:, :24] = 90
    left, right = render_views(picture, depth, max_disparity=100 * 16 / 64, convergence=0.0)
    # In the right eye the bar went 8 columns to the left and uncovered what is on its right; in the left eye the reverse.
    assert set(np.unique(right.cropped(0)[:, 33:41])) == {60}
    assert set(np.unique(left.cropped(0)[:, 23:31])) == {90}


def test_views_may_lie_anywhere_in_one_picture_and_touch_nothing_beside_them(random_picture, render_views):
    picture = random_picture(40, 20, "yuv420p")
    depth = np.random.default_rng(1).random((20, 40)).astype(np.float32)
    alone = render_views(picture, depth, max_disparity=10.0)
    sheet = Picture.empty(120, 60, picture.format)
    for plane in sheet.planes:
        plane[:] = 77
    renderer = StereoRenderer(40, 20, max_disparity=10.0)
    renderer.render(picture, DepthField.plain(depth), 0.5, Place(sheet, 2, 8), Place(sheet, 30, 60))
    for index, (plane, shift) in enumerate(zip(sheet.planes, (0, 1, 1), strict=True)):
        for (top, left), view in zip(((2, 8), (30, 60)), alone, strict=True):
            area = (slice(top >> shift, (top + 20) >> shift), slice(left >> shift, (left + 40) >> shift))
            assert np.array_equal(plane[area], view.cropped(index))
            plane[area] = 77
        assert (plane == 77).all()


@pytest.mark.parametrize("name", ["yuv420p", "yuv444p10le"])
def test_the_scene_from_exact_depth_looks_like_its_true_eyes(from_rgb, render_views, name):
    scene = Scene(480, 270)
    for number in (3, 40):
        picture = from_rgb(scene.picture(number), name)
        rendered = render_views(picture, scene.depth(number), max_disparity=3.0, convergence=0.5)
        for eye, view in zip((-0.5, 0.5), rendered, strict=True):
            truth = from_rgb(scene.picture(number, eye=eye, max_disparity=3.0, convergence=0.5), name)
            error = (view.cropped(0).astype(float) - truth.cropped(0)) / ((1 << view.format.bits) - 1)
            unmoved = (picture.cropped(0).astype(float) - truth.cropped(0)) / ((1 << view.format.bits) - 1)
            quality, before = (-10 * np.log10((e**2).mean()) for e in (error, unmoved))
            assert quality > 30, (number, eye, quality, before)
            assert quality > before + 6
