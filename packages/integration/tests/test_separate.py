"""Two files, one of each view: both whole, both with all tracks, and gone together."""

from __future__ import annotations

import av
import numpy as np
import pytest

from stereo_spot_media.scene import read_frame_number
from stereo_spot_runtime.operations import delete_job
from stereo_spot_shared import keys
from stereo_spot_shared.jobs import JobStatus
from stereo_spot_shared.rendering import Codec, FramePacking, Quality


def pictures(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray()[: frame.height] for frame in container.decode(video=0)]


def fetched(running, job, folder):
    done = running.finish(job)
    assert done.status is JobStatus.COMPLETED, done.error
    paths = [folder / f"{number}.{job.params.container}" for number in range(len(done.result.files))]
    for file, path in zip(done.result.files, paths, strict=True):
        assert running.platform.storage.get_file(file.key, path).size == file.bytes
    return done, paths


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_each_view_has_a_file_with_every_frame_and_every_track(running, clip, tmp_path, container):
    look = {"quality": Quality.LOSSLESS, "container": container, "max_disparity": 5.0}
    job = running.submit(clip, **look, layout=FramePacking.SEPARATE)
    beside = running.submit(clip, **look)
    done, paths = fetched(running, job, tmp_path)
    assert (done.result.width, done.result.height, done.result.frames) == (160, 96, 96)
    both = pictures(running.output(beside, tmp_path))
    for half, path in enumerate(paths):
        with av.open(str(path)) as opened:
            assert sorted(stream.type for stream in opened.streams) == ["audio", "audio", "subtitle", "video"]
        views = pictures(path)
        assert all(np.array_equal(view, whole[:, 160 * half : 160 * (half + 1)]) for view, whole in zip(views, both, strict=True))
        assert [read_frame_number(view) for view in views] == list(range(96))
    kept = sorted(key for key in running.keys(job) if keys.parse_key(key).kind == "output")
    assert kept == sorted(file.key for file in done.result.files)
    delete_job(running.platform, job.job_id)
    running.wait(job, lambda now: now.swept)
    assert running.keys(job) == []


@pytest.mark.parametrize("codec", [Codec.HEVC, Codec.AV1])
def test_in_other_codecs_too(running, clip, tmp_path, codec):
    _, paths = fetched(running, running.submit(clip, layout=FramePacking.SEPARATE, codec=codec), tmp_path)
    assert [len(pictures(path)) for path in paths] == [96, 96]
