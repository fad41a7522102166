"""Where the screen lies: steady in a shot, new at a cut, the same wherever a video was cut."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo_inference.packing import packer_for
from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.disparity import scaled_foreground
from stereo_inference.stereo.screen import Screen, ScreenPlacement
from stereo_spot_shared.manifest import Colour
from stereo_spot_shared.rendering import AUTO, FramePacking, RenderParams
from stereo_spot_shared.temporal import shot_window

RATE = Fraction(24)
WINDOW = shot_window(RATE)
FOLLOWING = RenderParams(convergence=AUTO, floating_window=True, max_disparity=10)


def placed(depths: list[np.ndarray], shots: set[int], params: RenderParams = FOLLOWING, width: int = 200) -> list[Screen]:
    placement = ScreenPlacement(params, width, RATE)
    return [placement.next(depth, new_shot=number in shots) for number, depth in enumerate(depths)]


def maps(count: int, seed: int = 0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.random((9, 16)).astype(np.float32) * generator.random() for _ in range(count)]


def test_a_shot_that_does_not_change_has_one_screen():
    depth = maps(1)[0]
    assert len(set(placed([depth] * 100, {0}))) == 1


def test_three_quarters_of_the_picture_lie_behind_the_screen():
    depth = np.linspace(0, 1, 1000, dtype=np.float32).reshape(10, 100)
    assert placed([depth], {0})[0].convergence == pytest.approx(0.75, abs=0.01)


def test_something_that_comes_near_moves_the_screen_slowly_and_a_cut_at_once():
    far, near = np.full((9, 16), 0.2, np.float32), np.full((9, 16), 0.9, np.float32)
    gradual = [screen.convergence for screen in placed([far] * WINDOW + [near] * 2 * WINDOW, {0})]
    steps = np.diff(gradual)
    assert steps.max() <= 0.7 / WINDOW + 1e-6
    assert gradual[-1] == pytest.approx(0.9)
    cut = [screen.convergence for screen in placed([far] * WINDOW + [near] * 3, {0, WINDOW})]
    assert cut[WINDOW - 1 : WINDOW + 1] == pytest.approx([0.2, 0.9])


@given(first=st.integers(0, 150), cuts=st.sets(st.integers(0, 200), max_size=3), seed=st.integers(0, 20))
def test_it_is_the_same_wherever_the_video_was_cut(first, cuts, seed):
    """A segment begins WINDOW frames earlier as context, and takes its first frame for a shot of its own."""
    depths = maps(200, seed)
    whole = placed(depths, cuts | {0})
    start = max(0, first - WINDOW)
    part = placed(depths[start:], {cut - start for cut in cuts if cut >= start} | {0})
    assert part[first - start :] == whole[first:]


def test_nothing_is_followed_unless_it_is_asked_for():
    assert set(placed(maps(50), {0}, RenderParams(convergence=0.3))) == {Screen(0.3)}


def test_an_automatic_convergence_heeds_the_screen_it_is_for():
    near = np.full((9, 16), 0.9, np.float32)
    (screen,) = placed([near], {0}, RenderParams(convergence=AUTO, max_disparity=2, screen_cm=1000))
    assert screen.convergence == pytest.approx(0.315)


def test_a_floating_window_is_as_wide_as_what_stands_before_the_screen_there():
    depth = np.full((9, 16), 0.5, np.float32)
    depth[:, 0] = 1.0
    params = RenderParams(floating_window=True, max_disparity=10)
    assert placed([depth], {0}, params, width=200)[0] == Screen(0.5, left_bar=10, right_bar=0)


@pytest.mark.parametrize("layout", ["full-sbs", "half-tb", "cross-eyed"])
@pytest.mark.parametrize("name", ["yuv420p", "yuv444p10le"])
def test_the_bars_are_black_and_at_the_outer_borders(random_picture, layout, name):
    params = RenderParams(layout=FramePacking(layout), floating_window=True)
    picture = random_picture(64, 48, name)
    for plane in picture.planes:
        plane[:] = 200
    views = {"full-sbs": (0, 64), "cross-eyed": (64, 0), "half-tb": (0, 0)}[layout]
    packed = Picture.empty(*{"half-tb": (64, 48)}.get(layout, (128, 48)), PIXEL_FORMATS[name])
    packer_for(params, 64, 48, picture.format, Colour()).pack(
        picture, DepthField.plain(np.full((3, 4), 0.5, np.float32)), Screen(0.5, 6, 4), packed
    )
    luma = packed.cropped(0)
    left_rows, right_rows = (slice(0, 24), slice(24, 48)) if layout == "half-tb" else (slice(0, 48), slice(0, 48))
    left, right = luma[left_rows, views[0] : views[0] + 64], luma[right_rows, views[1] : views[1] + 64]
    black = 16 << (picture.format.bits - 8)
    assert (left[:, :6] == black).all()
    assert (left[:, 6:] == 200).all()
    assert (right[:, 60:] == black).all()
    assert (right[:, :60] == 200).all()


@given(scale=st.floats(-3, 3), seed=st.integers(0, 100))
def test_scaling_the_foreground_keeps_ends_and_order(scale, seed):
    depth = np.sort(np.concatenate([[0, 1], np.random.default_rng(seed).random(50)]).astype(np.float32))
    bent = scaled_foreground(depth, scale)
    assert (bent[0], bent[-1]) == pytest.approx((0, 1), abs=1e-5)
    assert (np.diff(bent) >= -1e-6).all()
    near, far = bent[-1] - scaled_foreground(np.float32([0.9]), scale)[0], scaled_foreground(np.float32([0.1]), scale)[0]
    assert (near > far) == (scale > 0) or abs(scale) < 0.01


def test_a_foreground_scale_of_0_is_no_change():
    depth = maps(1)[0]
    assert scaled_foreground(depth, 0.0) is depth
