"""Depth of a video: its stages, and what is taken as it is."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stereo_inference.depth.basic import BasicDepth
from stereo_inference.depth.of_video import DEPTH_STAGES, depths_of
from stereo_inference.stages import Stages
from stereo_inference.video_io.decode import SourceFrame
from stereo_spot_media.scene import Scene
from stereo_spot_shared.manifest import VideoStream
from stereo_spot_shared.rendering import DepthProfile, RenderParams

SCENE = Scene(width=64, height=36, rate=Fraction(24), cut_frames=7)
VIDEO = VideoStream(
    index=0,
    codec="rawvideo",
    width=64,
    height=36,
    pixel_format="yuv420p",
    bit_depth=8,
    time_base=Fraction(1, 24),
    average_rate=Fraction(24),
    sample_aspect_ratio=Fraction(1),
)


def frames(from_rgb, count: int) -> list[SourceFrame]:
    return [SourceFrame(number, number, True, from_rgb(SCENE.picture(number), "yuv420p")) for number in range(count)]


def test_its_stages_stand_before_the_first_frame_is_asked_for():
    """What is measured of a later stage would else be taken for a part of it."""
    with Stages(overlap=False) as stages:
        depths_of([], BasicDepth(), RenderParams(), VIDEO, stages)
        assert stages.names == DEPTH_STAGES


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("profile", DepthProfile)
def test_every_frame_comes_out_once_with_depth_that_knows_its_shot(from_rgb, profile, overlap):
    params = RenderParams(depth="basic", depth_profile=profile)
    with Stages(overlap=overlap) as stages:
        seen = list(depths_of(frames(from_rgb, 20), BasicDepth(), params, VIDEO, stages))
    assert [each.payload.index for each in seen] == list(range(20))
    assert [each.index for each in seen if each.begins_shot] == [0, 7, 14]
    assert all(each.depth.shape == each.grey.shape and 0 <= each.depth.min() <= each.depth.max() <= 1 for each in seen)


def test_depth_that_was_brought_along_is_taken_as_it_is(from_rgb, tmp_path):
    given = np.random.default_rng(0).random((20, 18, 32)).astype(np.float32)
    for number, depth in enumerate(given):
        np.save(tmp_path / f"{number:03}.npy", depth)
    params = RenderParams(depth_file=str(tmp_path))
    with Stages(overlap=False) as stages:
        seen = list(depths_of(frames(from_rgb, 20), BasicDepth(), params, VIDEO, stages))
    assert all(np.array_equal(each.depth, depth) for each, depth in zip(seen, given, strict=True))
    assert [each.index for each in seen if each.begins_shot] == [0, 7, 14]


def test_the_foreground_is_bent_last(from_rgb):
    plain, bent = (RenderParams(depth="basic", foreground_scale=scale) for scale in (0.0, 2.0))
    found = []
    for params in (plain, bent):
        with Stages(overlap=False) as stages:
            found.append([each.depth for each in depths_of(frames(from_rgb, 9), BasicDepth(), params, VIDEO, stages)])
    for before, after in zip(*found, strict=True):
        assert after == pytest.approx(np.expm1(2 * before) / np.expm1(2), abs=1e-5)
