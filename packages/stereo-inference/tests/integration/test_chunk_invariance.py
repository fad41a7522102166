"""What a frame looks like does not depend on where the video was cut: seams at any place, cuts inside, at and near them."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rendering_fixtures import Cut, cut, decoded

from stereo_spot_media.cutting import cut_segments
from stereo_spot_media.demo_clip import Clip
from stereo_spot_media.hostile import DEFAULT_LIMITS
from stereo_spot_media.planner import Presentation, segment
from stereo_spot_media.planning import probe_and_scan
from stereo_spot_media.scene import Scene
from stereo_spot_media.testing import data_folder
from stereo_spot_shared.manifest import SegmentSpec
from stereo_spot_shared.rendering import DepthProfile
from stereo_spot_shared.temporal import Context, context_frames

FRAMES = 60
RATE = Fraction(5)
"""Slow, so that windows of seconds are short against the video."""


class Model:
    """Depth of any range from a picture alone, on another scale for each: as a learned model gives it, without a model."""

    name = "model"
    absolute = False
    batch = 1

    def working_size(self, width: int, height: int, pixels: int) -> tuple[int, int]:
        return width // 2, height // 2

    def estimate(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.stack([self._one(picture) for picture in rgb])

    def _one(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        generator = np.random.default_rng(int(rgb.astype(np.int64).sum()))
        noise = cv2.GaussianBlur(generator.standard_normal(rgb.shape[:2]).astype(np.float32), (0, 0), 3.0)
        return np.asarray((rgb.mean(axis=2) / 50 + noise) * generator.uniform(0.8, 1.2) + generator.uniform(-1, 1), np.float32)


def pictures(job: Cut) -> list[tuple[int, str]]:
    """Time and hash of every frame of all segments, rendered losslessly and decoded again."""
    found = []
    for index in range(len(job.segments)):
        _, path = job.render(index, estimator=Model())
        for time, frame in decoded(path, job.manifest):
            found.append((time, hashlib.sha256(b"".join(bytes(plane) for plane in frame.planes)).hexdigest()))
    return found


def cut_at(seams: list[int], source: Path, folder: Path, job: Cut, context: Context | None = None) -> Cut:
    """The same job with its segments beginning at these frames, wherever the planner would have put them; with the context that it
    needs unless told otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    info, table = probe_and_scan(source, DEFAULT_LIMITS, lambda _: None)
    order = Presentation.of(table)
    context = context or context_frames(job.params, interlaced=False, rate=info.video.average_rate)
    specs: list[SegmentSpec] = []
    for begin, end in zip([0, *seams], [*seams, len(order.times)], strict=True):
        specs.append(segment(order, begin, end, context, specs[-1] if specs else None))
    manifest = job.manifest.model_copy(update={"segments": tuple(specs)})
    return Cut(manifest, job.params, tuple(found.path for found in cut_segments(source, manifest, folder)))


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shot=st.sampled_from([None, 10, 17, 31]),
    profile=st.sampled_from(DepthProfile),
    seams=st.lists(st.one_of(st.integers(1, FRAMES - 1), st.sampled_from([9, 10, 11, 16, 17, 18, 30, 31, 32])), max_size=4, unique=True),
    auto=st.booleans(),
)
def test_every_frame_is_the_same_wherever_the_scene_was_cut(tmp_path_factory, shot, profile, seams, auto) -> None:
    folder = tmp_path_factory.mktemp("invariance")
    clip = Clip(scene=Scene(width=96, height=54, rate=RATE, cut_frames=shot), frames=FRAMES, options={"g": "7", "sc_threshold": "0"})
    look = {"depth": "some-model", "depth_profile": profile, "convergence": "auto" if auto else 0.5, "max_disparity": 8.0}
    whole = cut(folder / "whole", clip, quality="lossless", **look)
    assert len(whole.segments) == 1
    assert pictures(cut_at(sorted(seams), folder / "whole" / "source.mp4", folder / "cut", whole)) == pictures(whole)


@pytest.mark.parametrize("name", ["roadtrip-vp92-10bit.webm", pytest.param("davis_rollercoaster.mp4", marks=pytest.mark.slow)])
def test_every_frame_is_the_same_wherever_a_real_clip_was_cut(tmp_path: Path, name: str) -> None:
    """Two cuts are in the road trip, at frames 42 and 69."""
    data = data_folder()
    if data is None:
        pytest.skip("no real clips: the data folder is absent")
    source = data / "clips" / name
    whole = cut(tmp_path / "whole", source, quality="lossless", depth="some-model", max_disparity=5.0)
    expected = pictures(whole)
    for number, seams in enumerate(([24, 48], [41, 43], [42, 66], [10, 20, 30, 40, 50, 60])):
        assert pictures(cut_at(seams, source, tmp_path / str(number), whole)) == expected


def test_with_too_little_context_a_seam_shows(tmp_path: Path) -> None:
    """The check itself: it finds a difference where there is one."""
    clip = Clip(scene=Scene(width=96, height=54, rate=RATE), frames=FRAMES, options={"g": "7"})
    whole = cut(tmp_path / "whole", clip, quality="lossless", depth="some-model", max_disparity=8.0)
    parted = cut_at([30], tmp_path / "whole" / "source.mp4", tmp_path / "cut", whole, Context(4, 2))
    assert pictures(parted) != pictures(whole)
