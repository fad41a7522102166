"""`next_steps`, row by row of the architecture's table; what holds whatever happens is in test_next_steps_machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from stereo_spot_shared.jobs import Job, JobError, JobResult, JobStatus, Plan, Source, Stage
from stereo_spot_shared.messages import ChunkRequest, IngestRequest, Message, ReassembleRequest, SegmentReady, SweepRequest
from stereo_spot_shared.pipeline import STAGES, Completions, Move, Objects, Send, Step, announce_anew, fail, next_steps, retry
from stereo_spot_shared.rendering import RenderParams

NOW = datetime(2025, 1, 1, 12, tzinfo=UTC)
PLAN = Plan(plan_id="plan", segment_count=3, frame_count=30, duration=Fraction(1))
RESULT = JobResult(output_key="jobs/j/output/a.mp4", etag="e", bytes=1, frames=30, width=2, height=2, depth="basic")
URL = Source(key="jobs/job00001/source", name="film.mp4", url="https://a.example/film.mp4")
ERROR = JobError(code="render_failed", message="it failed")
SOURCE = Objects(source_etag="etag")


def a_job(status: JobStatus, **fields) -> Job:
    source = Source(key="jobs/job00001/source", name="film.mp4", etag="etag", size=1)
    return Job(job_id="job00001", version=7, status=status, source=source, params=RenderParams(), **fields)


def sent(steps: list[Step]) -> list[Message]:
    return [step.message for step in steps if isinstance(step, Send)]


def moved(steps: list[Step]) -> Job:
    """The job after the only Move, which is the first step."""
    assert isinstance(steps[0], Move)
    assert not any(isinstance(step, Move) for step in steps[1:])
    assert steps[0].job.version == 7
    return steps[0].job


def ready(*indices: int, again: bool = False) -> list[SegmentReady]:
    return [SegmentReady(job_id="job00001", segment_index=index, again=again) for index in indices]


def test_a_queued_job_is_sent_to_be_chunked_once() -> None:
    steps = next_steps(a_job(JobStatus.QUEUED), Completions(), SOURCE, now=NOW)
    assert sent(steps) == [ChunkRequest(job_id="job00001")]
    assert next_steps(moved(steps), Completions(), SOURCE, now=NOW, patience=0) == []


def test_a_source_is_fetched_and_then_the_job_goes_on_once_it_was_told_to() -> None:
    job = a_job(JobStatus.INGESTING).evolve(source=URL)
    steps = next_steps(job, Completions(), Objects(), now=NOW)
    assert sent(steps) == [IngestRequest(job_id="job00001")]
    here = moved(steps).evolve(source=URL.model_copy(update={"etag": "etag"}), version=7)
    assert next_steps(here, Completions(), Objects(), now=NOW, patience=0) == [], "a person acts next"
    told = here.evolve(start_when_uploaded=True)
    assert moved(next_steps(told, Completions(), Objects(), now=NOW)).status is JobStatus.QUEUED


@pytest.mark.parametrize(("etag", "code"), [(None, "missing_source"), ("another", "source_changed")])
def test_a_queued_job_without_its_source_fails_with_a_reason(etag: str | None, code: str) -> None:
    steps = next_steps(a_job(JobStatus.QUEUED), Completions(), Objects(source_etag=etag), now=NOW)
    assert sent(steps) == []
    failed = moved(steps)
    assert failed.status is JobStatus.FAILED
    assert failed.error is not None
    assert (failed.error.code, failed.error.stage) == (code, Stage.CHUNK)
    assert failed.error.hint


def test_segments_are_announced_while_later_ones_are_being_cut() -> None:
    job = a_job(JobStatus.CHUNKING, plan=PLAN, cut=2, sent=1, hinted_at=NOW)
    steps = next_steps(job, Completions(), Objects(), now=NOW)
    assert sent(steps) == ready(1)
    assert moved(steps).sent == 2


@pytest.mark.parametrize("status", [JobStatus.CHUNKING, JobStatus.RENDERING])
def test_with_all_completions_the_job_is_joined_whatever_came_first(status: JobStatus) -> None:
    steps = next_steps(a_job(status, plan=PLAN, cut=3, sent=1), Completions(count=3), Objects(), now=NOW)
    assert moved(steps).status is JobStatus.REASSEMBLING
    assert sent(steps) == [ReassembleRequest(job_id="job00001")]


def test_completions_before_the_plan_wait_for_it() -> None:
    job = a_job(JobStatus.CHUNKING, hinted_at=NOW)
    assert next_steps(job, Completions(count=3), Objects(), now=NOW) == []


def test_a_verified_output_completes_the_job_and_has_it_swept() -> None:
    steps = next_steps(a_job(JobStatus.REASSEMBLING, plan=PLAN, hinted_at=NOW), Completions(), Objects(result=RESULT), now=NOW)
    completed = moved(steps)
    assert (completed.status, completed.result) == (JobStatus.COMPLETED, RESULT)
    assert sent(steps) == [SweepRequest(job_id="job00001")]
    assert next_steps(completed, Completions(), Objects(), now=NOW, patience=0) == [], "once"


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.CANCELLED, JobStatus.DELETED])
def test_what_is_swept_needs_nothing(status: JobStatus) -> None:
    assert next_steps(a_job(status, swept=True), Completions(), Objects(), now=NOW, patience=0) == []


@pytest.mark.parametrize("status", [JobStatus.CREATED, JobStatus.UPLOADING, JobStatus.FAILED])
def test_a_person_acts_next(status: JobStatus) -> None:
    assert next_steps(a_job(status), Completions(), Objects(), now=NOW, patience=0) == []


LOST = [
    (a_job(JobStatus.INGESTING).evolve(source=URL), Stage.INGEST, [IngestRequest(job_id="job00001")]),
    (a_job(JobStatus.QUEUED), Stage.CHUNK, [ChunkRequest(job_id="job00001")]),
    (a_job(JobStatus.CHUNKING), Stage.CHUNK, [ChunkRequest(job_id="job00001")]),
    (a_job(JobStatus.RENDERING, plan=PLAN, cut=3, sent=3), Stage.RENDER, ready(0, 2, again=True)),
    (a_job(JobStatus.REASSEMBLING, plan=PLAN), Stage.REASSEMBLE, [ReassembleRequest(job_id="job00001")]),
    (a_job(JobStatus.DELETED), Stage.SWEEP, [SweepRequest(job_id="job00001")]),
]


@pytest.mark.parametrize(("job", "stage", "messages"), LOST, ids=[job.status.value for job, _, _ in LOST])
class TestLostMessages:
    """When a message is taken for lost. The job was hinted at `NOW`; `ask` is asked `seconds` later."""

    def ask(self, job: Job, seconds: float, *, patience: float | None = 1.0, heard: float | None = None) -> list[Message]:
        steps = next_steps(
            job.evolve(hinted_at=NOW),
            Completions(count=1, missing=(0, 2)),
            SOURCE,
            now=NOW + timedelta(seconds=seconds),
            heard_at=None if heard is None else NOW + timedelta(seconds=heard),
            patience=patience,
        )
        if steps:
            assert moved(steps).hinted_at == NOW + timedelta(seconds=seconds)
        return sent(steps)

    def test_after_its_time_and_not_before(self, job: Job, stage: Stage, messages: list[Message]) -> None:
        resend = STAGES[stage].resend_seconds
        assert self.ask(job, resend) == []
        assert self.ask(job, resend + 1) == messages
        assert self.ask(job, resend + 1, patience=2.0) == []
        assert self.ask(job, resend / 2 + 1, patience=0.5) == messages

    def test_not_while_something_is_heard(self, job: Job, stage: Stage, messages: list[Message]) -> None:
        resend = STAGES[stage].resend_seconds
        assert self.ask(job, resend + 10, heard=10) == []
        assert self.ask(job, resend + 10, heard=5) == messages

    def test_never_without_a_patience(self, job: Job, stage: Stage, messages: list[Message]) -> None:
        assert self.ask(job, 1e6, patience=None) == []

    def test_at_once_with_no_patience_but_once_at_a_time(self, job: Job, stage: Stage, messages: list[Message]) -> None:
        assert self.ask(job, 0.001, patience=0) == messages
        assert self.ask(job, 0, patience=0) == []

    def test_a_clock_that_was_set_back_does_not_silence_a_job(self, job: Job, stage: Stage, messages: list[Message]) -> None:
        """Fault 24: the hint lies an hour in the future; a small skew between machines is no reason to send again."""
        assert self.ask(job, -3600) == messages
        assert self.ask(job, -5) == []
        assert self.ask(job, -3600, heard=-3599) == []


class TestRetry:
    """A retried job goes on by itself: it does not wait for the reconciler."""

    def test_a_job_that_failed_while_rendering_announces_what_is_missing(self) -> None:
        failed = fail(a_job(JobStatus.RENDERING, plan=PLAN, cut=3, sent=3, hinted_at=NOW), ERROR)
        steps = next_steps(retry(failed), Completions(count=2, missing=(1,)), Objects(), now=NOW, patience=0)
        assert sent(steps) == ready(1, again=True)
        again = next_steps(retry(failed), Completions(count=2), Objects(), now=NOW)
        assert sent(again) == ready(0, 1, 2, again=True), "without knowing what is missing all are announced; handlers know"

    def test_a_job_that_failed_while_being_cut_is_cut_on_and_its_segments_are_announced(self) -> None:
        job = retry(fail(a_job(JobStatus.CHUNKING, plan=PLAN, cut=2, sent=2, hinted_at=NOW), ERROR))
        messages: list[Message] = []
        while steps := next_steps(job, Completions(count=1, missing=(1, 2)), Objects(), now=NOW, patience=0):
            messages += sent(steps)
            job = moved(steps)
        assert messages == [*ready(1, again=True), ChunkRequest(job_id="job00001")]

    def test_what_was_cut_after_a_retry_is_announced_as_new(self) -> None:
        job = retry(fail(a_job(JobStatus.CHUNKING, plan=PLAN, cut=2, sent=1, hinted_at=NOW), ERROR)).evolve(cut=3)
        assert sent(next_steps(job, Completions(), Objects(), now=NOW)) == [*ready(0, again=True), *ready(1, 2)]

    def test_announcements_that_were_taken_back_are_made_again_as_such(self) -> None:
        job = announce_anew(a_job(JobStatus.RENDERING, plan=PLAN, cut=3, sent=3, hinted_at=NOW))
        assert job is not None
        assert sent(next_steps(job, Completions(), Objects(), now=NOW)) == ready(0, 1, 2, again=True)

    def test_a_job_that_failed_while_being_joined_is_joined_again(self) -> None:
        failed = fail(a_job(JobStatus.REASSEMBLING, plan=PLAN, cut=3, sent=3, hinted_at=NOW), ERROR)
        steps = next_steps(retry(failed), Completions(count=3), Objects(), now=NOW)
        assert sent(steps) == [ReassembleRequest(job_id="job00001")]

    def test_a_job_that_failed_before_it_was_planned_starts_anew(self) -> None:
        job = retry(fail(a_job(JobStatus.CHUNKING, hinted_at=NOW), ERROR))
        assert (job.status, job.error) == (JobStatus.QUEUED, None)
        assert sent(next_steps(job, Completions(), SOURCE, now=NOW)) == [ChunkRequest(job_id="job00001")]
