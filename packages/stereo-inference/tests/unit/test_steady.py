"""Depth over time: the same wherever the video was cut, steadier than its estimates, and not blurred for it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_depth import Moody, clip_pictures, looks, scene_pictures, steadied

from stereo_inference.depth.steady import estimated, watched
from stereo_spot_media.scene import Scene
from stereo_spot_shared.rendering import DepthProfile, RenderParams
from stereo_spot_shared.temporal import DEPTH_PLANS, DepthPlan, depth_context, range_window

SMALL = {"width": 64, "height": 36}
RATE = Fraction(5)
"""Slow, so that the window of the range is short against the videos here."""


def context(profile: DepthProfile, rate: Fraction = RATE):
    return depth_context(RenderParams(depth="some-model", depth_profile=profile), rate)


def flashing(pictures, flashes):
    return [np.full_like(picture, 255) if index in flashes else picture for index, picture in enumerate(pictures)]


def of_scene(frames: int, shot: int | None = None, flashes=(), **moods):
    """A video of the scene, and the estimator for it."""
    scene = Scene(**SMALL, cut_frames=shot)
    pictures = flashing(scene_pictures(scene, frames), flashes)
    return pictures, Moody.of(pictures, [scene.depth(index) for index in range(frames)], **moods)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), profile=st.sampled_from(DepthProfile), shot=st.one_of(st.none(), st.integers(2, 25)))
def test_a_segment_with_context_gives_what_the_whole_video_gives(data, profile, shot):
    total = data.draw(st.integers(2, 50))
    pictures, estimator = of_scene(total, shot, data.draw(st.lists(st.integers(0, total), max_size=3)))
    missing = set(data.draw(st.lists(st.integers(0, total - 1), max_size=2)))
    first = data.draw(st.integers(0, total - 1))
    end = data.draw(st.integers(first + 1, total))
    before, after = context(profile)
    plan, window = DEPTH_PLANS[profile], range_window(RATE)
    numbers = [index for index in range(total) if index not in missing]
    whole = steadied(pictures, estimator, plan, window, numbers)
    segment = steadied(pictures, estimator, plan, window, [n for n in numbers if first - before <= n < end + after])
    for index in set(range(first, end)) - missing:
        assert np.array_equal(whole[index].depth, segment[index].depth), index
        assert whole[index].begins_shot == segment[index].begins_shot, index


@pytest.mark.parametrize("profile", DepthProfile)
def test_the_context_is_no_longer_than_it_has_to_be(profile):
    """With one frame less on either side something comes out differently: the windows are what they are counted as."""
    total, first = 60, 44
    pictures, estimator = of_scene(total)
    after = context(profile).after
    plan, window = DEPTH_PLANS[profile], range_window(RATE)
    whole = steadied(pictures, estimator, plan, window)

    def differs(begin: int, end: int, of: range) -> bool:
        part = steadied(pictures, estimator, plan, window, range(begin, end))
        return any(not np.array_equal(whole[index].depth, part[index].depth) for index in of)

    starts = range(first, first + plan.every)
    needed = plan.span + window  # the rest waits for the next number divisible by `every`, and for evidence of cuts
    assert any(differs(start - needed + 1, total, range(start, start + 1)) for start in starts)
    assert any(differs(0, start + after - 1, range(start, start + 1)) for start in range(20, 20 + plan.every))


@pytest.mark.parametrize("profile", DepthProfile)
def test_a_flicker_at_the_end_of_the_context_is_not_taken_for_a_cut(profile):
    """One frame is brighter, just as far behind the core as depth is brought from; only the frame behind it tells that it is no cut."""
    plan, window, after = DEPTH_PLANS[profile], range_window(RATE), context(profile).after
    flicker = 10 * plan.every
    pictures, _ = of_scene(60)
    depths = [np.random.default_rng(0).random((36, 64)).astype(np.float32) + index for index in range(60)]
    pictures[flicker] = np.clip(pictures[flicker].astype(int) + 14, 0, 255).astype(np.uint8)
    estimator = Moody.of(pictures, depths)
    end = flicker - plan.span + 1
    whole = steadied(pictures, estimator, plan, window)
    assert not whole[flicker].begins_shot
    part = steadied(pictures, estimator, plan, window, range(end + after))
    assert np.array_equal(whole[end - 1].depth, part[end - 1].depth)
    short = steadied(pictures, estimator, plan, window, range(end + after - 1))
    assert not np.array_equal(whole[end - 1].depth, short[end - 1].depth)


def test_all_frames_of_the_plan_and_the_first_of_each_shot_are_estimated():
    pictures, _ = of_scene(30, shot=13)
    frames = list(watched(looks(pictures, range(30)), DepthPlan(36, 4, 6)))
    assert [frame.index for frame in frames if frame.is_depth_frame] == [0, 4, 8, 12, 13, 16, 20, 24, 26, 28]
    assert [frame.index for frame in frames if frame.begins_shot] == [0, 13, 26]


def test_a_frame_that_flow_does_not_connect_is_estimated():
    """Frame 9 is noise: nothing leads to it, nor from it to the next; the frames around do not begin shots for it."""
    pictures, _ = of_scene(20)
    pictures[9] = np.random.default_rng(0).integers(0, 255, pictures[9].shape).astype(np.uint8)
    frames = list(watched(looks(pictures, range(20)), DepthPlan(36, 4, 6)))
    assert [frame.index for frame in frames if frame.is_depth_frame] == [0, 4, 8, 9, 10, 12, 16]
    assert [frame.index for frame in frames if frame.begins_shot] == [0]


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_an_estimator_gets_as_many_pictures_at_once_as_it_likes_and_none_twice(batch):
    pictures, estimator = of_scene(23, batch=batch)
    frames = list(estimated(watched(looks(pictures, range(23)), DepthPlan(36, 2, 4)), estimator))
    assert [frame.index for frame in frames] == list(range(23))
    assert sum(estimator.looked_at) == 12
    assert estimator.looked_at[:-1] == [batch] * (len(estimator.looked_at) - 1)
    alone = Moody(estimator.depths)
    for frame in frames:
        assert (frame.depth is not None) == frame.is_depth_frame
        if frame.is_depth_frame:
            assert np.array_equal(frame.depth, alone.estimate(frame.rgb[None])[0])


def test_nothing_of_one_shot_gets_into_another():
    """The second shot comes out as if there were no first one."""
    pictures, estimator = of_scene(24, shot=12)
    plan = DEPTH_PLANS[DepthProfile.BALANCED]
    both, alone = steadied(pictures, estimator, plan, 4), steadied(pictures, estimator, plan, 4, range(12, 24))
    assert all(np.array_equal(both[index].depth, alone[index].depth) for index in range(12, 24))


@pytest.mark.parametrize("profile", DepthProfile)
def test_depth_of_a_moving_scene_is_steadier_and_truer_than_its_estimates(profile):
    """Flicker between frames, followed along the true movement of nothing: the ground stands still in this scene."""
    scene = Scene(256, 144)
    pictures, truth = scene_pictures(scene, 40), [scene.depth(index) for index in range(40)]
    estimator = Moody.of(pictures, truth)
    seen = steadied(pictures, estimator, DEPTH_PLANS[profile], 20)
    still = np.all([truth[index] == truth[0] for index in range(40)], axis=0)

    def flicker(depths) -> float:
        return float(np.mean([np.abs(b - a)[still].mean() for a, b in pairwise(depths)]))

    def error(depths) -> float:
        return float(np.mean([np.abs(aligned(d, t) - t).mean() for d, t in zip(depths, truth, strict=True)]))

    def aligned(depth, true):
        scale, shift = np.polyfit(depth.ravel(), true.ravel(), 1)
        return scale * depth + shift

    each = estimator.estimate(np.stack(pictures)) / 7
    mine = [seen[index].depth for index in range(40)]
    assert flicker(mine) < 0.12 * flicker(list(each))
    assert error(mine) < 0.9 * error(list(each))


def test_depth_between_estimates_moves_with_what_it_belongs_to():
    """Held, depth would stay behind the things that move; carried it is nearer to the truth."""
    scene = Scene(256, 144)
    pictures, truth = scene_pictures(scene, 33), [scene.depth(index) for index in range(33)]
    estimator = Moody.of(pictures, truth, scale=0.0, shift=0.0, noise=0.0)
    estimator.absolute = True
    estimator.depths = {key: depth / 7 for key, depth in estimator.depths.items()}
    seen = steadied(pictures, estimator, DepthPlan(144, 4, 6), None)
    error = [np.abs(seen[index].depth - truth[index]).mean() for index in range(33)]
    held = [np.abs(truth[index // 4 * 4] - truth[index]).mean() for index in range(33)]
    between = [index for index in range(33) if index % 4]
    assert np.mean([error[index] for index in between]) < 0.7 * np.mean([held[index] for index in between])


def test_absolute_depth_is_left_on_its_own_scale():
    pictures, estimator = of_scene(9, scale=0.0, shift=0.0, noise=0.0)
    flat = {key: np.full_like(depth, 0.25 / 7) for key, depth in estimator.depths.items()}
    seen = steadied(pictures, Moody(flat, 0.0, 0.0, 0.0), DEPTH_PLANS[DepthProfile.BALANCED], None)
    assert all(np.allclose(seen[index].depth, 0.25, atol=1e-5) for index in range(9))


@pytest.mark.parametrize("size", [(2, 2), (3, 40), (15, 15), (16, 16), (17, 5)])
def test_pictures_of_any_size_come_through(size):
    width, height = size
    generator = np.random.default_rng(0)
    pictures = [generator.integers(0, 255, (height, width, 3)).astype(np.uint8) for _ in range(7)]
    estimator = Moody.of(pictures, [generator.random((height, width)).astype(np.float32) for _ in range(7)])
    for seen in steadied(pictures, estimator, DEPTH_PLANS[DepthProfile.BALANCED], 4).values():
        assert seen.depth.shape == (height, width)
        assert np.isfinite(seen.depth).all()


@pytest.mark.parametrize("name", ["davis_rollercoaster.mp4", "cockatoo.mp4", "roadtrip-vp92-10bit.webm"])
def test_segments_of_a_real_clip_give_what_the_whole_gives(name):
    pictures = clip_pictures(name, 128, 72, 60)
    depths = [picture.mean(axis=2).astype(np.float32) / 255 for picture in pictures]
    estimator = Moody.of(pictures, depths)
    for profile in DepthProfile:
        before, after = context(profile)
        plan, window = DEPTH_PLANS[profile], range_window(RATE)
        whole = steadied(pictures, estimator, plan, window)
        for first in range(0, 60, 20):
            numbers = range(max(0, first - before), min(60, first + 20 + after))
            part = steadied(pictures, estimator, plan, window, numbers)
            assert all(np.array_equal(whole[n].depth, part[n].depth) for n in range(first, min(60, first + 20)))
