"""Every real clip goes through the whole pipeline, cut every two seconds."""

from __future__ import annotations

from collections import Counter

import av
import pytest

from stereo_spot_media.testing import real_clips
from stereo_spot_shared.jobs import JobStatus

QUICK = {"video_desks.3gp", "test-025.ts"}
CLIPS = [pytest.param(path, id=path.name, marks=() if path.name in QUICK else pytest.mark.slow) for path in real_clips()]
NONE = pytest.param(None, id="none", marks=pytest.mark.skip(reason="the folder of real clips is not here (STEREO_SPOT_TEST_DATA)"))


@pytest.mark.parametrize("clip", CLIPS or [NONE])
@pytest.mark.parametrize("container", ["mp4", pytest.param("mkv", marks=pytest.mark.slow)])
def test_it_is_converted_exactly(running, clip, container, tmp_path):
    job = running.submit(clip, segment_seconds=2, container=container)
    done = running.finish(job)
    assert done.status is JobStatus.COMPLETED, done.error
    output = tmp_path / f"output.{container}"
    running.platform.storage.get_file(done.result.output_key, output)
    expected = decoded_times(clip)
    shown = decoded_times(output)
    assert len(shown) == len(expected) == done.result.frames
    shift = shown[0] - expected[0] if clip.suffix == ".ts" else 0  # the clock of a transport stream has no origin
    tolerance = 0 if container == "mp4" else 0.0011
    assert all(abs(new - old - shift) <= tolerance for new, old in zip(shown, expected, strict=True))
    assert sound(output) == sound(clip)


def decoded_times(path):
    """Of every frame of the largest picture that a whole decode gives."""
    times = []
    with av.open(str(path), metadata_errors="replace") as container:
        stream = max(container.streams.video, key=lambda video: video.width * video.height)
        for packet in container.demux(stream):
            try:
                times += [frame.pts * stream.time_base for frame in packet.decode()]
            except av.FFmpegError:
                continue
    return times


def sound(path):
    """How often each packet of sound occurs, whatever its track."""
    with av.open(str(path), metadata_errors="replace") as container:
        found = [bytes(packet) for packet in container.demux(container.streams.audio) if packet.size] if container.streams.audio else []
    return Counter(found)
