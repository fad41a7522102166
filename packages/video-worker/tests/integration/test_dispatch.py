"""Segments that are rendered somewhere else and answered by message; the backend stands in for a cloud's, and renders when told to."""

from __future__ import annotations

import threading

import pytest

from stereo_spot_runtime.consumer import QueueConsumer
from stereo_spot_runtime.operations import cancel_job, retry_job
from stereo_spot_shared.api.problem import Problem
from stereo_spot_shared.errors import InferenceUnavailable, RenderFailed, UnsupportedMedia
from stereo_spot_shared.jobs import JobStatus, Stage
from stereo_spot_shared.messages import SegmentReady, SegmentRendered
from stereo_spot_shared.pipeline import STAGES
from video_worker import dispatch
from video_worker.backends import open_backend
from video_worker.render import RenderStage
from video_worker.rendered import RenderedStage


class Cloud:
    """An asynchronous backend. `finish` renders the oldest request for real and answers; `fail` answers with an error."""

    pool, limit, seconds = "cloud", 1, 600.0

    def __init__(self, backend, platform):
        self._backend, self._platform = backend, platform
        self.requests = []
        self.refusal = None

    def dispatch(self, request, *, failures):
        if self.refusal is not None:
            raise self.refusal
        self.requests.append((request, failures))

    def finish(self, *, lost=False):
        request, failures = self.requests.pop(0)
        self._backend.render(request, on_progress=lambda _: None, should_stop=lambda: False)
        if not lost:
            self._answer(request, failures)

    def fail(self, error):
        request, failures = self.requests.pop(0)
        self._answer(request, failures, Problem.of(error))

    def say_it_is_done(self):
        self._answer(*self.requests.pop(0))

    def close(self):
        pass

    def _answer(self, request, failures, problem=None):
        index, attempt = request.segment.index, request.attempt_id
        answer = SegmentRendered(job_id=request.job_id, segment_index=index, attempt_id=attempt, failures=failures, problem=problem)
        self._platform.queues[Stage.RENDERED].send(answer.encode())


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr("stereo_spot_runtime.retry._COUNTED_BASE", 0.0)
    monkeypatch.setattr("stereo_spot_runtime.retry._PLATFORM_BASE", 0.0)
    monkeypatch.setattr(dispatch, "FULL_SECONDS", 0.0)


@pytest.fixture
def cloud(stage, platform):
    if stage._backend is None:
        stage._backend = open_backend(stage._settings, platform.storage)
    return Cloud(stage._backend, platform)


@pytest.fixture
def sending(stage, cloud):
    """The render stage of a worker that sends segments to the cloud."""
    sending = RenderStage(stage._settings.model_copy(update={"inference_look_seconds": 0.0}))
    sending._backend = cloud
    return sending


@pytest.fixture
def no_clock(sending):
    """Nobody looks after what is on its way."""
    sending._settings = sending._settings.model_copy(update={"inference_look_seconds": 600.0})


@pytest.fixture
def hear(platform, sending):
    """Have the answer that waits handled by the real consumer."""

    def hear():
        handler = RenderedStage(sending._settings, sending)
        consumer = QueueConsumer(Stage.RENDERED, handler, platform, worker="tester", stop=threading.Event(), on_hung=lambda _: None)
        (delivery,) = platform.queues[Stage.RENDERED].receive()
        consumer.handle(delivery)

    return hear


def is_on_its_way(platform, job, index=0):
    """Whether the segment holds the one slot that there is."""
    taken = platform.slots.take("cloud", "somebody", limit=1, seconds=60)
    platform.slots.free("cloud", "somebody")
    return not taken


def test_a_segment_is_sent_and_recorded_when_its_answer_comes(platform, cloud, sending, hear, work, job):
    work(sending, job, 0)
    assert is_on_its_way(platform, job)
    assert [sign.note for sign in platform.activity.list(job.job_id)] == ["The segment was sent away to be rendered."]
    cloud.finish()
    hear()
    assert platform.completions.get(job.job_id, 0).depth == "basic"
    assert not is_on_its_way(platform, job)
    work(sending, job, 0, send=False)
    assert platform.queues[Stage.RENDER].depth().waiting == 0, "the clock stops"
    work(sending, job, 1)
    cloud.finish()
    hear()
    assert platform.jobs.get(job.job_id).status is JobStatus.REASSEMBLING


def test_a_segment_that_is_on_its_way_is_not_sent_again(platform, cloud, sending, work, job):
    for _ in range(STAGES[Stage.RENDER].max_attempts + 1):
        work(sending, job, 0, send=not cloud.requests)
    assert len(cloud.requests) == 1
    assert platform.queues[Stage.RENDER].depth().waiting == 1, "its message is the clock, and looking is no attempt"


def test_a_lost_answer_is_found_when_the_segment_is_looked_after(platform, cloud, sending, work, job):
    work(sending, job, 0)
    cloud.finish(lost=True)
    work(sending, job, 0, send=False)
    assert platform.completions.get(job.job_id, 0) is not None
    assert cloud.requests == []
    assert not is_on_its_way(platform, job), "nobody else frees its slot"


def test_an_answer_that_comes_twice_changes_nothing(platform, cloud, sending, hear, work, job):
    work(sending, job, 0)
    request = cloud.requests[0]
    cloud.finish()
    cloud._answer(*request)
    hear()
    standing = platform.completions.get(job.job_id, 0)
    hear()
    assert platform.completions.get(job.job_id, 0) == standing


def test_no_more_than_the_limit_are_on_their_way(platform, cloud, sending, hear, work, job):
    """The others wait in the queue, and no worker waits with them."""
    work(sending, job, 0)
    platform.queues[Stage.RENDER].receive()  # the clock of the first is held by somebody
    for _ in range(STAGES[Stage.RENDER].max_attempts + 1):
        work(sending, job, 1, send=platform.queues[Stage.RENDER].depth().waiting == 0)
    cloud.finish()
    assert cloud.requests == []
    hear()
    work(sending, job, 1, send=False)
    assert [request.segment.index for request, _ in cloud.requests] == [1]


def test_what_failed_is_sent_again_until_the_attempts_are_used_up(no_clock, platform, cloud, sending, hear, work, job):
    work(sending, job, 0)
    for attempt in range(1, STAGES[Stage.RENDER].max_attempts):
        cloud.fail(RenderFailed("it burns"))
        hear()
        assert not is_on_its_way(platform, job)
        work(sending, job, 0, send=False)
        assert cloud.requests[0][1] == attempt
    cloud.fail(RenderFailed("it burns"))
    hear()
    failed = platform.jobs.get(job.job_id)
    assert (failed.status, failed.error.code, failed.error.segment_index) == (JobStatus.FAILED, "render_failed", 0)
    assert "It burns" in failed.error.message
    retry_job(platform, job.job_id)
    announced = [SegmentReady.decode(found.body) for found in platform.queues[Stage.RENDER].receive(max_messages=10)]
    assert {ready.failures for ready in announced} == {0}, "whoever retries a job begins anew"


def test_what_can_never_be_rendered_fails_the_job_at_once(platform, cloud, sending, hear, work, job):
    work(sending, job, 1)
    cloud.fail(UnsupportedMedia("no picture decodes"))
    hear()
    failed = platform.jobs.get(job.job_id)
    assert (failed.status, failed.error.code, failed.error.segment_index) == (JobStatus.FAILED, "unsupported_media", 1)


def test_a_backend_that_was_away_is_no_failed_attempt(no_clock, platform, cloud, sending, hear, work, job):
    work(sending, job, 0)
    for _ in range(STAGES[Stage.RENDER].max_attempts + 1):
        cloud.fail(InferenceUnavailable("the machine was taken away"))
        hear()
        work(sending, job, 0, send=False)
    assert cloud.requests[0][1] == 0
    assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING


def test_a_backend_that_claims_what_it_did_not_do_has_failed(no_clock, platform, cloud, sending, hear, work, job):
    work(sending, job, 0)
    cloud.say_it_is_done()
    hear()
    (again,) = platform.queues[Stage.RENDER].receive()
    assert SegmentReady.decode(again.body).failures == 1


def test_a_backend_that_takes_nothing_gives_the_segment_and_its_slot_back(platform, cloud, sending, work, job):
    cloud.refusal = InferenceUnavailable("throttled")
    work(sending, job, 0)
    assert not is_on_its_way(platform, job)
    cloud.refusal = None
    work(sending, job, 0, send=False)
    assert len(cloud.requests) == 1


def test_an_answer_for_a_job_that_was_cancelled_frees_the_slot_and_keeps_nothing(platform, cloud, sending, hear, work, job, rendered_keys):
    work(sending, job, 0)
    cancel_job(platform, job.job_id)
    cloud.finish()
    hear()
    assert not is_on_its_way(platform, job)
    assert rendered_keys(job) == []
