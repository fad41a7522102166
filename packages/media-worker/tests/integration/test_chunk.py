from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import av
import pytest
from pydantic_core import to_json

from media_worker import tasks
from media_worker.attempt import Attempt
from media_worker.chunk import _begin, _is_first
from stereo_spot_media.scene import read_frame_number
from stereo_spot_runtime import scratch as scratch_module
from stereo_spot_runtime.advance import advance
from stereo_spot_runtime.manifests import load_manifest, store_manifest
from stereo_spot_runtime.operations import cancel_job, delete_job, retry_job, submit
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared import keys
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.errors import StorageUnavailable, UnsupportedMedia
from stereo_spot_shared.jobs import JobError, JobStatus, Stage
from stereo_spot_shared.messages import ChunkRequest, SegmentReady
from stereo_spot_shared.pipeline import fail
from stereo_spot_shared.rendering import RenderParams


def announced(platform):
    return [SegmentReady.decode(d.body).segment_index for d in platform.queues[Stage.RENDER].receive(max_messages=50)]


def again(platform, job):
    platform.queues[Stage.CHUNK].send(ChunkRequest(job_id=job.job_id).encode())


def test_a_job_is_planned_cut_and_announced(platform, work, job, all_keys, scratch):
    assert work(platform, Stage.CHUNK)
    job = platform.jobs.get(job.job_id)
    manifest = platform.storage.read_range(keys.manifest_key(job.job_id))
    assert job.status is JobStatus.RENDERING
    assert job.plan.plan_id == hashlib.sha256(manifest).hexdigest()
    assert (job.plan.segment_count, job.plan.frame_count, job.plan.duration) == (3, 36, 1.5)
    assert job.plan.chunk_seconds > 0
    assert [key for key in all_keys(job.job_id) if "segments" in key] == [keys.segment_key(job.job_id, i, "nut") for i in range(3)]
    assert sorted(announced(platform)) == [0, 1, 2]
    assert platform.queues[Stage.CHUNK].depth().in_flight == 0
    assert list(scratch.iterdir()) == []


def test_the_first_segment_can_be_rendered_before_the_last_is_cut(platform, work, job, hooked):
    waiting = {}
    work(hooked(lambda key: waiting.update({key: platform.queues[Stage.RENDER].depth().waiting})), Stage.CHUNK)
    assert list(waiting.values()) == [0, 0, 1, 1]
    assert next(iter(waiting)) == keys.poster_key(job.job_id), "the poster is there before rendering begins"


def test_a_message_that_comes_twice_changes_nothing(platform, work, job):
    work(platform, Stage.CHUNK)
    before = platform.jobs.get(job.job_id)
    again(platform, job)
    assert work(platform, Stage.CHUNK)
    assert platform.jobs.get(job.job_id) == before


def test_an_attempt_that_broke_off_is_continued_not_repeated(platform, work, job, hooked):
    stored = []

    def fail_at_the_last(key):
        if key == keys.segment_key(job.job_id, 2, "nut"):
            raise StorageUnavailable("away")
        stored.append(key)

    work(hooked(fail_at_the_last), Stage.CHUNK)
    assert stored == [keys.poster_key(job.job_id), *(keys.segment_key(job.job_id, index, "nut") for index in (0, 1))]
    broken = platform.jobs.get(job.job_id)
    assert broken.status is JobStatus.CHUNKING
    assert platform.queues[Stage.CHUNK].depth().waiting == 1, "released, uncounted"
    second = []
    again(platform, job)
    work(hooked(second.append), Stage.CHUNK)
    assert second == [keys.segment_key(job.job_id, 2, "nut")]
    finished = platform.jobs.get(job.job_id)
    assert finished.status is JobStatus.RENDERING
    assert finished.plan.plan_id == broken.plan.plan_id
    assert finished.plan.chunk_seconds > broken.plan.chunk_seconds


def test_the_poster_is_a_picture_of_the_source(platform, work, job, tmp_path):
    work(platform, Stage.CHUNK)
    path = tmp_path / "poster.jpg"
    platform.storage.get_file(keys.poster_key(job.job_id), path)
    with av.open(str(path)) as opened:
        (frame,) = opened.decode(video=0)
    assert (frame.width, frame.height) == (96, 64)
    assert read_frame_number(frame.to_ndarray(format="gray")) == 4


@pytest.mark.parametrize("fault", ["raises", "finds nothing"])
def test_a_source_without_a_poster_is_cut_all_the_same(platform, work, job, monkeypatch, all_keys, fault):
    """The child is this very program, so the fault is put into it here."""

    def no_poster(*_, **__):
        if fault == "raises":
            raise MemoryError
        return False

    def in_this_process(attempt, function, task, *, returns, on_progress, should_stop=lambda: False, limits=None):
        return tasks.plan_and_cut(task, lambda report: on_progress(json.loads(to_json(report))))

    monkeypatch.setattr(tasks, "make_poster", no_poster)
    monkeypatch.setattr(Attempt, "in_child", in_this_process)
    work(platform, Stage.CHUNK)
    assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING
    assert keys.poster_key(job.job_id) not in all_keys(job.job_id)


@pytest.mark.parametrize("planned", [False, True])
def test_a_poster_that_kills_the_child_is_done_without(platform, work, job, monkeypatch, all_keys, planned):
    """Whether the plan was made just before or by an earlier attempt."""
    if planned:
        work(platform, Stage.CHUNK)
        update_job(platform, job.job_id, lambda j: j.evolve(status=JobStatus.CHUNKING, cut=0))
        for key in (keys.poster_key(job.job_id), keys.segment_key(job.job_id, 2, "nut")):
            platform.storage.delete(key)
        again(platform, job)
    in_child, wanted = Attempt.in_child, []

    def dies_at_the_poster(attempt, function, task, *, on_progress, **options):
        def hear(report):
            if task.poster and ("poster" in report or "no_poster" in report):
                raise UnsupportedMedia("The process that read this file crashed (SIGSEGV).")
            on_progress(report)

        wanted.append(task.poster)
        return in_child(attempt, function, task, on_progress=hear, **options)

    monkeypatch.setattr(Attempt, "in_child", dies_at_the_poster)
    work(platform, Stage.CHUNK)
    assert wanted == [True, False]
    assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING
    assert [key for key in all_keys(job.job_id) if "segments" in key] == [keys.segment_key(job.job_id, i, "nut") for i in range(3)]


def test_rendered_segments_are_not_cut_again(platform, work, job, render, hooked):
    work(platform, Stage.CHUNK)
    job = platform.jobs.get(job.job_id)
    render(job, 1)
    for index in (1, 2):
        platform.storage.delete(keys.segment_key(job.job_id, index, "nut"))
    update_job(platform, job.job_id, lambda j: j.evolve(status=JobStatus.CHUNKING, cut=1))
    again(platform, job)
    stored = []
    work(hooked(stored.append), Stage.CHUNK)
    assert stored == [keys.segment_key(job.job_id, 2, "nut")]


def test_a_plan_that_was_stored_stands_even_if_the_job_was_not_told(platform, work, job, clip):
    """A crash between the two writes; the plan may have been made by another version."""
    other = submit(platform, clip, RenderParams(segment_seconds=1.0, depth="basic", depth_profile="quality"))
    for _ in range(2):
        work(platform, Stage.CHUNK)
    plan = load_manifest(platform.storage, other.job_id, platform.jobs.get(other.job_id).plan.plan_id)
    third = submit(platform, clip, RenderParams(segment_seconds=0.5, depth="basic", depth_profile="quality"))
    plan = plan.model_copy(update={"source_etag": third.source.etag})
    _, plan_id = store_manifest(platform.storage, third.job_id, plan)
    work(platform, Stage.CHUNK)
    finished = platform.jobs.get(third.job_id)
    assert (finished.status, finished.plan.plan_id, finished.plan.segment_count) == (JobStatus.RENDERING, plan_id, len(plan.segments))


def test_of_two_that_plan_at_once_the_first_plan_stands(platform, work, job, clip, monkeypatch):
    """Two versions of the program at once: the loser gives its message back, and works by the standing plan then."""
    work(platform, Stage.CHUNK)
    plan = load_manifest(platform.storage, job.job_id, platform.jobs.get(job.job_id).plan.plan_id)
    third = submit(platform, clip, RenderParams(segment_seconds=0.5, depth="basic", depth_profile="quality"))
    faster = plan.model_copy(update={"last_duration": plan.last_duration + 1})
    monkeypatch.setattr("media_worker.chunk.stored_manifest", lambda *_: store_manifest(platform.storage, third.job_id, faster) and None)
    work(platform, Stage.CHUNK)
    assert platform.jobs.get(third.job_id).plan is None
    assert platform.queues[Stage.CHUNK].depth().waiting == 1
    monkeypatch.undo()
    again(platform, third)
    work(platform, Stage.CHUNK)
    assert load_manifest(platform.storage, third.job_id, platform.jobs.get(third.job_id).plan.plan_id) == faster


def test_a_source_that_was_replaced_is_noticed_before(platform, work, job):
    platform.storage.put_bytes(b"another film", job.source.key)
    work(platform, Stage.CHUNK)
    job = platform.jobs.get(job.job_id)
    assert (job.status, job.error.code) == (JobStatus.FAILED, "source_changed")


def test_a_source_that_is_replaced_meanwhile_is_noticed_after(platform, work, job, hooked):
    work(hooked(lambda _: platform.storage.put_bytes(b"another film", job.source.key)), Stage.CHUNK)
    job = platform.jobs.get(job.job_id)
    assert (job.status, job.error.code) == (JobStatus.FAILED, "source_changed")
    assert "a scene.mp4" in job.error.message


def test_a_source_that_is_gone_is_named(platform, work, job):
    platform.storage.delete(job.source.key)
    work(platform, Stage.CHUNK)
    job = platform.jobs.get(job.job_id)
    assert (job.status, job.error.code) == (JobStatus.FAILED, "missing_source")


@pytest.mark.parametrize(("name", "shown"), [("notes.mp4", "notes.mp4"), ("../../notes.mp4", ".._.._notes.mp4"), ("..", "video")])
def test_what_is_no_video_is_refused_by_its_owners_name(platform, work, tmp_path, name, shown, scratch):
    file = tmp_path / "file"
    file.write_text("#EXTM3U\nhttp://127.0.0.1/secret\n")
    job = submit(platform, file, RenderParams(), name=name)
    work(platform, Stage.CHUNK)
    job = platform.jobs.get(job.job_id)
    assert (job.status, job.error.code) == (JobStatus.FAILED, "unsupported_media")
    assert f"{shown} is a playlist" in job.error.message
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("end", [cancel_job, delete_job])
def test_a_job_that_is_given_up_meanwhile_leaves_nothing(platform, work, job, hooked, all_keys, end):
    def end_and_sweep(key):
        if key.endswith("000001/source.nut"):
            end(platform, job.job_id)
            work(platform, Stage.SWEEP)
            assert platform.jobs.get(job.job_id).swept

    work(hooked(end_and_sweep), Stage.CHUNK)
    assert all_keys(job.job_id) == []
    assert platform.jobs.get(job.job_id).status is (JobStatus.CANCELLED if end is cancel_job else JobStatus.DELETED)
    assert platform.queues[Stage.CHUNK].depth().waiting == 0


def test_what_a_killed_attempt_left_of_a_cancelled_job_goes_when_its_message_comes_again(platform, work, job, all_keys):
    cancel_job(platform, job.job_id)
    work(platform, Stage.SWEEP)
    platform.storage.put_bytes(b"late", keys.segment_key(job.job_id, 0, "nut"))
    again(platform, job)
    while work(platform, Stage.CHUNK):
        pass
    assert all_keys(job.job_id) == []


def test_without_space_the_job_waits_and_is_not_failed(platform, work, job, monkeypatch):
    monkeypatch.setattr(scratch_module, "SPARE_BYTES", 1 << 60)
    work(platform, Stage.CHUNK)
    job = platform.jobs.get(job.job_id)
    assert (job.status, job.plan) == (JobStatus.CHUNKING, None)
    assert platform.queues[Stage.CHUNK].depth().waiting == 1
    assert any("space" in (activity.note or "") for activity in platform.activity.list(job.job_id))
    monkeypatch.undo()
    again(platform, job)
    work(platform, Stage.CHUNK)
    assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING


def test_a_failed_job_is_retried_from_where_it_stood(platform, work, job, hooked, tmp_path, clip):
    platform.storage.delete(job.source.key)
    work(platform, Stage.CHUNK)
    stored = platform.storage.put_file(clip, job.source.key)
    update_job(platform, job.job_id, lambda j: j.evolve(source=j.source.model_copy(update={"etag": stored.etag})))
    retry_job(platform, job.job_id)
    work(platform, Stage.CHUNK)
    assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING
    assert advance(platform, job.job_id).status is JobStatus.RENDERING


def test_whoever_finds_a_job_begun_is_not_the_first(platform, job):
    """Of two who read it while it waited one begins; the other finds it begun, with a version that is the next one for him too."""
    mine, other = utc_now(), utc_now() + timedelta(seconds=1)
    begun = update_job(platform, job.job_id, lambda job: _begin(job, mine))
    assert update_job(platform, job.job_id, lambda job: _begin(job, other), seen=job) == begun
    assert _is_first(begun, mine)
    assert not _is_first(begun, other)
    failed = update_job(platform, job.job_id, lambda job: fail(job, JobError(code="c", message="m", stage=Stage.CHUNK)))
    retry_job(platform, failed.job_id)
    assert not _is_first(update_job(platform, job.job_id, lambda job: _begin(job, other)), other)
