from __future__ import annotations

import threading
from dataclasses import replace
from fractions import Fraction

import av
import pytest

from media_worker.record import job_result
from stereo_spot_media.demo_clip import Captions, Sound
from stereo_spot_media.joining import ReassembleResult
from stereo_spot_runtime.advance import advance
from stereo_spot_runtime.manifests import load_manifest
from stereo_spot_runtime.operations import cancel_job, delete_job, retry_job
from stereo_spot_runtime.paging import all_completions
from stereo_spot_shared import keys
from stereo_spot_shared.errors import Conflict, StorageUnavailable
from stereo_spot_shared.interfaces import ObjectInfo
from stereo_spot_shared.jobs import JobResult, JobStatus, Stage, SubtitleFile
from stereo_spot_shared.manifest import Track, TrackKind
from stereo_spot_shared.messages import ReassembleRequest
from stereo_spot_shared.records import ConversionRecord


@pytest.fixture
def rendered(platform, work, job, render):
    """A job all of whose segments are rendered, with its ReassembleRequest on the way."""
    work(platform, Stage.CHUNK)
    job = platform.jobs.get(job.job_id)
    for index in range(3):
        render(job, index)
    job = advance(platform, job.job_id)
    assert job.status is JobStatus.REASSEMBLING
    return job


def again(platform, job):
    platform.queues[Stage.REASSEMBLE].send(ReassembleRequest(job_id=job.job_id).encode())


def outputs(all_keys, job):
    return [key for key in all_keys(job.job_id) if keys.parse_key(key).kind == "output"]


def video_times(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return sorted(packet.pts * stream.time_base for packet in container.demux(stream) if packet.pts is not None)


def audio_bytes(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]


def test_the_output_is_published_and_exact(platform, work, rendered, clip, tmp_path, scratch):
    work(platform, Stage.REASSEMBLE)
    job = platform.jobs.get(rendered.job_id)
    assert job.status is JobStatus.COMPLETED
    output = tmp_path / "output.mp4"
    stored = platform.storage.get_file(job.result.output_key, output)
    assert (job.result.bytes, job.result.etag) == (stored.size, stored.etag)
    assert (job.result.frames, job.result.width, job.result.height, job.result.depth) == (36, 192, 64, "basic")
    assert video_times(output) == video_times(clip) == [Fraction(n, 24) for n in range(36)]
    assert audio_bytes(output) == audio_bytes(clip)
    assert list(scratch.iterdir()) == []


def test_the_conversion_is_recorded(platform, work, rendered):
    work(platform, Stage.REASSEMBLE)
    record = ConversionRecord.model_validate_json(platform.storage.read_range(keys.record_key(rendered.job_id)))
    assert (record.frames, record.segments, record.workers, record.source_width, record.duration) == (36, 3, 1, 96, 1.5)
    assert record.context_frames > 0
    assert record.render.wall > 0
    assert record.machine.cores > 0
    assert record.total_seconds > record.chunk_seconds > 0


def test_a_message_that_comes_twice_changes_nothing(platform, work, rendered):
    work(platform, Stage.REASSEMBLE)
    before = platform.jobs.get(rendered.job_id)
    again(platform, rendered)
    assert work(platform, Stage.REASSEMBLE)
    assert platform.jobs.get(rendered.job_id) == before


def test_of_two_at_once_one_is_published_and_the_other_leaves_nothing(platform, work, rendered, hooked, all_keys):
    again(platform, rendered)
    both_joined = threading.Barrier(2, timeout=120)
    slow = hooked(lambda _: both_joined.wait())
    threads = [threading.Thread(target=work, args=(slow, Stage.REASSEMBLE)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    job = platform.jobs.get(rendered.job_id)
    assert job.status is JobStatus.COMPLETED
    assert outputs(all_keys, job) == [job.result.output_key]


def test_a_crash_between_result_and_status_is_only_told_to_the_job(platform, work, rendered, hooked):
    work(platform, Stage.REASSEMBLE)
    result = platform.storage.read_range(keys.result_key(rendered.job_id))
    completed = platform.jobs.get(rendered.job_id)
    platform.jobs.update(completed.model_copy(update={"status": JobStatus.REASSEMBLING, "result": None}))
    again(platform, rendered)
    stored = []
    work(hooked(stored.append), Stage.REASSEMBLE)
    assert stored == [], "nothing is joined a second time"
    job = platform.jobs.get(rendered.job_id)
    assert (job.status, job.result) == (JobStatus.COMPLETED, JobResult.model_validate_json(result))


def test_a_crash_between_output_and_result_is_done_again_and_its_output_swept(platform, work, rendered, all_keys):
    orphan = keys.output_key(rendered.job_id, "deadbeef", "mp4")
    platform.storage.put_bytes(b"an output that nobody published", orphan)
    work(platform, Stage.REASSEMBLE)
    job = platform.jobs.get(rendered.job_id)
    assert job.status is JobStatus.COMPLETED
    work(platform, Stage.SWEEP)
    assert outputs(all_keys, job) == [job.result.output_key]


def test_a_result_whose_output_is_lost_does_not_count(platform, work, rendered, all_keys):
    work(platform, Stage.REASSEMBLE)
    completed = platform.jobs.get(rendered.job_id)
    platform.storage.delete(completed.result.output_key)
    platform.jobs.update(completed.model_copy(update={"status": JobStatus.REASSEMBLING, "result": None}))
    again(platform, rendered)
    work(platform, Stage.REASSEMBLE)
    job = platform.jobs.get(rendered.job_id)
    assert job.status is JobStatus.COMPLETED
    assert outputs(all_keys, job) == [job.result.output_key] != [completed.result.output_key]


def test_a_rendered_segment_that_is_gone_is_named(platform, work, rendered, all_keys, scratch):
    platform.storage.delete(platform.completions.get(rendered.job_id, 1).object_key)
    work(platform, Stage.REASSEMBLE)
    job = platform.jobs.get(rendered.job_id)
    assert (job.status, job.error.code) == (JobStatus.FAILED, "verification_failed")
    assert "segment 1" in job.error.message
    assert outputs(all_keys, job) == []
    assert list(scratch.iterdir()) == []


def test_a_rendered_segment_that_was_truncated_is_never_published(platform, work, rendered, all_keys):
    key = platform.completions.get(rendered.job_id, 2).object_key
    platform.storage.put_bytes(platform.storage.read_range(key)[:-2000], key)
    work(platform, Stage.REASSEMBLE)
    job = platform.jobs.get(rendered.job_id)
    assert (job.status, job.error.code) == (JobStatus.FAILED, "verification_failed")
    assert outputs(all_keys, job) == []


def test_a_source_that_was_replaced_is_noticed(platform, work, rendered, all_keys):
    platform.storage.put_bytes(b"another film", rendered.source.key)
    work(platform, Stage.REASSEMBLE)
    job = platform.jobs.get(rendered.job_id)
    assert (job.status, job.error.code) == (JobStatus.FAILED, "source_changed")


def test_storage_that_is_away_is_waited_for(platform, work, rendered, hooked):
    def away(_):
        raise StorageUnavailable("away")

    work(hooked(away), Stage.REASSEMBLE)
    assert platform.jobs.get(rendered.job_id).status is JobStatus.REASSEMBLING
    again(platform, rendered)
    work(platform, Stage.REASSEMBLE)
    assert platform.jobs.get(rendered.job_id).status is JobStatus.COMPLETED


class AnswerLost:
    """Storage whose first answer to a put of a result is lost, and which takes what it stored for somebody else's."""

    def __init__(self, storage):
        self._storage = storage

    def __getattr__(self, name):
        return getattr(self._storage, name)

    def put_bytes(self, data, key, *, if_absent=False):
        info = self._storage.put_bytes(data, key, if_absent=if_absent)
        if if_absent:
            raise Conflict("there is an object already")
        return info


def test_a_result_of_its_own_that_seems_to_be_anothers_keeps_its_output(platform, work, rendered, all_keys):
    work(replace(platform, storage=AnswerLost(platform.storage)), Stage.REASSEMBLE)
    job = platform.jobs.get(rendered.job_id)
    assert job.status is JobStatus.COMPLETED
    assert outputs(all_keys, job) == [job.result.output_key]


def test_a_published_job_that_failed_and_is_retried_is_not_joined_again(platform, work, rendered, hooked):
    work(platform, Stage.REASSEMBLE)
    completed = platform.jobs.get(rendered.job_id)
    platform.jobs.update(completed.model_copy(update={"status": JobStatus.FAILED, "result": None}))
    retry_job(platform, completed.job_id)
    stored = []
    work(hooked(stored.append), Stage.REASSEMBLE)
    assert stored == []
    assert platform.jobs.get(completed.job_id).result == completed.result


@pytest.mark.parametrize("clip_of", [{"captions": (Captions(((0, 500, "one"),), language="eng"),)}, {"params": {"layout": "separate"}}])
@pytest.mark.parametrize("end", [cancel_job, delete_job])
def test_a_job_of_several_files_that_is_given_up_between_two_leaves_none(
    platform, work, render, submit_clip, hooked, all_keys, clip_of, end
):
    job = submit_clip(sounds=(Sound(),), **clip_of)
    work(platform, Stage.CHUNK)
    job = platform.jobs.get(job.job_id)
    for index in range(job.plan.segment_count):
        render(job, index)
    advance(platform, job.job_id)
    swept = []

    def end_and_sweep(key):
        if not swept and keys.parse_key(key).kind == "output":
            end(platform, job.job_id)
            swept.append(work(platform, Stage.SWEEP))

    work(hooked(end_and_sweep), Stage.REASSEMBLE)
    assert swept == [True]
    assert all_keys(job.job_id) == []


@pytest.mark.parametrize("end", [cancel_job, delete_job])
def test_a_job_that_is_given_up_meanwhile_leaves_nothing(platform, work, rendered, hooked, all_keys, end):
    def end_and_sweep(_):
        end(platform, rendered.job_id)
        work(platform, Stage.SWEEP)

    work(hooked(end_and_sweep), Stage.REASSEMBLE)
    assert platform.jobs.get(rendered.job_id).swept
    assert all_keys(rendered.job_id) == []
    assert platform.storage.list(keys.RECORDS_PREFIX).objects == ()


def test_text_subtitles_become_files_of_their_own(platform, convert, submit_clip):
    captions = (Captions(((250, 500, "a < b"),), language="deu"), Captions(((0, 900, "0,0,Default,,0,0,0,,one\\Ntwo"),), codec="ass"))
    job = convert(submit_clip(captions=captions, sounds=(Sound(),)))
    assert job.result.subtitles == (
        SubtitleFile(key=keys.subtitles_key(job.job_id, 2), language="deu"),
        SubtitleFile(key=keys.subtitles_key(job.job_id, 3)),
    )
    texts = [platform.storage.read_range(file.key).decode() for file in job.result.subtitles]
    assert texts == [
        "WEBVTT\n\n00:00:00.250 --> 00:00:00.500\na &lt; b\n",
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.900\none\ntwo\n",
    ]


def test_subtitles_that_cannot_be_written_are_named_in_the_result(job, platform, rendered, work):
    manifest = load_manifest(platform.storage, rendered.job_id, rendered.plan.plan_id)
    completions = list(all_completions(platform.completions, rendered.job_id))
    track = Track(index=4, kind=TrackKind.SUBTITLE, codec="subrip", language="eng", left_out="it holds more words than any film")
    joined = ReassembleResult(
        frames=1, bytes=1, width=2, height=2, codec="h264", sample_aspect_ratio=1, carried=(), left_out=(), without_webvtt=(track,)
    )
    result = job_result(rendered, manifest, completions, joined, [ObjectInfo("k", 1, "e")])
    assert result.warnings == ("There is no WebVTT file of subtitle track 4 (subrip, eng): it holds more words than any film.",)
    assert result.subtitles == ()


@pytest.mark.parametrize(("costs", "together"), [((0.5, 0.25, 1.0), 1.75), ((0.5, None, 1.0), None)])
def test_a_job_cost_what_its_segments_cost_if_all_of_them_say(rendered, platform, costs, together):
    manifest = load_manifest(platform.storage, rendered.job_id, rendered.plan.plan_id)
    completions = all_completions(platform.completions, rendered.job_id)
    priced = [one.model_copy(update={"cost": cost}) for one, cost in zip(completions, costs, strict=True)]
    joined = ReassembleResult(frames=1, bytes=1, width=2, height=2, codec="h264", sample_aspect_ratio=1, carried=(), left_out=())
    assert job_result(rendered, manifest, priced, joined, [ObjectInfo("k", 1, "e")]).render_cost == together


def test_frames_that_the_source_had_lost_are_told(platform, work, job, render, tmp_path):
    """A segment of which nothing could be decoded: its times are missing in the output, and the result says so."""
    work(platform, Stage.CHUNK)
    job = platform.jobs.get(job.job_id)
    spec = load_manifest(platform.storage, job.job_id, job.plan.plan_id).segments[1]
    first, end = spec.first_frame, spec.first_frame + len(spec.core)
    for index in (0, 2):
        render(job, index)
    render(job, 1, frames=0, lost=spec.core)
    advance(platform, job.job_id)
    work(platform, Stage.REASSEMBLE)
    job = platform.jobs.get(job.job_id)
    assert job.status is JobStatus.COMPLETED, job.error
    assert (job.result.frames, job.result.lost) == (36 - len(spec.core), spec.core)
    (sentence,) = job.result.warnings
    assert f"{len(spec.core)} of 36 frames" in sentence
    assert f"between 0:{first / 24:05.2f} and 0:{(end - 1) / 24:05.2f}" in sentence
    platform.storage.get_file(job.result.output_key, tmp_path / "output.mp4")
    assert video_times(tmp_path / "output.mp4") == [Fraction(n, 24) for n in range(36) if not first <= n < end]
