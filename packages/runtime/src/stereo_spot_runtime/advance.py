"""`advance`: load what is known of a job, ask `next_steps`, carry out what it says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
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


def advance(
    platform: Platform,
    job_id: str,
    *,
    patience: float | None = None,
    now: datetime | None = None,
    seen: Job | None = None,
    change: Callable[[Job], Job | None] | None = None,
    published: JobResult | None = None,
) -> Job:
    """Carry out all that the job needs now; returns the job as it is then. NotFound where there is none.

    Workers call it after every durable write. With a `patience` it also looks for what was lost: messages of which
    nothing has been heard for their stage's `resend_seconds` times `patience` are sent again (0: all of them).
    `seen` is the job as the caller has just read or stored it, and `published` the result that stands in storage, which saves the reading.
    Where there is nothing to do, what is returned is as old as `seen`.
    `change`, as of `update_job`, is stored before anything else, in one write with what follows from it.
    A RetryableError may leave messages unsent; the reconciler sends them.
    """
    collisions = 0
    job, wanted = _changed(platform, job_id, seen, change)
    known: _Known | None = None
    while True:
        # What was known of a job holds until its status changes: whoever completes a segment after it was counted asks for
        # himself, and either finds the job as it was moved here or has moved it before, which is a collision.
        if known is None or known.status is not wanted.status:
            known = _look(platform, wanted, patience, published)
        steps = next_steps(wanted, known.completions, known.objects, now=now or utc_now(), heard_at=known.heard_at, patience=patience)
        if wanted is not job and not (steps and isinstance(steps[0], Move)):
            steps = [Move(wanted), *steps]
        if not steps:
            return job
        try:
            job = wanted = _carry_out(platform, wanted, steps)
        except Conflict:
            collisions += 1
            if collisions == _TRIES:
                raise
            back_off(collisions)
            (job, wanted), known = _changed(platform, job_id, None, change), None
            continue
        change = None
        if any(isinstance(step, Send) and step.message.stage is AWAITED.get(job.status) for step in steps):
            return job  # whoever handles that message asks what comes after it


def _changed(platform: Platform, job_id: str, seen: Job | None, change: Callable[[Job], Job | None] | None) -> tuple[Job, Job]:
    """The job as it is stored, and as it is wanted. On what was seen earlier nothing hangs but a collision."""
    if seen is not None:
        if change is None:
            return seen, seen
        with suppress(Conflict):
            if (wanted := change(seen)) is not None:
                return seen, wanted
    job = platform.jobs.get(job_id)
    return job, (change(job) if change is not None else None) or job


@dataclass(frozen=True)
class _Known:
    """What the stores say of a job beside its row."""

    status: JobStatus
    """The job's, when they were asked: what is looked up depends on it."""
    completions: Completions
    objects: Objects
    heard_at: datetime | None


def _look(platform: Platform, job: Job, patience: float | None, published: JobResult | None) -> _Known:
    """Looked up after the job was read."""
    return _Known(
        status=job.status,
        completions=_completions(platform, job, patience),
        objects=_objects(platform, job, published),
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
    if patience is None and max(job.sent, job.announced) < job.plan.segment_count:
        return Completions()  # not all were announced, so not all can be complete, and that is all that is asked
    # Counted after the job was read, so that whoever records the last completion sees all of them.
    count = platform.completions.count(job.job_id)
    if patience is None or count >= job.plan.segment_count:
        return Completions(count)
    done = {completion.segment_index for completion in all_completions(platform.completions, job.job_id)}
    return Completions(count, tuple(index for index in range(job.plan.segment_count) if index not in done))


def _objects(platform: Platform, job: Job, published: JobResult | None) -> Objects:
    if job.status is JobStatus.QUEUED:
        return Objects(source_etag=_source_etag(platform, job))
    if job.status is JobStatus.REASSEMBLING:
        return Objects(result=published or published_result(platform, job.job_id))
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
