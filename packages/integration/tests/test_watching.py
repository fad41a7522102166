"""What it takes to watch a job in a browser: poster, subtitles, and a version that every browser plays."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest

from stereo_spot_media.demo_clip import Captions, Clip, Sound, write_clip
from stereo_spot_media.scene import Scene, read_frame_number
from stereo_spot_runtime.operations import delete_job
from stereo_spot_shared import keys
from stereo_spot_shared.jobs import Stage
from stereo_spot_shared.messages import RenditionRequest
from stereo_spot_shared.rendering import Container


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Four seconds with subtitles in two wrappings."""
    lines = ((500, 1500, "before & in"), (2000, 2500, "in"), (3500, 3900, "after"))
    styled = tuple((start, end, f"0,0,Default,,0,0,0,,{{\\i1}}{text}") for start, end, text in lines)
    clip = Clip(
        scene=Scene(width=160, height=96, rate=Fraction(24)),
        frames=96,
        options={"g": "24", "preset": "ultrafast"},
        sounds=(Sound("flac", language="eng"),),
        captions=(Captions(lines, language="eng"), Captions(styled, codec="ass", language="deu")),
    )
    return write_clip(tmp_path_factory.mktemp("film") / "film.mkv", clip)


def test_a_job_can_be_watched(running, film, tmp_path):
    """An excerpt, from its poster to its end."""
    platform = running.platform
    job = running.submit(film, start=1, end=3, container=Container.MKV)
    running.wait(job, lambda now: now.cut > 0 or now.status.is_final)
    assert keys.poster_key(job.job_id) in running.keys(job), "it is there once the first segment is"
    output = running.output(job, tmp_path)
    done = platform.jobs.get(job.job_id)
    assert [file.language for file in done.result.subtitles] == ["eng", "deu"]
    wanted = "WEBVTT\n\n00:00:00.000 --> 00:00:00.500\nbefore &amp; in\n\n00:00:01.000 --> 00:00:01.500\nin\n"
    for file in done.result.subtitles:
        assert platform.storage.read_range(file.key).decode() == wanted
    platform.storage.get_file(keys.poster_key(job.job_id), tmp_path / "poster.jpg")
    assert numbers(tmp_path / "poster.jpg") == [29]

    platform.queues[Stage.RENDITION].send(RenditionRequest(job_id=job.job_id).encode())
    running.wait(job, lambda now: keys.rendition_key(job.job_id) in running.keys(job))
    assert platform.jobs.get(job.job_id) == done
    platform.storage.get_file(keys.rendition_key(job.job_id), tmp_path / "rendition.mp4")
    assert numbers(tmp_path / "rendition.mp4", 160) == numbers(output, 160) == list(range(24, 72))
    with av.open(str(tmp_path / "rendition.mp4")) as opened:
        assert [stream.codec_context.name for stream in opened.streams] == ["h264", "aac"]

    kinds = {keys.parse_key(key).kind for key in running.keys(job)}
    assert kinds == {"manifest", "poster", "output", "result", "rendition", "subtitles"}
    delete_job(platform, job.job_id)
    running.finish(job)
    assert running.keys(job) == []


def numbers(path, width=None):
    """The numbers in the left view of all frames."""
    with av.open(str(path)) as opened:
        return [read_frame_number(frame.to_ndarray(format="gray")[:, :width]) for frame in opened.decode(video=0)]
