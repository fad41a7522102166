"""A part of a video: the frames between two times, exactly, with the sound, subtitles and chapters that belong to them."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from stereo_spot_media.demo_clip import Captions, Clip, Sound, write_clip
from stereo_spot_media.scene import Scene, read_frame_number
from stereo_spot_shared.jobs import JobStatus
from stereo_spot_shared.rendering import Container, Quality

RATE = Fraction(24)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Ten seconds, a keyframe each second."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    captions = Captions(((500, 3500, "before and in"), (4000, 5000, "in"), (6500, 9000, "in and after"), (9200, 9500, "after")))
    clip = Clip(
        scene=Scene(width=160, height=96, rate=RATE),
        frames=240,
        options={"g": "24", "preset": "ultrafast"},
        sounds=(Sound(language="eng"),),
        captions=(captions,),
        chapters=((0, 2000, "one"), (2000, 5000, "two"), (5000, 10_000, "three")),
    )
    return write_clip(path, clip)


def numbers(path):
    with av.open(str(path)) as container:
        return [read_frame_number(frame.to_ndarray(format="gray")[:, :160]) for frame in container.decode(video=0)]


def beeps(path):
    """Seconds at which the sound's beeps begin: one at every whole second of the source."""
    with av.open(str(path)) as container:
        loud = [
            float(frame.pts * frame.time_base) + at / frame.sample_rate
            for frame in container.decode(audio=0)
            for at in np.flatnonzero(np.abs(frame.to_ndarray()).max(axis=0) > 0.3)
        ]
    return [time for before, time in pairwise([-1.0, *loud]) if time > before + 0.5]


@pytest.mark.parametrize("container", Container)
@pytest.mark.parametrize(("start", "end"), [("3.1", "7"), ("0", "2.5"), ("6.25", None), ("3", Fraction(73, 24))])
def test_the_frames_between_two_times_with_their_sound(running, film, tmp_path, container, start, end):
    start, end = Fraction(start), None if end is None else Fraction(end)
    job = running.submit(film, container=container, start=start, end=end, segment_seconds=1.0)
    output = running.output(job, tmp_path)
    expected = [n for n in range(240) if n / RATE >= start and (end is None or n / RATE < end)]
    assert numbers(output) == expected
    with av.open(str(output)) as opened:
        stream = opened.streams.video[0]
        times = sorted(packet.pts * stream.time_base for packet in opened.demux(stream) if packet.size)
    exact = [(n - expected[0]) / RATE for n in expected]
    assert all(abs(a - b) <= Fraction(1, 1000) for a, b in zip(times, exact, strict=True))  # the tick of the source's clock
    first, last = expected[0] / RATE, (expected[-1] + 1) / RATE
    seconds = [second for second in range(11) if first + Fraction(1, 20) < second < last - Fraction(1, 20)]
    heard = [time for time in beeps(output) if 0.03 < time < float(last - first) - 0.03]
    assert heard == pytest.approx([float(second - first) for second in seconds], abs=0.03)


def test_subtitles_and_chapters_are_cut_to_it(running, film, tmp_path):
    output = running.output(running.submit(film, container=Container.MKV, start=3, end=7), tmp_path)
    with av.open(str(output)) as opened:
        stream = opened.streams.subtitles[0]
        shown = [(float(p.pts * p.time_base), float(p.duration * p.time_base), bytes(p).decode()) for p in opened.demux(stream) if p.size]
        chapters = [
            (float(c["start"] * c["time_base"]), float(c["end"] * c["time_base"]), c["metadata"]["title"]) for c in opened.chapters()
        ]
    assert shown == [(0.0, 0.5, "before and in"), (1.0, 1.0, "in"), (3.5, 0.5, "in and after")]
    assert chapters == [(0.0, 2.0, "two"), (2.0, 4.0, "three")]


def test_the_pictures_are_those_of_the_whole_video(running, film, tmp_path):
    whole = running.output(running.submit(film, quality=Quality.LOSSLESS, container=Container.MKV), tmp_path)
    part = running.output(
        running.submit(film, quality=Quality.LOSSLESS, container=Container.MKV, start=4, end=5, segment_seconds=0.5), tmp_path
    )

    def pictures(path):
        with av.open(str(path)) as container:
            return [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]

    assert pictures(part) == pictures(whole)[96:120]


def test_a_part_without_frames_is_refused(running, film):
    done = running.finish(running.submit(film, start=11, end=12))
    assert done.status is JobStatus.FAILED
    assert done.error.message.endswith("No frame is shown between 11 s and 12 s.")
    assert "9.958 s" in done.error.hint
