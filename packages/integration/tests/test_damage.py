"""A source with broken packets: what decodes is converted, and the result says what was lost and where."""

from __future__ import annotations

import random

import av
import pytest

from stereo_spot_media.demo_clip import Clip, write_clip
from stereo_spot_shared.jobs import JobStatus

BROKEN = (30, 31, 32)
"""Packets, in decoding order, whose bytes are replaced."""


@pytest.fixture
def damaged(tmp_path):
    """Four seconds with a keyframe every second, some of whose packets hold nothing but noise behind their lengths."""
    clip = tmp_path / "damaged.mkv"
    write_clip(clip, Clip(frames=100, options={"x264-params": "keyint=25:min-keyint=25:scenecut=0"}))
    data = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    noise = random.Random(1)
    for number in BROKEN:
        at = bytes(data).index(packets[number])
        data[at : at + len(packets[number])] = noise.randbytes(len(packets[number]))
    clip.write_bytes(data)
    return clip


def decoded_times(path):
    times = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            try:
                times += [frame.pts * stream.time_base for frame in packet.decode()]
            except av.FFmpegError:
                continue
    return times


def test_what_decodes_is_converted_and_what_was_lost_is_said(running, damaged, tmp_path):
    expected = decoded_times(damaged)
    assert 90 <= len(expected) < 100, "the source is not damaged as this test wants it"
    done = running.finish(running.submit(damaged, segment_seconds=1))
    assert done.status is JobStatus.COMPLETED, done.error
    output = tmp_path / "output.mp4"
    running.platform.storage.get_file(done.result.output_key, output)
    assert decoded_times(output) == expected
    assert len(done.result.lost) == 100 - len(expected)
    assert any("1.2" in warning for warning in done.result.warnings), done.result.warnings
