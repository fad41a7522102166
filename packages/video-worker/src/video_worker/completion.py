"""Completion: a rendered segment is validated and recorded; the first that is recorded stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import ValidationError

from stereo_spot_runtime.advance import advance
from stereo_spot_runtime.context import WorkContext
from stereo_spot_runtime.paging import all_objects
from stereo_spot_runtime.scratch import attempt_directory
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared import keys
from stereo_spot_shared.cost import machine_cost
from stereo_spot_shared.errors import InferenceUnavailable, NotFound, PermanentError
from stereo_spot_shared.inference import RenderResult
from stereo_spot_shared.interfaces import ObjectInfo, ObjectStorage, Platform
from stereo_spot_shared.jobs import Job, JobStatus, SegmentCompletion
from video_worker.inspection import check_rendered
from video_worker.segment import Segment
from video_worker.settings import VideoWorkerSettings

_KEEPS_NO_SEGMENTS = frozenset({JobStatus.COMPLETED, JobStatus.CANCELLED, JobStatus.DELETED})
_SOURCES_AT_ONCE = 16
"""Few, since on a single machine they take its disk."""


def complete(segment: Segment, attempt_id: str, result: RenderResult, context: WorkContext, settings: VideoWorkerSettings) -> None:
    """Validate the object that an attempt stored and record it. VerificationFailed, and the object removed, where it is bad.

    Where another attempt was recorded before, that one stands and this one's object is removed. InferenceUnavailable, and the object
    removed, where the rest of the job is rendered with another depth.
    """
    platform, job_id = context.platform, segment.job.job_id
    try:
        stored = _validate(segment, attempt_id, result, context, settings)
        _settle_depth(platform, segment.job, result.depth)
    except (PermanentError, InferenceUnavailable):
        _remove(segment, attempt_id, platform.storage)
        raise
    completion = SegmentCompletion(
        job_id=job_id,
        segment_index=segment.spec.index,
        plan_id=segment.plan_id,
        attempt_id=attempt_id,
        object_key=stored.key,
        etag=stored.etag,
        bytes=stored.size,
        frames=result.frames,
        lost=result.lost,
        context=result.context,
        width=result.width,
        height=result.height,
        fingerprint=result.fingerprint,
        sample_aspect_ratio=result.sample_aspect_ratio,
        depth=result.depth,
        seconds=result.seconds,
        cost=None if settings.worker_hour_cost is None else machine_cost(result.seconds.wall, settings.worker_hour_cost),
        worker=context.worker,
    )
    standing = platform.completions.put(completion)
    if standing.object_key != completion.object_key:
        _remove(segment, attempt_id, platform.storage)


def adopt(segment: Segment, context: WorkContext, settings: VideoWorkerSettings) -> bool:
    """Record what an earlier attempt stored, if it is sound; returns whether there was such an object."""
    storage = context.platform.storage
    for found in all_objects(storage, segment.rendered_prefix):
        parsed = keys.parse_key(found.key)
        if parsed.kind != "rendered" or parsed.attempt_id is None:
            continue
        try:
            result = RenderResult.model_validate_json(storage.read_range(segment.answer_key(parsed.attempt_id)))
            complete(segment, parsed.attempt_id, result, context, settings)
        except (NotFound, ValidationError, PermanentError, InferenceUnavailable) as error:
            context.log.info("an earlier attempt's object is of no use", key=found.key, because=str(error))
            continue
        context.log.info("an earlier attempt's object was recorded", key=found.key)
        return True
    return False


class UsedSources:
    """The sources of complete segments, which nobody needs any more: removed some at a time.

    What a process still holds when it ends is removed with the job.
    """

    def __init__(self) -> None:
        self._keys: list[str] = []

    def add(self, key: str, storage: ObjectStorage) -> None:
        """Remove it now or with some that follow."""
        self._keys.append(key)
        if len(self._keys) >= _SOURCES_AT_ONCE:
            storage.delete(*self._keys)
            self._keys.clear()


def settle(segment: Segment, context: WorkContext, used: UsedSources) -> Job:
    """What is left to do once a segment is complete: its source is not needed any more, and the job may be ready to be joined.

    May be done any number of times. Returns the job as it is then.
    """
    used.add(segment.source_key, context.platform.storage)
    return advance(context.platform, segment.job.job_id)


@dataclass
class Ending:
    """How an attempt ended."""

    job: Job | None = None
    """The job as it was read after the attempt had stored its last; None where that is not known."""


@contextmanager
def leaving_nothing_unwanted(platform: Platform, job_id: str, index: int) -> Iterator[Ending]:
    """Around an attempt at a segment: at its end, removes what was stored of it where the job keeps no segments any more.

    The sweep may have been there before. An attempt that is killed in between is redelivered and comes here again.
    """
    ending = Ending()
    try:
        yield ending
    finally:
        if (ending.job or platform.jobs.get(job_id)).status in _KEEPS_NO_SEGMENTS:
            platform.storage.delete(*(found.key for found in all_objects(platform.storage, keys.rendered_prefix(job_id, index))))
            platform.completions.delete_by_job(job_id)


def _validate(segment: Segment, attempt_id: str, result: RenderResult, context: WorkContext, settings: VideoWorkerSettings) -> ObjectInfo:
    with attempt_directory(settings.scratch_dir) as scratch:
        path = scratch / "rendered.nut"
        stored = context.platform.storage.get_file(segment.rendered_key(attempt_id), path)
        check_rendered(segment, result, path, context.should_stop)
    context.progress(len(segment.spec.core), len(segment.spec.core))
    return stored


def _settle_depth(platform: Platform, job: Job, depth: str) -> None:
    """Where the job leaves its depth open, pin the one that its first finished segment was rendered with: all of it is to look alike.

    InferenceUnavailable where a worker that has other models was first: this segment is rendered again, as the job says by then.
    """
    if not job.params.leaves_depth_open:
        return

    def settle(job: Job) -> Job | None:
        return job.evolve(params=job.params.model_copy(update={"depth": depth})) if job.params.leaves_depth_open else None

    settled = update_job(platform, job.job_id, settle).params.depth
    if settled != depth:
        raise InferenceUnavailable(f"The job is rendered with the depth {settled}, this segment was with {depth}: it is rendered again.")


def _remove(segment: Segment, attempt_id: str, storage: ObjectStorage) -> None:
    """In any order: an object without its answer is never adopted, an answer without its object never looked at."""
    storage.delete(segment.rendered_key(attempt_id), segment.answer_key(attempt_id))
