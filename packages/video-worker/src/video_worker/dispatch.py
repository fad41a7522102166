"""Segments that are rendered somewhere else and answered by message: sending them there, and what becomes of them."""

from __future__ import annotations

import random
from typing import NoReturn

import structlog

from stereo_spot_runtime import retry
from stereo_spot_runtime.context import WorkContext
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared import pipeline
from stereo_spot_shared.errors import Conflict, NotFound, RenderFailed, StereoSpotError, Waiting
from stereo_spot_shared.interfaces import AsynchronousBackend, Platform
from stereo_spot_shared.jobs import Job, JobError, Stage
from stereo_spot_shared.messages import SegmentReady, SegmentRendered
from stereo_spot_shared.pipeline import STAGES
from video_worker.segment import Segment

log: structlog.stdlib.BoundLogger = structlog.get_logger()

DISPATCH_SECONDS = 60.0
"""For so long a slot is held by a segment that is about to be sent; a worker that dies meanwhile blocks it no longer."""
FULL_SECONDS = 10.0
"""When all slots are held: after so long a segment looks for one again."""


def dispatch(segment: Segment, backend: AsynchronousBackend, context: WorkContext, *, failures: int, look_seconds: float) -> NoReturn:
    """Send a segment, if fewer than the backend's limit are on their way and it is not among them; then, in any case, raise Waiting.

    Its message comes again after `look_seconds`: it is the clock by which a segment is looked after of whose end nobody tells. The backend
    may need minutes to begin, where nothing runs yet: that is no failure, and no worker waits for it.
    """
    slots, pool, holder = context.platform.slots, backend.pool, holder_of(segment.job.job_id, segment.spec.index)
    try:
        taken = slots.take(pool, holder, limit=backend.limit, seconds=DISPATCH_SECONDS)
    except Conflict:
        raise Waiting("The segment is on its way.", seconds=look_seconds) from None
    if not taken:
        raise Waiting(f"The segment waits for its turn: {backend.limit} are on their way, as many as may be.", seconds=FULL_SECONDS)
    try:
        backend.dispatch(segment.request(context.attempt_id, context.platform.storage), failures=failures)
    except BaseException:
        slots.free(pool, holder)
        raise
    try:
        slots.extend(pool, holder, backend.seconds)
    except NotFound:
        # Sending took longer than the slot was held. It may be sent once more by somebody else, and the first result stands.
        context.log.warning("the slot ended while the segment was being sent")
    raise Waiting("The segment was sent away to be rendered.", seconds=look_seconds)


def holder_of(job_id: str, index: int) -> str:
    """Who holds the slot of an asynchronous backend while a segment is on its way there."""
    return f"{job_id}/{index}"


def note_failure(message: SegmentRendered, error: StereoSpotError, platform: Platform) -> None:
    """What a failed attempt means: another one, or the job's failure, by the policy of segments that a worker renders itself."""
    again = SegmentReady(job_id=message.job_id, segment_index=message.segment_index, failures=message.failures + 1, again=True)
    spec, jitter = STAGES[Stage.RENDER], random.random()  # noqa: S311 - not a secret
    decision = retry.decide(error, again, spec, attempt=again.failures, troubles=message.failures, jitter=jitter)
    match decision:
        case retry.Release(delay_seconds, counted):
            ready = again if counted else again.model_copy(update={"failures": message.failures})
            platform.queues[Stage.RENDER].send(ready.encode(), delay_seconds=delay_seconds)
        case retry.Fail(reason):
            _fail(platform, message, reason)
        case retry.DeadLetter(sentence):
            _fail(platform, message, retry.job_error(RenderFailed(sentence), again))


def _fail(platform: Platform, message: SegmentRendered, reason: JobError) -> None:
    def change(job: Job) -> Job | None:
        """Only a job that still waits for this segment fails by it."""
        if job.status not in STAGES[Stage.RENDER].statuses or platform.completions.get(job.job_id, message.segment_index):
            return None
        return pipeline.fail(job, reason)

    job = update_job(platform, message.job_id, change)
    if job.error == reason:
        log.error("the job failed", code=reason.code, error=reason.message, hint=reason.hint)
