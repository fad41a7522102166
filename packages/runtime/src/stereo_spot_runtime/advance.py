"""`advance`: load what is known of a job, ask `next_steps`, carry out what it says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from stereo_spot_runtime.paging import all_completions
from stereo_spot_runtime.updates import back_off
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.errors import Conflict, NotFound
from stereo_spot_shared.interfaces.platform import Platform
from stereo_spot_shared.jobs import Job, JobResult, JobStatus, Stage
from stereo_spot_shared.keys import result_key
from stereo_spot_shared.pipeline import AWAITED, Completions, Move, Objects, Send, Step, next_steps

_TRIES = 30


def advance(platform: Platform, job_id: str, *, patience: float | None = None, now: datetime | None = None, seen: Job | None = None) -> Job:
    """Carry out all that the job needs now; returns the job as it is then. NotFound where there is none.

    Workers call it after every durable write. With a `patience` it also looks for what was lost: messages of which
    nothing has been heard for their stage's `resend_seconds` times `patience` are sent again (0: all of them).
    `seen` is the job as the caller has just read or stored it, which saves the reading.
    A RetryableError may leave messages unsent; the reconciler sends them.
    """
    now = now or utc_now()
    collisions = 0
    job = seen or platform.jobs.get(job_id)
    known = _look(platform, job, patience)
    while True:
        steps = next_steps(job, known.completions, known.objects, now=now, heard_at=known.heard_at, patience=patience)
        if not steps:
            return job
        try:
            moved = _carry_out(platform, job, steps)
        except Conflict:
            collisions += 1
            if collisions == _TRIES:
                raise
            back_off(collisions)
            moved = None
        # What was known of a job holds until its status changes: whoever completes a segment after it was counted asks for
        # himself, and either finds the job as it was moved here or has moved it before, which is a collision.
        before, job = job, moved or platform.jobs.get(job_id)
        if moved is None or job.status is not before.status:
            known = _look(platform, job, patience)


@dataclass(frozen=True)
class _Known:
    """What the stores say of a job beside its row."""

    completions: Completions
    objects: Objects
    heard_at: datetime | None


def _look(platform: Platform, job: Job, patience: float | None) -> _Known:
    """Looked up after the job was read."""
    return _Known(
        completions=_completions(platform, job, patience),
        objects=_objects(platform, job),
        heard_at=_heard_at(platform, job) if patience is not None else None,
    )


def _carry_out(platform: Platform, job: Job, steps: Iterable[Step]) -> Job:
    """Carry out steps in their order; returns the job as they leave it."""
    bodies: defaultdict[Stage, list[str]] = defaultdict(list)
    for step in steps:
        match step:
            case Move(moved):
                job = platform.jobs.update(moved)
            case Send(message):
                bodies[message.stage].append(message.encode())
    for stage, batch in bodies.items():
        platform.queues[stage].send_batch(batch)
    return job


def _completions(platform: Platform, job: Job, patience: float | None) -> Completions:
    if job.status not in {JobStatus.CHUNKING, JobStatus.RENDERING} or job.plan is None:
        return Completions()
    if patience is None and job.cut < job.plan.segment_count:
        return Completions()  # not all are announced, so not all can be complete, and that is all that is asked
    # Counted after the job was read, so that whoever records the last completion sees all of them.
    count = platform.completions.count(job.job_id)
    if patience is None or count >= job.plan.segment_count:
        return Completions(count)
    done = {completion.segment_index for completion in all_completions(platform.completions, job.job_id)}
    return Completions(count, tuple(index for index in range(job.plan.segment_count) if index not in done))


def _objects(platform: Platform, job: Job) -> Objects:
    if job.status is JobStatus.QUEUED:
        return Objects(source_etag=_source_etag(platform, job))
    if job.status is JobStatus.REASSEMBLING:
        return Objects(result=published_result(platform, job.job_id))
    return Objects()


def _source_etag(platform: Platform, job: Job) -> str | None:
    try:
        return platform.storage.stat(job.source.key).etag
    except NotFound:
        return None


def published_result(platform: Platform, job_id: str) -> JobResult | None:
    """What was published of a job; None where nothing was, or where its output is not whole in storage any more."""
    try:
        result = JobResult.model_validate_json(platform.storage.read_range(result_key(job_id)))
        whole = all(platform.storage.stat(file.key).size == file.bytes for file in result.files)
    except (NotFound, ValidationError):
        return None
    return result if whole else None


def _heard_at(platform: Platform, job: Job) -> datetime | None:
    awaited = AWAITED.get(job.status)
    return max((activity.at for activity in platform.activity.list(job.job_id) if activity.stage is awaited), default=None)
