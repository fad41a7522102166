"""`next_steps`: the one place that decides what a job needs next.

Workers ask it after every durable write (that is how segments are announced and reassembly is triggered); the reconciler asks
it for jobs that nothing was heard of (that is the recovery). So queues are hints and the store is the truth: lose every message,
run the reconciler, and all jobs finish.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from stereo_spot_shared.jobs import Job, JobError, JobResult, JobStatus, Stage
from stereo_spot_shared.messages import ChunkRequest, Message, ReassembleRequest, SegmentReady, SweepRequest
from stereo_spot_shared.pipeline.stages import STAGES
from stereo_spot_shared.pipeline.transitions import enter, fail


@dataclass(frozen=True)
class Completions:
    """What the completion store says of a job."""

    count: int = 0
    missing: tuple[int, ...] | None = None
    """Segments that are neither complete nor being rendered; None where that was not looked up."""


@dataclass(frozen=True)
class Objects:
    """What object storage says of a job."""

    source_etag: str | None = None
    result: JobResult | None = None
    """Of the verified output; None where there is none."""


@dataclass(frozen=True)
class Move:
    """Compare and set the job to this. The steps after it are carried out only if it succeeds."""

    job: Job


@dataclass(frozen=True)
class Send:
    """Send a message to its stage's queue."""

    message: Message


Step = Move | Send


def next_steps(
    job: Job,
    completions: Completions,
    objects: Objects,
    *,
    now: datetime,
    heard_at: datetime | None = None,
    patience: float = 1.0,
) -> list[Step]:
    """What `job` needs now, in the order in which it is to be done; [] where it needs nothing.

    Pure and idempotent: it may be asked at any time, by anybody, any number of times. A `Move`, if any, comes first, so
    that of several that ask at once one acts; should that one die before its messages are sent, they are sent again
    when nothing has been heard for the stage's `resend_seconds` times `patience`.

    `heard_at` is the latest sign of life of the job's work beyond its own row.
    """

    def due(stage: Stage) -> bool:
        """Whether the stage's message was never sent since the status changed, or must be taken for lost."""
        if job.hinted_at is None:
            return True
        heard = max(job.hinted_at, heard_at or job.hinted_at)
        # A clock that was set back must not silence a job: a hint from the future counts as given just now, once.
        silent = now - min(heard, now)
        return silent >= timedelta(seconds=STAGES[stage].resend_seconds * patience)

    def hint(*messages: Message) -> list[Step]:
        return [Move(job.evolve(hinted_at=now, updated_at=now)), *map(Send, messages)]

    match job.status:
        case JobStatus.QUEUED:
            if (problem := _source_problem(job, objects)) is not None:
                return [Move(fail(job, problem))]
            if due(Stage.CHUNK):
                return hint(ChunkRequest(job_id=job.job_id))

        case JobStatus.CHUNKING | JobStatus.RENDERING:
            if job.plan is not None and completions.count >= job.plan.segment_count:
                reassembling = enter(job, JobStatus.REASSEMBLING, hinted_at=now, updated_at=now)
                return [Move(reassembling), Send(ReassembleRequest(job_id=job.job_id))]
            if job.sent < job.cut:
                announced = job.evolve(sent=job.cut, hinted_at=now, updated_at=now)
                return [Move(announced), *_segments_ready(job, range(job.sent, job.cut))]
            if job.status is JobStatus.CHUNKING:
                if due(Stage.CHUNK):
                    return hint(ChunkRequest(job_id=job.job_id))
            elif completions.missing and due(Stage.RENDER):
                return hint(*(SegmentReady(job_id=job.job_id, segment_index=index) for index in completions.missing))

        case JobStatus.REASSEMBLING:
            if objects.result is not None:
                return [Move(enter(job, JobStatus.COMPLETED, result=objects.result, updated_at=now))]
            if due(Stage.REASSEMBLE):
                return hint(ReassembleRequest(job_id=job.job_id))

        case JobStatus.COMPLETED | JobStatus.CANCELLED | JobStatus.DELETED:
            if not job.swept and due(Stage.SWEEP):
                return hint(SweepRequest(job_id=job.job_id))

        case JobStatus.CREATED | JobStatus.UPLOADING | JobStatus.FAILED:
            pass  # a person acts next

    return []


def _segments_ready(job: Job, indices: range) -> list[Step]:
    return [Send(SegmentReady(job_id=job.job_id, segment_index=index)) for index in indices]


def _source_problem(job: Job, objects: Objects) -> JobError | None:
    if objects.source_etag is None:
        return JobError(
            code="missing_source",
            message=f"the source of {job.source.name} is no longer in storage",
            stage=Stage.CHUNK,
            hint="submit the video again",
        )
    if job.source.etag is not None and objects.source_etag != job.source.etag:
        return JobError(
            code="source_changed",
            message=f"the source of {job.source.name} was replaced after it was submitted",
            stage=Stage.CHUNK,
            hint="submit the video again and leave the file as it is while it is converted",
        )
    return None
