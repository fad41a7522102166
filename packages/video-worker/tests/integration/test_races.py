"""What others may do while a segment is being rendered; the backend is a stand-in that lets them do it at the right moment."""

from __future__ import annotations

from contextlib import closing

import pytest

from stereo_spot_runtime.operations import cancel_job, delete_job, retry_job
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared import keys
from stereo_spot_shared.errors import Interrupted, RenderFailed, UnsupportedMedia
from stereo_spot_shared.inference import RenderProgress
from stereo_spot_shared.interfaces import QueueDepth
from stereo_spot_shared.jobs import JobStatus, Stage
from stereo_spot_shared.pipeline import STAGES
from video_worker.backends import open_backend
from video_worker.render import RenderStage
from video_worker.settings import VideoWorkerSettings


class HookedBackend:
    """The real backend, with something happening at the first progress, and after it has rendered and stored."""

    def __init__(self, backend, after, during):
        self._backend, self._after, self._during = backend, after, [during]
        self.attempt_id = None

    def render(self, request, *, on_progress, should_stop):
        self.attempt_id = request.attempt_id

        def progress(seen):
            on_progress(seen)
            while self._during:
                self._during.pop()()

        result = self._backend.render(request, on_progress=progress, should_stop=should_stop)
        self._after()
        return result

    def close(self):
        pass


class WaitingBackend:
    """Renders for ever, until it is told to stop; something happens as soon as it has begun."""

    def __init__(self, hook):
        self._hook = hook

    def render(self, request, *, on_progress, should_stop):
        on_progress(RenderProgress(frames=1))
        self._hook()
        while not should_stop():
            pass
        raise Interrupted("stopped")

    def close(self):
        pass


class FailingBackend:
    def __init__(self, error):
        self._error = error

    def render(self, request, *, on_progress, should_stop):
        raise self._error

    def close(self):
        pass


@pytest.fixture
def hooked(stage, stage_with, platform):
    """A stage whose real backend has `after()` called after each rendering."""
    if stage._backend is None:
        stage._backend = open_backend(stage._settings, platform.storage)
    return lambda after, *, during=lambda: None: stage_with(HookedBackend(stage._backend, after, during))


def test_of_two_attempts_at_once_the_first_stands_and_the_other_leaves_nothing(platform, stage, hooked, work, job, rendered_keys, scratch):
    """The other one (with a rendering process of its own) finishes while this one is in the middle of it."""
    with closing(RenderStage(VideoWorkerSettings(scratch_dir=scratch))) as other:
        slower = hooked(lambda: None, during=lambda: work(other, job, 0))
        work(slower, job, 0)
    standing = platform.completions.get(job.job_id, 0)
    assert rendered_keys(job) == [keys.answer_key(job.job_id, 0, standing.attempt_id), standing.object_key]
    assert slower._backend.attempt_id != standing.attempt_id
    assert platform.queues[Stage.RENDER].depth() == QueueDepth(waiting=0, in_flight=0, dead=0)


@pytest.mark.parametrize("end", [cancel_job, delete_job])
def test_a_job_that_ends_after_the_upload_keeps_nothing(platform, hooked, work, job, rendered_keys, end):
    work(hooked(lambda: end(platform, job.job_id)), job, 0)
    assert rendered_keys(job) == []
    assert platform.completions.count(job.job_id) == 0
    assert platform.queues[Stage.RENDER].depth().waiting == 0


def test_a_late_duplicate_of_a_completed_job_keeps_nothing(platform, hooked, work, job, rendered_keys):
    def complete():
        update_job(platform, job.job_id, lambda j: j.evolve(status=JobStatus.COMPLETED))

    work(hooked(complete), job, 0)
    assert rendered_keys(job) == []
    assert platform.completions.count(job.job_id) == 0


def test_a_segment_that_is_finished_while_its_job_fails_is_kept_for_a_retry(platform, hooked, work, job):
    work(hooked(lambda: update_job(platform, job.job_id, lambda j: j.evolve(status=JobStatus.FAILED))), job, 0)
    assert platform.completions.get(job.job_id, 0) is not None
    assert platform.jobs.get(job.job_id).status is JobStatus.FAILED


@pytest.mark.parametrize("end", [cancel_job, delete_job])
def test_rendering_stops_when_nobody_wants_it_any_more(platform, stage_with, work, job, end):
    work(stage_with(WaitingBackend(lambda: end(platform, job.job_id))), job, 0)
    assert platform.queues[Stage.RENDER].depth().waiting == 0


def test_a_segment_that_never_renders_fails_the_job_and_is_named(platform, stage, stage_with, work, job, monkeypatch):
    monkeypatch.setattr("stereo_spot_runtime.retry._COUNTED_BASE", 0.0)
    work(stage, job, 0)
    poisoned = stage_with(FailingBackend(RenderFailed("it burns", hint="put it out")))
    work(poisoned, job, 1)
    for attempt in range(2, STAGES[Stage.RENDER].max_attempts + 1):
        assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING, attempt
        work(poisoned, job, 1, send=False)
    failed = platform.jobs.get(job.job_id)
    assert (failed.status, failed.error.code, failed.error.segment_index) == (JobStatus.FAILED, "render_failed", 1)
    assert "it burns" in failed.error.message
    assert platform.queues[Stage.RENDER].depth().dead == 1
    kept = platform.completions.get(job.job_id, 0)
    retry_job(platform, job.job_id)
    work(stage, job, 1, send=False)
    assert platform.completions.get(job.job_id, 0) == kept
    assert platform.jobs.get(job.job_id).status is JobStatus.REASSEMBLING


def test_media_that_cannot_be_rendered_fails_the_job_at_once(platform, stage_with, work, job):
    work(stage_with(FailingBackend(UnsupportedMedia("no picture decodes"))), job, 1)
    job = platform.jobs.get(job.job_id)
    assert (job.status, job.error.code, job.error.segment_index) == (JobStatus.FAILED, "unsupported_media", 1)


def test_a_segment_whose_source_is_gone_is_a_counted_failure(platform, stage, work, job):
    platform.storage.delete(keys.segment_key(job.job_id, 0, "nut"))
    work(stage, job, 0)
    assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING
    assert platform.queues[Stage.RENDER].depth().waiting == 1


def test_a_segment_that_does_not_exist_is_set_aside(platform, stage_with, work, job):
    work(stage_with(), job, 99)
    assert platform.queues[Stage.RENDER].depth().dead == 1
    assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.REASSEMBLING, JobStatus.FAILED])
def test_a_job_that_renders_nothing_is_left_alone(platform, stage_with, work, job, status):
    update_job(platform, job.job_id, lambda j: j.evolve(status=status))
    before = platform.jobs.get(job.job_id)
    work(stage_with(), job, 0)
    assert platform.jobs.get(job.job_id) == before
    assert platform.queues[Stage.RENDER].depth().waiting == 0


@pytest.fixture
def open_job(platform, job):
    """That job, leaving its depth to whoever renders first."""
    return update_job(platform, job.job_id, lambda job: job.evolve(params=job.params.model_copy(update={"depth": "auto"})))


def test_a_segment_says_what_it_cost_where_the_machine_has_a_rate(platform, stage, work, job):
    """At 3600 an hour, as much as the seconds that it took."""
    priced = RenderStage(stage._settings.model_copy(update={"worker_hour_cost": 3600.0}))
    priced._backend = stage._backend or open_backend(stage._settings, platform.storage)
    stage._backend = priced._backend
    work(priced, job, 0)
    work(stage, job, 1)
    first, second = (platform.completions.get(job.job_id, index) for index in (0, 1))
    assert first.cost == pytest.approx(first.seconds.wall)
    assert second.cost is None


def test_the_first_finished_segment_settles_the_depth_of_the_whole_job(platform, stage, work, open_job):
    work(stage, open_job, 0)
    assert platform.completions.get(open_job.job_id, 0).depth == "basic"
    assert platform.jobs.get(open_job.job_id).params.depth == "basic"


def test_a_segment_with_another_depth_than_the_job_was_settled_with_is_rendered_again(
    platform, hooked, stage, work, open_job, rendered_keys, monkeypatch
):
    """Two workers begin at once, one of which has a model; the other is slower, and renders once more with what was settled."""
    monkeypatch.setattr("stereo_spot_runtime.retry._PLATFORM_BASE", 0.0)

    def settle(depth):
        update_job(platform, open_job.job_id, lambda job: job.evolve(params=job.params.model_copy(update={"depth": depth})))

    work(hooked(lambda: settle("some-model")), open_job, 0)
    assert platform.completions.get(open_job.job_id, 0) is None
    assert rendered_keys(open_job) == []
    assert platform.jobs.get(open_job.job_id).params.depth == "some-model"
    settle("basic")
    work(stage, open_job, 0, send=False)
    assert platform.completions.get(open_job.job_id, 0).depth == "basic"
