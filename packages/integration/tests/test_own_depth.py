"""Depth that was brought along: a depth video or a folder, each frame with its own, wherever the video was cut."""

from __future__ import annotations

import av
import numpy as np
import pytest

from stereo_spot_media.demo_clip import Clip, write_clip
from stereo_spot_media.scene import Scene
from stereo_spot_shared.jobs import JobStatus
from stereo_spot_shared.rendering import FramePacking, Quality

SCENE = Scene(width=160, height=96)
LOOK = {"quality": Quality.LOSSLESS, "container": "mkv", "max_disparity": 5.0}


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Four seconds with B-frames and a keyframe every second."""
    return write_clip(tmp_path_factory.mktemp("film") / "film.mp4", Clip(SCENE, 96, options={"g": "24", "qp": "0"}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The true depth of every frame."""
    path = tmp_path_factory.mktemp("depth")
    for number in range(96):
        np.save(path / f"{number:05}.npy", SCENE.depth(number))
    return path


def luma(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray()[: frame.height].astype(float) for frame in container.decode(video=0)]


def test_each_frame_has_its_own_depth_from_a_folder(running, film, folder, tmp_path):
    shared = running.submit(film, **LOOK, depth_file=str(folder))
    whole = running.submit(film, **LOOK, depth_file=str(folder), segment_seconds=600)
    pictures = luma(running.output(shared, tmp_path))
    assert all(np.array_equal(one, other) for one, other in zip(pictures, luma(running.output(whole, tmp_path)), strict=True))
    assert running.platform.jobs.get(shared.job_id).result.depth == "file"
    for number in (0, 40, 95):
        frame = av.VideoFrame.from_ndarray(SCENE.picture(number, eye=0.5, max_disparity=5.0), format="rgb24").reformat(format="yuv420p")
        true = frame.to_ndarray()[:96].astype(float)
        assert -10 * np.log10((((pictures[number][:, 160:] - true) / 255) ** 2).mean()) > 20


def test_a_depth_video_made_here_gives_the_views_that_it_was_made_with(running, film, tmp_path):
    depth = running.output(running.submit(film, **{**LOOK, "container": "mp4"}, layout=FramePacking.DEPTH), tmp_path)
    again = running.submit(film, **LOOK, depth_file=str(depth))
    other = running.submit(film, **LOOK, depth_file=str(depth), segment_seconds=600)
    estimated = running.submit(film, **LOOK)
    pictures = luma(running.output(again, tmp_path))
    assert all(np.array_equal(a, b) for a, b in zip(pictures, luma(running.output(other, tmp_path)), strict=True))
    plain = luma(running.output(estimated, tmp_path))
    assert np.mean([np.abs(a - b).mean() for a, b in zip(pictures, plain, strict=True)]) < 2


def test_an_excerpt_takes_the_depth_of_its_own_frames(running, film, folder, tmp_path):
    whole = luma(running.output(running.submit(film, **LOOK, depth_file=str(folder)), tmp_path))
    part = luma(running.output(running.submit(film, **LOOK, depth_file=str(folder), start=2, end=3), tmp_path))
    assert len(part) == 24
    assert all(np.array_equal(a, b) for a, b in zip(part, whole[48:72], strict=True))


@pytest.mark.parametrize(("count", "sentence"), [(50, "holds depth for 50 frames"), (None, "There is no depth at")])
def test_depth_that_is_missing_is_said_to_be(running, film, folder, tmp_path, count, sentence):
    own = tmp_path / "own"
    if count is not None:
        own.mkdir()
        for entry in sorted(folder.iterdir())[:count]:
            (own / entry.name).write_bytes(entry.read_bytes())
    done = running.finish(running.submit(film, **LOOK, depth_file=str(own)))
    assert done.status is JobStatus.FAILED
    assert sentence in done.error.message
