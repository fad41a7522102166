"""The render stage with the real rendering process."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import pytest

from stereo_spot_media.segment_io import inspect_rendered
from stereo_spot_runtime.manifests import load_manifest
from stereo_spot_runtime.operations import cancel_job, delete_job
from stereo_spot_shared import keys
from stereo_spot_shared.errors import NotFound, StorageUnavailable, StoreUnavailable, VerificationFailed
from stereo_spot_shared.inference import RenderResult
from stereo_spot_shared.jobs import JobStatus, Stage
from video_worker.inspection import check_rendered
from video_worker.segment import Segment

LIES = """
import json, sys
def say(**message):
    print(json.dumps(message), flush=True)
say(ready={})
for line in sys.stdin:
    request = json.loads(line)
    %s
    say(result=result)
"""


def process_of(stage):
    return stage._backend._process._child.pid


def test_a_segment_is_rendered_validated_and_recorded(platform, stage, work, job, rendered_keys, tmp_path, scratch):
    work(stage, job, 0)
    completion = platform.completions.get(job.job_id, 0)
    manifest = load_manifest(platform.storage, job.job_id, job.plan.plan_id)
    assert (completion.plan_id, completion.depth, completion.width, completion.worker) == (job.plan.plan_id, "basic", 192, "tester")
    assert completion.frames == len(manifest.segments[0].core)
    assert completion.context == len(manifest.segments[0].after)
    assert rendered_keys(job) == [keys.answer_key(job.job_id, 0, completion.attempt_id), completion.object_key]
    stored = platform.storage.get_file(completion.object_key, tmp_path / "rendered.nut")
    assert (stored.etag, stored.size) == (completion.etag, completion.bytes)
    found = inspect_rendered(tmp_path / "rendered.nut", time_base=manifest.video.time_base, pts_offset=manifest.pts_offset)
    assert (found.times, found.fingerprint) == (manifest.segments[0].core, completion.fingerprint)
    with pytest.raises(NotFound):
        platform.storage.stat(keys.segment_key(job.job_id, 0, "nut"))
    assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING
    assert list(scratch.iterdir()) == []


def test_the_last_segment_sends_the_job_to_be_joined_in_one_process(platform, stage, work, job):
    work(stage, job, 1)
    first = process_of(stage)
    work(stage, job, 0)
    assert process_of(stage) == first, "the process that has its model loaded is asked again"
    assert platform.jobs.get(job.job_id).status is JobStatus.REASSEMBLING
    assert platform.queues[Stage.REASSEMBLE].depth().waiting == 1


def test_a_message_that_comes_twice_renders_once(platform, stage, stage_with, work, job):
    work(stage, job, 0)
    first = platform.completions.get(job.job_id, 0)
    work(stage_with(), job, 0)
    assert platform.completions.get(job.job_id, 0) == first
    assert platform.queues[Stage.RENDER].depth().in_flight == 0


def test_after_a_crash_before_the_acknowledgement_the_rest_is_done(platform, stage, stage_with, work, job):
    """Completion stored, source not removed, job not advanced."""
    source = keys.segment_key(job.job_id, 1, "nut")
    content = platform.storage.read_range(source)
    work(stage, job, 0)
    work(stage, job, 1)
    platform.storage.put_bytes(content, source)
    platform.jobs.update(platform.jobs.get(job.job_id).model_copy(update={"status": JobStatus.RENDERING}))
    work(stage_with(), job, 1)
    assert platform.jobs.get(job.job_id).status is JobStatus.REASSEMBLING
    with pytest.raises(NotFound):
        platform.storage.stat(source)


def test_an_object_that_was_stored_but_not_recorded_is_adopted(platform, stage, stage_with, work, job):
    class Away:
        def __getattr__(self, name):
            return getattr(platform.completions, name)

        def put(self, completion):
            raise StoreUnavailable("the power went off")

    work(stage, job, 0, on=replace(platform, completions=Away()))
    assert platform.completions.count(job.job_id) == 0
    work(stage_with(), job, 0)
    completion = platform.completions.get(job.job_id, 0)
    assert completion is not None
    assert completion.seconds.wall > 0


@pytest.mark.parametrize("spoil", ["object truncated", "answer missing", "answer unreadable"])
def test_what_is_not_sound_is_not_adopted_but_rendered_again(platform, stage, work, job, spoil):
    work(stage, job, 0)
    old = platform.completions.get(job.job_id, 0)
    platform.completions.delete_by_job(job.job_id)
    answer = keys.answer_key(job.job_id, 0, old.attempt_id)
    if spoil == "object truncated":
        platform.storage.put_bytes(platform.storage.read_range(old.object_key)[:-500], old.object_key)
    elif spoil == "answer missing":
        platform.storage.delete(answer)
    else:
        platform.storage.put_bytes(b"{", answer)
    restore_source(platform, job)
    work(stage, job, 0)
    new = platform.completions.get(job.job_id, 0)
    assert new.attempt_id != old.attempt_id
    assert new.fingerprint == old.fingerprint


def restore_source(platform, job):
    """Cut again what the completion removed."""
    import tempfile
    from pathlib import Path

    from stereo_spot_media.cutting import cut_segments

    manifest = load_manifest(platform.storage, job.job_id, job.plan.plan_id)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.mp4"
        platform.storage.get_file(job.source.key, source)
        for cut in cut_segments(source, manifest, Path(folder)):
            platform.storage.put_file(cut.path, keys.segment_key(job.job_id, cut.index, manifest.segment_container))


def test_a_process_that_is_killed_is_started_again(platform, stage, work, job):
    work(stage, job, 0)
    os.kill(process_of(stage), signal.SIGKILL)
    stage._backend._process._child.wait()
    work(stage, job, 1)
    assert platform.jobs.get(job.job_id).status is JobStatus.REASSEMBLING


@pytest.mark.parametrize(
    "result",
    [
        # A file that was never written, one that is no video, and frames that are claimed but not there.
        "result = RESULT",
        "open(request['output_uri'][7:], 'wb').write(b'not a video'); result = RESULT",
        "open(request['output_uri'][7:], 'wb'); result = RESULT | {'frames': 0, 'lost': request['segment']['core'] | {'start': 1}}",
    ],
)
def test_a_process_that_lies_is_not_believed(platform, stage_with, work, job, result, rendered_keys):
    claimed = RenderResult(frames=10, width=192, height=64, codec="h264", fingerprint="f", depth="basic", bytes=7)
    program = (LIES % result).replace("RESULT", f"json.loads({claimed.model_dump_json()!r})")
    work(stage_with(program=program), job, 0)
    assert platform.completions.count(job.job_id) == 0
    assert [key for key in rendered_keys(job) if key.endswith(".nut")] == []
    assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING
    assert platform.queues[Stage.RENDER].depth().waiting == 1, "another attempt is made"


def test_frames_of_another_segment_are_not_taken_for_this_ones(platform, stage, work, job, tmp_path):
    work(stage, job, 0)
    work(stage, job, 1)
    manifest = load_manifest(platform.storage, job.job_id, job.plan.plan_id)
    other = platform.completions.get(job.job_id, 1)
    platform.storage.get_file(other.object_key, tmp_path / "other.nut")
    answer = RenderResult.model_validate_json(platform.storage.read_range(keys.answer_key(job.job_id, 1, other.attempt_id)))
    check_rendered(Segment(job, job.plan.plan_id, manifest, manifest.segments[1]), answer, tmp_path / "other.nut", lambda: False)
    claim = answer.model_copy(update={"frames": len(manifest.segments[0].core)})
    with pytest.raises(VerificationFailed, match="are not the"):
        check_rendered(Segment(job, job.plan.plan_id, manifest, manifest.segments[0]), claim, tmp_path / "other.nut", lambda: False)


def test_storage_that_is_away_is_waited_for(platform, stage, work, job):
    class Away:
        def __getattr__(self, name):
            return getattr(platform.storage, name)

        def put_file(self, path, key, *, if_absent=False):
            raise StorageUnavailable("away")

    work(stage, job, 0)
    stage._backend._storage = Away()
    work(stage, job, 1)
    assert platform.completions.get(job.job_id, 1) is None
    assert platform.queues[Stage.RENDER].depth().waiting == 1


@pytest.mark.parametrize("end", [cancel_job, delete_job])
def test_what_a_killed_attempt_left_of_an_ended_job_goes_when_its_message_comes_again(platform, stage, work, job, rendered_keys, end):
    work(stage, job, 0)
    end(platform, job.job_id)
    assert rendered_keys(job) != []
    work(stage, job, 0)
    assert rendered_keys(job) == []
    assert platform.completions.count(job.job_id) == 0
