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
from stereo_spot_shared.messages import SegmentReady
from video_worker import completion
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
    recorded = platform.completions.get(job.job_id, 0)
    manifest = load_manifest(platform.storage, job.job_id, job.plan.plan_id)
    assert (recorded.plan_id, recorded.depth, recorded.width, recorded.worker) == (job.plan.plan_id, "basic", 192, "tester")
    assert recorded.frames == len(manifest.segments[0].core)
    assert recorded.context == len(manifest.segments[0].after)
    assert rendered_keys(job) == [keys.answer_key(job.job_id, 0, recorded.attempt_id), recorded.object_key]
    stored = platform.storage.get_file(recorded.object_key, tmp_path / "rendered.nut")
    assert (stored.etag, stored.size) == (recorded.etag, recorded.bytes)
    found = inspect_rendered(tmp_path / "rendered.nut", time_base=manifest.video.time_base, pts_offset=manifest.pts_offset)
    assert (found.times, found.fingerprint) == (manifest.segments[0].core, recorded.fingerprint)
    assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING
    assert list(scratch.iterdir()) == []


def test_sources_that_nobody_needs_any_more_are_removed_some_at_a_time(platform, stage, work, job, monkeypatch):
    monkeypatch.setattr(completion, "_SOURCES_AT_ONCE", 2)
    stage._used = completion.UsedSources()
    sources = [found.key for found in platform.storage.list(keys.segments_prefix(job.job_id)).objects]
    for index, left in enumerate((sources, [])):
        work(stage, job, index)
        assert [key for key in sources if exists(platform.storage, key)] == left


def exists(storage, key):
    return any(found.key == key for found in storage.list(key).objects)


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


def test_after_a_crash_before_the_acknowledgement_the_rest_is_done(platform, stage, stage_with, work, job, monkeypatch):
    """Completion stored, source not removed, job not advanced."""
    monkeypatch.setattr(completion, "_SOURCES_AT_ONCE", 1)
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
    adopted = platform.completions.get(job.job_id, 0)
    assert adopted is not None
    assert adopted.seconds.wall > 0


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


def new_to_the_queue(queue):
    """The queue, of one that knows whether it handed a message out before, as clouds' queues do."""

    class Knowing:
        def __getattr__(self, name):
            return getattr(queue, name)

        def receive(self, **how):
            return [replace(delivery, redelivered=delivery.attempt > 1) for delivery in queue.receive(**how)]

    return Knowing()


class Asked:
    """A store, and the names of what it was asked for."""

    def __init__(self, store):
        self._store, self.names = store, []

    def __getattr__(self, name):
        self.names.append(name)
        return getattr(self._store, name)


def test_nothing_is_looked_for_of_a_segment_that_nobody_was_given_before(platform, stage, work, job):
    work(stage, job, 0)
    known = replace(platform, queues={**platform.queues, Stage.RENDER: new_to_the_queue(platform.queues[Stage.RENDER])})
    asked = replace(known, storage=Asked(platform.storage), completions=Asked(platform.completions), jobs=Asked(platform.jobs))
    work(stage, job, 1, on=asked)
    assert [name for name in asked.storage.names if name != "uri"] == ["get_file"], "what it stored"
    assert asked.completions.names == ["put", "count"]
    assert asked.jobs.names == ["get", "update"], "as the segment before left it at the beginning, newly read at the end"


@pytest.mark.parametrize("how", ["handed out again", "announced again"])
def test_what_an_earlier_attempt_stored_is_adopted_where_there_may_have_been_one(platform, stage, stage_with, work, job, how):
    work(stage, job, 0)
    standing = platform.completions.get(job.job_id, 0)
    platform.completions.delete_by_job(job.job_id)
    known = replace(platform, queues={**platform.queues, Stage.RENDER: new_to_the_queue(platform.queues[Stage.RENDER])})
    if how == "announced again":
        known.queues[Stage.RENDER].send(SegmentReady(job_id=job.job_id, segment_index=0, again=True).encode())
    else:
        known.queues[Stage.RENDER].send(SegmentReady(job_id=job.job_id, segment_index=0).encode())
        (delivery,) = known.queues[Stage.RENDER].receive()
        known.queues[Stage.RENDER].release(delivery)
    idle = stage_with()
    idle.prepare(platform)
    work(idle, job, 0, on=known, send=False)
    assert platform.completions.get(job.job_id, 0).attempt_id == standing.attempt_id
