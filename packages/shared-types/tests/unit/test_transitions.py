"""The moves of a job: what ALLOWED says, and the functions that make them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from stereo_spot_shared.errors import Conflict
from stereo_spot_shared.jobs import Job, JobError, JobStatus, Plan, Source, Stage
from stereo_spot_shared.pipeline import (
    ALLOWED,
    AWAITED,
    STAGES,
    cancel,
    delete,
    enter,
    fail,
    note_cut,
    retry,
    start_chunking,
    start_rendering,
)
from stereo_spot_shared.rendering import RenderParams

NOW = datetime(2025, 1, 1, tzinfo=UTC)
PLAN = Plan(plan_id="plan", segment_count=3, frame_count=30, duration=Fraction(1))
ERROR = JobError(code="render_failed", message="it failed")
RETRIED = {JobStatus.INGESTING, JobStatus.QUEUED, JobStatus.CHUNKING, JobStatus.RENDERING}


def a_job(status: JobStatus, **fields) -> Job:
    return Job(job_id="job00001", status=status, source=Source(key="k", name="n"), params=RenderParams(), **fields)


@pytest.mark.parametrize("status", JobStatus)
def test_every_status_is_in_every_table(status: JobStatus) -> None:
    assert status in ALLOWED
    stages = {stage for stage, spec in STAGES.items() if status in spec.statuses}
    assert (status in AWAITED) == bool(stages)
    if stages:
        assert AWAITED[status] in stages


def test_a_rendition_is_awaited_by_no_status_and_can_fail_no_job() -> None:
    assert Stage.RENDITION not in AWAITED.values()
    assert STAGES[Stage.RENDITION].statuses == {JobStatus.COMPLETED}
    assert JobStatus.FAILED not in ALLOWED[JobStatus.COMPLETED]


@pytest.mark.parametrize("old", JobStatus)
@pytest.mark.parametrize("new", JobStatus)
def test_only_allowed_moves_are_made(old: JobStatus, new: JobStatus) -> None:
    if new in ALLOWED[old]:
        assert enter(a_job(old, hinted_at=NOW), new).status is new
        assert enter(a_job(old, hinted_at=NOW), new).hinted_at is None, "the old status's message says nothing of the new one"
    else:
        with pytest.raises(Conflict, match=f"{old}.*{new}"):
            enter(a_job(old), new)


@pytest.mark.parametrize("status", JobStatus)
def test_anything_can_be_deleted_and_what_has_ended_cannot_fail(status: JobStatus) -> None:
    if status is not JobStatus.DELETED:
        deleted = delete(a_job(status, swept=True))
        assert (deleted.status, deleted.swept) == (JobStatus.DELETED, False)
    assert (JobStatus.FAILED in ALLOWED[status]) == (not status.is_final)


def test_a_cancelled_or_completed_job_never_comes_back() -> None:
    for status in (JobStatus.CANCELLED, JobStatus.COMPLETED):
        assert ALLOWED[status] == {JobStatus.DELETED}
        for move in (cancel, retry):
            with pytest.raises(Conflict):
                move(a_job(status))


def test_only_a_failed_job_goes_back() -> None:
    ranks = list(JobStatus)
    for old, allowed in ALLOWED.items():
        back = {new for new in allowed if ranks.index(new) < ranks.index(old)}
        assert back == (RETRIED if old is JobStatus.FAILED else set())


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, JobStatus.QUEUED),
        ({"source": Source(key="k", name="n", url="https://a.example/n")}, JobStatus.INGESTING),
        ({"source": Source(key="k", name="n", url="https://a.example/n", etag="e")}, JobStatus.QUEUED),
        ({"plan": PLAN, "cut": 2, "sent": 2}, JobStatus.CHUNKING),
        ({"plan": PLAN, "cut": 3, "sent": 3}, JobStatus.RENDERING),
    ],
)
def test_a_retry_goes_back_to_the_first_stage_that_is_not_done(fields: dict, status: JobStatus) -> None:
    failed = fail(a_job(JobStatus.CHUNKING).evolve(**fields), ERROR)
    assert failed.error == ERROR
    again = retry(failed)
    assert (again.status, again.error, again.sent, again.hinted_at) == (status, None, 0, None)


@pytest.mark.parametrize("end", [cancel, delete])
def test_what_lets_anybody_fetch_is_forgotten_with_the_job(end: Callable[[Job], Job]) -> None:
    job = a_job(JobStatus.INGESTING).evolve(source=Source(key="k", name="n", url="https://a.example/n?signature=secret"))
    assert end(job).source.url == "https://a.example/n"
    assert "secret" not in repr(job)


def test_the_chunk_stage_moves_with_a_sign_of_life() -> None:
    chunking = start_chunking(a_job(JobStatus.QUEUED), now=NOW)
    assert (chunking.status, chunking.hinted_at) == (JobStatus.CHUNKING, NOW)
    cut = note_cut(chunking.evolve(plan=PLAN), 3)
    assert note_cut(cut, 1).cut == 3, "a late repetition reports less"
    rendering = start_rendering(cut, now=NOW)
    assert (rendering.status, rendering.hinted_at) == (JobStatus.RENDERING, NOW)


@pytest.mark.parametrize("fields", [{}, {"plan": PLAN, "cut": 2}])
def test_rendering_starts_only_when_every_segment_is_cut(fields: dict) -> None:
    with pytest.raises(Conflict, match="not cut"):
        start_rendering(a_job(JobStatus.CHUNKING, **fields), now=NOW)
