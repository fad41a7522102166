"""Sweep: remove what a job that has ended does not keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from stereo_spot_runtime.context import WorkContext
from stereo_spot_runtime.paging import all_objects
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared import keys
from stereo_spot_shared.interfaces import ObjectStorage, Platform
from stereo_spot_shared.jobs import Job, JobStatus, Stage
from stereo_spot_shared.messages import Message
from stereo_spot_shared.pipeline import STAGES

_AT_ONCE = 500
"""Objects that are removed before the next sign of life."""


def sweep(message: Message, context: WorkContext) -> None:
    """Sweep a job that has ended; does nothing for any other job."""
    sweep_job(context.platform, context.platform.jobs.get(message.job_id), on_progress=context.progress)


def sweep_job(platform: Platform, job: Job, *, on_progress: Callable[[int, int], None] = lambda _done, _total: None) -> None:
    """Remove what a completed, cancelled or deleted job does not keep; does nothing for any other job.

    A completed job keeps its manifest, its output, what it takes to watch it (poster, subtitles, rendition), and its source if it says
    so; the others keep only their row. The record of a conversion stays in any case. May be done any number of times. What a running
    attempt stores later, that attempt removes (`leaving_nothing_unwanted`).
    """
    if job.swept or job.status not in STAGES[Stage.SWEEP].statuses:
        return
    platform.uploads.abort(job.source.key)
    # Objects go before completions: while a completion stands, its segment is not rendered again.
    _remove(platform.storage, job, on_progress)
    platform.completions.delete_by_job(job.job_id)
    platform.activity.delete_by_job(job.job_id)
    update_job(platform, job.job_id, lambda now: now.evolve(swept=True) if now.status is job.status and not now.swept else None, seen=job)


@dataclass
class Ending:
    """How an attempt ended."""

    job: Job | None = None
    """The job as it was read after the attempt had stored its last; None where that is not known."""


@contextmanager
def leaving_nothing_unwanted(platform: Platform, job_id: str) -> Iterator[Ending]:
    """Around an attempt at a job: at its end, removes what it stored for a job that was cancelled or deleted meanwhile.

    The sweep may have been there before. An attempt that is killed in between is redelivered and comes here again.
    """
    ending = Ending()
    try:
        yield ending
    finally:
        job = ending.job or platform.jobs.get(job_id)
        if job.status in (JobStatus.CANCELLED, JobStatus.DELETED):
            platform.uploads.abort(job.source.key)
            _remove(platform.storage, job)


def _remove(storage: ObjectStorage, job: Job, on_progress: Callable[[int, int], None] = lambda _done, _total: None) -> None:
    """In batches, so that a film of many thousand segments shows that it moves."""
    unwanted, count = _unwanted(storage, job), 0
    while some := tuple(islice(unwanted, _AT_ONCE)):
        if count:
            on_progress(count, count + len(some))
        storage.delete(*some)
        count += len(some)


def _unwanted(storage: ObjectStorage, job: Job) -> Iterator[str]:
    kept = set()
    if job.status is JobStatus.COMPLETED and job.result is not None:
        kept = {key(job.job_id) for key in (keys.manifest_key, keys.result_key, keys.poster_key, keys.rendition_key)}
        kept |= {file.key for file in job.result.files} | {file.key for file in job.result.subtitles}
        if job.keep_source:
            kept.add(job.source.key)
    for found in all_objects(storage, keys.job_prefix(job.job_id)):
        if found.key not in kept:
            yield found.key
