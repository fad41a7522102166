"""`next_steps`: the one place that decides what a job needs next.

Workers ask it after every durable write (that is how segments are announced and reassembly is triggered); the reconciler asks
it for jobs that nothing was heard of (that is the recovery). So queues are hints and the store is the truth: lose every message,
run the reconciler, and all jobs finish.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from stereo_spot_shared.jobs import Job, JobError, JobResult, JobStatus, Stage
from stereo_spot_shared.messages import ChunkRequest, IngestRequest, Message, ReassembleRequest, SegmentReady, SweepRequest
from stereo_spot_shared.pipeline.stages import STAGES
from stereo_spot_shared.pipeline.transitions import enter, fail


@dataclass(frozen=True)
class Completions:
    """What the completion store says of a job."""

    count: int = 0
    missing: tuple[int, ...] | None = None
    """Segments that are not complete; None where that was not looked up."""


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
    patience: float | None = None,
) -> list[Step]:
    """What `job` needs now, in the order in which it is to be done; [] where it needs nothing.

    Pure and idempotent: it may be asked at any time, by anybody, any number of times. A `Move`, if any, comes first, so
    that of several that ask at once one acts; should that one die before its messages are sent, they are sent again
    when nothing has been heard for the stage's `resend_seconds` times `patience`.

    `objects.source_etag` is needed of a queued job, `objects.result` of one that is being reassembled, and with a
    patience `completions.missing` of one that is being rendered. `heard_at` is the latest sign of life of the job's
    present stage beyond its own row. Without a patience no message is ever taken for lost: only the reconciler, which
    has listened, can say that nothing was heard. With a patience of 0 every message but one sent at `now` itself is.
    """
    ask = _Question(job, completions, objects, now, heard_at, patience)
    match job.status:
        case JobStatus.INGESTING:
            return _ingesting(ask)
        case JobStatus.QUEUED:
            return _queued(ask)
        case JobStatus.CHUNKING | JobStatus.RENDERING:
            return _rendering(ask)
        case JobStatus.REASSEMBLING:
            return _reassembling(ask)
        case JobStatus.COMPLETED | JobStatus.CANCELLED | JobStatus.DELETED:
            return ask.hint(Stage.SWEEP, SweepRequest(job_id=job.job_id)) if not job.swept else []
        case JobStatus.CREATED | JobStatus.UPLOADING | JobStatus.FAILED:
            return []  # a person acts next


@dataclass(frozen=True)
class _Question:
    """The arguments of `next_steps`, and when a message is due."""

    job: Job
    completions: Completions
    objects: Objects
    now: datetime
    heard_at: datetime | None
    patience: float | None

    def hint(self, stage: Stage, *messages: Message) -> list[Step]:
        """Send `messages` if they were never sent since the status changed, or must be taken for lost."""
        if not messages or not self._due(stage):
            return []
        return [Move(self.job.evolve(hinted_at=self.now, updated_at=self.now)), *map(Send, messages)]

    def _due(self, stage: Stage) -> bool:
        if self.job.hinted_at is None:
            return True
        if self.patience is None:
            return False
        # Both directions: after a clock was set back, a sign from the far future must not silence a job until then.
        window = timedelta(seconds=STAGES[stage].resend_seconds * self.patience)
        signs = (self.job.hinted_at, self.heard_at)
        return not any(abs(self.now - sign) <= window for sign in signs if sign is not None)


def _ingesting(ask: _Question) -> list[Step]:
    if ask.job.source.etag is None:
        return ask.hint(Stage.INGEST, IngestRequest(job_id=ask.job.job_id))
    # Without that word a person acts next.
    return [Move(enter(ask.job, JobStatus.QUEUED, updated_at=ask.now))] if ask.job.start_when_uploaded else []


def _queued(ask: _Question) -> list[Step]:
    if (problem := _source_problem(ask.job, ask.objects)) is not None:
        return [Move(fail(ask.job, problem, updated_at=ask.now))]
    return ask.hint(Stage.CHUNK, ChunkRequest(job_id=ask.job.job_id))


def _rendering(ask: _Question) -> list[Step]:
    job, now = ask.job, ask.now
    if job.plan is not None and ask.completions.count >= job.plan.segment_count:
        reassembling = enter(job, JobStatus.REASSEMBLING, hinted_at=now, updated_at=now)
        return [Move(reassembling), Send(ReassembleRequest(job_id=job.job_id))]
    missing = ask.completions.missing
    if job.sent < job.cut:
        # While the source is being cut, `hinted_at` is about the ChunkRequest, which this does not send.
        hinted_at = job.hinted_at if job.status is JobStatus.CHUNKING else now
        ready = range(job.sent, job.cut) if missing is None else (i for i in missing if job.sent <= i < job.cut)
        return [Move(job.evolve(sent=job.cut, hinted_at=hinted_at, updated_at=now)), *map(Send, _segments_ready(job, ready))]
    if job.status is JobStatus.CHUNKING:
        return ask.hint(Stage.CHUNK, ChunkRequest(job_id=job.job_id))
    return ask.hint(Stage.RENDER, *_segments_ready(job, missing or ()))


def _segments_ready(job: Job, indices: Iterable[int]) -> Iterator[SegmentReady]:
    announced = max(job.sent, job.announced)
    return (SegmentReady(job_id=job.job_id, segment_index=index, again=index < announced) for index in indices)


def _reassembling(ask: _Question) -> list[Step]:
    if ask.objects.result is not None:
        completed = enter(ask.job, JobStatus.COMPLETED, result=ask.objects.result, hinted_at=ask.now, updated_at=ask.now)
        return [Move(completed), Send(SweepRequest(job_id=ask.job.job_id))]
    return ask.hint(Stage.REASSEMBLE, ReassembleRequest(job_id=ask.job.job_id))


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
