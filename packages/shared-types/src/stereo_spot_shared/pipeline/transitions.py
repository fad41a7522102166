"""The moves that a job may make. Each is a pure function from a job to a job; the store's compare-and-set makes it real."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from stereo_spot_shared.base import utc_now
from stereo_spot_shared.errors import Conflict
from stereo_spot_shared.jobs import HISTORY, Job, JobError, JobStatus, Passage

_S = JobStatus

ALLOWED: Mapping[JobStatus, frozenset[JobStatus]] = MappingProxyType(
    {
        _S.CREATED: frozenset({_S.UPLOADING, _S.INGESTING, _S.QUEUED, _S.FAILED, _S.CANCELLED, _S.DELETED}),
        _S.UPLOADING: frozenset({_S.QUEUED, _S.FAILED, _S.CANCELLED, _S.DELETED}),
        _S.INGESTING: frozenset({_S.QUEUED, _S.FAILED, _S.CANCELLED, _S.DELETED}),
        _S.QUEUED: frozenset({_S.CHUNKING, _S.FAILED, _S.CANCELLED, _S.DELETED}),
        _S.CHUNKING: frozenset({_S.RENDERING, _S.REASSEMBLING, _S.FAILED, _S.CANCELLED, _S.DELETED}),
        _S.RENDERING: frozenset({_S.REASSEMBLING, _S.FAILED, _S.CANCELLED, _S.DELETED}),
        _S.REASSEMBLING: frozenset({_S.COMPLETED, _S.FAILED, _S.CANCELLED, _S.DELETED}),
        _S.COMPLETED: frozenset({_S.DELETED}),
        # The four on the left of a retry: back to the first stage that is not done.
        _S.FAILED: frozenset({_S.INGESTING, _S.QUEUED, _S.CHUNKING, _S.RENDERING, _S.CANCELLED, _S.DELETED}),
        _S.CANCELLED: frozenset({_S.DELETED}),
        _S.DELETED: frozenset(),
    }
)


def enter(job: Job, status: JobStatus, *, hinted_at: datetime | None = None, **changes: Any) -> Job:
    """`job` in another status. Conflict where the move is not allowed."""
    if status not in ALLOWED[job.status]:
        raise Conflict(f"job {job.job_id} is {job.status} and cannot become {status}")
    at = changes.setdefault("updated_at", utc_now())
    history = (*job.history, Passage(status=status, at=at))[-HISTORY:]
    return job.evolve(status=status, hinted_at=hinted_at, history=history, **changes)


def start_chunking(job: Job, *, now: datetime) -> Job:
    """A media worker has begun: whoever says so is the sign of life, so its message is not sent again."""
    return enter(job, JobStatus.CHUNKING, hinted_at=now, updated_at=now)


def note_cut(job: Job, count: int) -> Job:
    """Segments [0, count) are cut and stored; never fewer than before, since a late repetition may report less."""
    return job.evolve(cut=max(job.cut, count))


def start_rendering(job: Job, *, now: datetime) -> Job:
    """Every segment is cut. Conflict where the job has no plan or segments are missing."""
    if job.plan is None or job.cut < job.plan.segment_count:
        raise Conflict(f"job {job.job_id} has segments that are not cut yet")
    return enter(job, JobStatus.RENDERING, hinted_at=now, updated_at=now)


def announce_anew(job: Job) -> Job | None:
    """Take every announcement of a segment for lost, as after its queue was emptied; None where there is none to take back."""
    under_way = job.status in {JobStatus.CHUNKING, JobStatus.RENDERING}
    return job.evolve(sent=0, announced=_announced(job)) if under_way and job.sent else None


def fail(job: Job, error: JobError, **changes: Any) -> Job:
    """The job cannot go on; its finished segments stay."""
    return enter(job, JobStatus.FAILED, error=error, **changes)


def cancel(job: Job) -> Job:
    """A person stops the job; what it held is to be swept."""
    return enter(job, JobStatus.CANCELLED, swept=False, source=job.source.forget_query())


def delete(job: Job) -> Job:
    """A person removes the job, whatever it is doing; what it held is to be swept."""
    return enter(job, JobStatus.DELETED, swept=False, source=job.source.forget_query())


def retry(job: Job) -> Job:
    """A failed job, back to the first stage that is not done. Conflict where the job has not failed.

    Its segments are announced anew (`sent` is 0): their messages were answered while the job was failed.
    """
    if job.status is not JobStatus.FAILED:
        raise Conflict(f"job {job.job_id} is {job.status}: only a failed job can be retried")
    if job.plan is None:
        to_fetch = job.source.url is not None and job.source.etag is None
        return enter(job, JobStatus.INGESTING if to_fetch else JobStatus.QUEUED, error=None)
    done_cutting = job.cut >= job.plan.segment_count
    return enter(job, JobStatus.RENDERING if done_cutting else JobStatus.CHUNKING, error=None, sent=0, announced=_announced(job))


def _announced(job: Job) -> int:
    return max(job.announced, job.sent)
