"""The moves that a job may make. Each is a pure function from a job to a job; the store's compare-and-set makes it real."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from stereo_spot_shared.errors import Conflict
from stereo_spot_shared.jobs import Job, JobError, JobStatus

_S = JobStatus

ALLOWED: Mapping[JobStatus, frozenset[JobStatus]] = MappingProxyType(
    {
        _S.CREATED: frozenset({_S.UPLOADING, _S.QUEUED, _S.FAILED, _S.CANCELLED, _S.DELETED}),
        _S.UPLOADING: frozenset({_S.QUEUED, _S.FAILED, _S.CANCELLED, _S.DELETED}),
        _S.QUEUED: frozenset({_S.CHUNKING, _S.FAILED, _S.CANCELLED, _S.DELETED}),
        _S.CHUNKING: frozenset({_S.RENDERING, _S.REASSEMBLING, _S.FAILED, _S.CANCELLED, _S.DELETED}),
        _S.RENDERING: frozenset({_S.REASSEMBLING, _S.FAILED, _S.CANCELLED, _S.DELETED}),
        _S.REASSEMBLING: frozenset({_S.COMPLETED, _S.FAILED, _S.CANCELLED, _S.DELETED}),
        _S.COMPLETED: frozenset({_S.DELETED}),
        # The three on the left of a retry: back to the first stage that is not done.
        _S.FAILED: frozenset({_S.QUEUED, _S.CHUNKING, _S.RENDERING, _S.CANCELLED, _S.DELETED}),
        _S.CANCELLED: frozenset({_S.DELETED}),
        _S.DELETED: frozenset(),
    }
)


def enter(job: Job, status: JobStatus, *, hinted_at: datetime | None = None, **changes: Any) -> Job:
    """`job` in another status. Conflict where the move is not allowed."""
    if status not in ALLOWED[job.status]:
        raise Conflict(f"job {job.job_id} is {job.status} and cannot become {status}")
    return job.evolve(status=status, hinted_at=hinted_at, **changes)


def fail(job: Job, error: JobError) -> Job:
    """The job cannot go on; its finished segments stay."""
    return enter(job, JobStatus.FAILED, error=error)


def cancel(job: Job) -> Job:
    return enter(job, JobStatus.CANCELLED, swept=False)


def delete(job: Job) -> Job:
    return enter(job, JobStatus.DELETED, swept=False)


def retry(job: Job) -> Job:
    """A failed job, back to the first stage that is not done. Conflict where the job has not failed."""
    if job.status is not JobStatus.FAILED:
        raise Conflict(f"job {job.job_id} is {job.status}: only a failed job can be retried")
    if job.plan is None:
        return enter(job, JobStatus.QUEUED, error=None)
    if job.cut < job.plan.segment_count:
        return enter(job, JobStatus.CHUNKING, error=None)
    return enter(job, JobStatus.RENDERING, error=None)
