"""A video goes in at one end and comes out at the other, exactly."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import av
import pytest

from stereo_spot_media.scene import read_frame_number
from stereo_spot_runtime.operations import cancel_job, delete_job
from stereo_spot_shared import keys
from stereo_spot_shared.jobs import JobStatus, Stage
from stereo_spot_shared.messages import ChunkRequest, ReassembleRequest, RenditionRequest, SegmentReady, SweepRequest
from stereo_spot_shared.rendering import FramePacking, Quality


def video_times(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return sorted(packet.pts * stream.time_base for packet in container.demux(stream) if packet.pts is not None)


def packets(path, index):
    with av.open(str(path)) as container:
        stream = container.streams[index]
        return [(packet.pts * stream.time_base, bytes(packet)) for packet in container.demux(stream) if packet.size]


def streams(path, kind):
    with av.open(str(path)) as container:
        return [(stream.index, stream.language) for stream in container.streams if stream.type == kind]


def frames(path):
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="gray")


def digest(path):
    digest = hashlib.sha256()
    for picture in frames(path):
        digest.update(picture.tobytes())
    return digest.hexdigest()


def test_every_frame_and_every_sound_arrives(everywhere, clip, tmp_path):
    job = everywhere.submit(clip, quality=Quality.BALANCED)
    output = everywhere.output(job, tmp_path)
    result = everywhere.platform.jobs.get(job.job_id).result
    assert (result.frames, result.width, result.height, result.warnings, result.left_out) == (96, 320, 96, (), ())
    assert video_times(output) == video_times(clip) == [Fraction(n, 24) for n in range(96)]
    left, right = [], []
    for picture in frames(output):
        left.append(read_frame_number(picture[:, :160]))
        right.append(read_frame_number(picture[:, 160:]))
    assert left == right == list(range(96))
    for kind, count in (("audio", 2), ("subtitle", 1)):
        before, after = streams(clip, kind), streams(output, kind)
        assert [language for _, language in before] == [language for _, language in after]
        assert len(before) == count
        for (old, _), (new, _) in zip(before, after, strict=True):
            assert packets(clip, old) == packets(output, new)


def test_a_frame_does_not_depend_on_where_the_video_was_cut(running, clip, tmp_path):
    cut = running.submit(clip, quality=Quality.LOSSLESS)
    whole = running.submit(clip, quality=Quality.LOSSLESS, segment_seconds=600)
    one, other = running.output(cut, tmp_path), running.output(whole, tmp_path)
    assert running.platform.jobs.get(cut.job_id).plan.segment_count == 8
    assert running.platform.jobs.get(whole.job_id).plan.segment_count == 1
    assert digest(one) == digest(other)


def test_messages_that_come_several_times_and_too_early_do_no_harm(everywhere, clip, tmp_path):
    job = everywhere.submit(clip)
    for _ in range(2):
        for index in (0, 3, 7, 500):
            everywhere.platform.queues[Stage.RENDER].send(SegmentReady(job_id=job.job_id, segment_index=index).encode())
        for message in (ChunkRequest, ReassembleRequest, SweepRequest, RenditionRequest):
            everywhere.platform.queues[message.stage].send(message(job_id=job.job_id).encode())
    assert video_times(everywhere.output(job, tmp_path)) == video_times(clip)
    outputs = [key for key in everywhere.keys(job) if keys.parse_key(key).kind == "output"]
    assert outputs == [everywhere.platform.jobs.get(job.job_id).result.output_key]


@pytest.mark.parametrize(("end", "status"), [(cancel_job, JobStatus.CANCELLED), (delete_job, JobStatus.DELETED)])
def test_a_job_that_is_given_up_while_it_runs_leaves_nothing(everywhere, clip, end, status):
    job = everywhere.submit(clip, quality=Quality.HIGH)
    everywhere.wait(job, lambda now: everywhere.platform.completions.count(job.job_id) > 0 or now.status.is_final)
    end(everywhere.platform, job.job_id)
    assert everywhere.finish(job).status is status
    other = everywhere.submit(clip, segment_seconds=600)
    everywhere.finish(other)  # what was being rendered then has been given up by now
    assert everywhere.keys(job) == []
    assert everywhere.platform.completions.count(job.job_id) == 0


def test_a_source_that_is_replaced_while_it_waits_is_refused(running, clip):
    job = running.submit(clip)
    running.platform.storage.put_bytes(b"another film", job.source.key)
    done = running.finish(job)
    assert (done.status, done.error.code) == (JobStatus.FAILED, "source_changed")


@pytest.mark.parametrize("layout", [FramePacking.HALF_TB, FramePacking.ANAGLYPH])
def test_other_layouts_go_the_same_way(running, clip, tmp_path, layout):
    job = running.submit(clip, layout=layout, container="mkv", segment_seconds=2)
    output = running.output(job, tmp_path)
    with av.open(str(output)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (160, 96)
        assert stream.metadata["stereo_mode"] == {"half-tb": "top_bottom", "anaglyph": "anaglyph_cyan_red"}[layout]
    assert len(video_times(output)) == 96
