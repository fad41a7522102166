from __future__ import annotations

import pytest

from media_worker.sweep import sweep_job
from stereo_spot_media.demo_clip import Captions
from stereo_spot_runtime.operations import cancel_job, delete_job
from stereo_spot_shared import keys
from stereo_spot_shared.jobs import JobStatus, Stage
from stereo_spot_shared.messages import SweepRequest


@pytest.fixture
def completed(job, convert):
    return convert(job)


def kinds(found):
    return sorted(keys.parse_key(key).kind for key in found)


def test_a_completed_job_keeps_its_output_plan_and_record(platform, work, completed, all_keys):
    assert {"segment", "rendered", "source"} <= set(kinds(all_keys(completed.job_id)))
    assert work(platform, Stage.SWEEP)
    assert kinds(all_keys(completed.job_id)) == ["manifest", "output", "poster", "result"]
    assert platform.storage.stat(keys.record_key(completed.job_id)).size > 0
    assert platform.completions.count(completed.job_id) == 0
    assert platform.activity.list(completed.job_id) == ()
    assert platform.jobs.get(completed.job_id).swept


def test_what_it_takes_to_watch_a_completed_job_is_kept_and_what_nobody_published_is_not(platform, work, submit_clip, convert, all_keys):
    job = convert(submit_clip(captions=(Captions(((0, 500, "one"),), language="eng"),)))
    for key in (keys.rendition_key(job.job_id), keys.subtitles_key(job.job_id, 7)):
        platform.storage.put_bytes(b"made meanwhile", key)
    work(platform, Stage.SWEEP)
    assert kinds(all_keys(job.job_id)) == ["manifest", "output", "poster", "rendition", "result", "subtitles"]
    assert [file.key for file in job.result.subtitles] == [keys.subtitles_key(job.job_id, 1)]


def test_a_completed_job_that_is_deleted_keeps_its_record_only(platform, work, completed, all_keys):
    work(platform, Stage.SWEEP)
    delete_job(platform, completed.job_id)
    work(platform, Stage.SWEEP)
    assert all_keys(completed.job_id) == []
    assert platform.storage.stat(keys.record_key(completed.job_id)).size > 0
    assert platform.jobs.get(completed.job_id).swept


def test_a_cancelled_job_keeps_nothing(platform, work, job, render, all_keys):
    work(platform, Stage.CHUNK)
    render(platform.jobs.get(job.job_id), 0)
    cancel_job(platform, job.job_id)
    work(platform, Stage.SWEEP)
    assert all_keys(job.job_id) == []
    assert platform.completions.count(job.job_id) == 0
    assert platform.jobs.get(job.job_id).swept


def test_sweeping_twice_changes_nothing(platform, work, completed):
    work(platform, Stage.SWEEP)
    before = platform.jobs.get(completed.job_id)
    platform.queues[Stage.SWEEP].send(SweepRequest(job_id=completed.job_id).encode())
    assert work(platform, Stage.SWEEP)
    assert platform.jobs.get(completed.job_id) == before


def test_a_job_that_is_not_over_is_left_alone(platform, work, job, all_keys):
    work(platform, Stage.CHUNK)
    before = all_keys(job.job_id)
    sweep_job(platform, platform.jobs.get(job.job_id))
    platform.queues[Stage.SWEEP].send(SweepRequest(job_id=job.job_id).encode())
    work(platform, Stage.SWEEP)
    assert all_keys(job.job_id) == before
    assert not platform.jobs.get(job.job_id).swept


def test_a_job_that_was_deleted_while_it_was_swept_is_swept_again(platform, work, completed, all_keys):
    seen = platform.jobs.get(completed.job_id)
    delete_job(platform, completed.job_id)
    sweep_job(platform, seen)
    assert not platform.jobs.get(completed.job_id).swept
    while work(platform, Stage.SWEEP):
        pass
    job = platform.jobs.get(completed.job_id)
    assert (job.status, job.swept, all_keys(job.job_id)) == (JobStatus.DELETED, True, [])
