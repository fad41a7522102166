"""Chunk: plan a job's source, then cut it into segments, which are rendered while later ones are still being cut."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

from media_worker.attempt import Attempt
from media_worker.settings import MediaWorkerSettings
from media_worker.source import check_unchanged, fetch_source
from media_worker.tasks import CutTask, PlanTask, segment_file
from stereo_spot_runtime.advance import advance
from stereo_spot_runtime.context import WorkContext
from stereo_spot_runtime.manifests import load_manifest, store_manifest, stored_manifest
from stereo_spot_runtime.paging import all_completions, all_objects
from stereo_spot_runtime.scratch import attempt_directory, require_free
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared import keys
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import Job, JobStatus, Plan, Stage
from stereo_spot_shared.manifest import Manifest
from stereo_spot_shared.messages import Message
from stereo_spot_shared.pipeline import note_cut, start_chunking, start_rendering

ANNOUNCE_SECONDS = 0.5
"""The job is updated at most this often while segments are being cut."""


def chunk(message: Message, context: WorkContext, *, settings: MediaWorkerSettings) -> None:
    """Plan and cut the source of a job that waits for it; does nothing for any other job.

    Whatever an earlier attempt stored (the plan, finished segments) is kept: planning and cutting are deterministic, and
    the plan that was stored first stands. A job that is cancelled, deleted or failed meanwhile ends the work quietly.
    """
    platform = context.platform
    job = update_job(platform, message.job_id, _begin)
    if job.status is not JobStatus.CHUNKING:
        return
    attempt = Attempt(context, job, Stage.CHUNK, earlier_seconds=job.plan.chunk_seconds if job.plan else 0.0)
    with attempt.watch.quiet_end(), attempt_directory(settings.scratch_dir) as scratch:
        source, size = fetch_source(platform.storage, job, scratch)
        manifest = _plan(attempt, source, settings)
        require_free(scratch, size, f"the segments of {job.source.name}")
        _cut(attempt, manifest, source, scratch)
        check_unchanged(platform.storage, job)
        update_job(platform, job.job_id, lambda now: _end(now, len(manifest.segments), attempt.seconds))
        advance(platform, job.job_id)


def _begin(job: Job) -> Job | None:
    if job.status is not JobStatus.QUEUED:
        return None
    return start_chunking(job, now=utc_now())


def _plan(attempt: Attempt, source: Path, settings: MediaWorkerSettings) -> Manifest:
    """The plan that stands for this job, made now if there is none."""
    job, platform = attempt.job, attempt.context.platform
    if job.plan is not None:
        return load_manifest(platform.storage, job.job_id, job.plan.plan_id)
    found = stored_manifest(platform.storage, job.job_id)
    if found is None:
        task = PlanTask(source=source, etag=job.source.etag or "", params=job.params, limits=settings.media_limits)
        planned = attempt.in_child("media_worker.tasks:plan", task, returns=Manifest)
        check_unchanged(platform.storage, job)
        found = store_manifest(platform.storage, job.job_id, planned)
    manifest, plan_id = found
    plan = Plan(
        plan_id=plan_id,
        segment_count=len(manifest.segments),
        frame_count=manifest.frame_count,
        duration=_duration(manifest),
        chunk_seconds=attempt.seconds,
    )
    update_job(platform, job.job_id, lambda now: _adopt(now, plan))
    return manifest


def _cut(attempt: Attempt, manifest: Manifest, source: Path, scratch: Path) -> None:
    """Cut what is not there yet; each segment is stored as soon as it is finished, and announced soon after."""
    job_id, platform, container = attempt.job.job_id, attempt.context.platform, manifest.segment_container
    skip = _finished(platform, job_id)
    announced_at = float("-inf")

    def store(index: int) -> None:
        nonlocal announced_at
        path = scratch / segment_file(index, container)
        platform.storage.put_file(path, keys.segment_key(job_id, index, container))
        path.unlink()
        attempt.context.progress(index + 1, len(manifest.segments))
        if time.monotonic() >= announced_at + ANNOUNCE_SECONDS:
            update_job(platform, job_id, lambda now: _raise_cut(now, index + 1, attempt.seconds))
            advance(platform, job_id)
            announced_at = time.monotonic()

    if len(skip) < len(manifest.segments):
        task = CutTask(source=source, directory=scratch, manifest=manifest, skip=frozenset(skip))
        attempt.in_child("media_worker.tasks:cut", task, returns=type(None), on_progress=store)


def _finished(platform: Platform, job_id: str) -> set[int]:
    """Segments that need no cutting: their object is there, or they are rendered already (and it was removed)."""
    finished = {completion.segment_index for completion in all_completions(platform.completions, job_id)}
    for found in all_objects(platform.storage, keys.segments_prefix(job_id)):
        parsed = keys.parse_key(found.key)
        if parsed.kind == "segment" and parsed.segment_index is not None:
            finished.add(parsed.segment_index)
    return finished


def _adopt(job: Job, plan: Plan) -> Job | None:
    return job.evolve(plan=plan) if job.status is JobStatus.CHUNKING and job.plan is None else None


def _raise_cut(job: Job, cut: int, seconds: float) -> Job | None:
    if job.status is not JobStatus.CHUNKING or job.plan is None or job.cut >= cut:
        return None
    return note_cut(_with_seconds(job, job.plan, seconds), cut)


def _end(job: Job, count: int, seconds: float) -> Job | None:
    """Every segment is cut: the job renders (unless it is past that: rendering may have kept up with cutting)."""
    if job.status is not JobStatus.CHUNKING or job.plan is None:
        return None
    return start_rendering(note_cut(_with_seconds(job, job.plan, seconds), count), now=utc_now())


def _with_seconds(job: Job, plan: Plan, seconds: float) -> Job:
    return job.evolve(plan=plan.model_copy(update={"chunk_seconds": seconds}))


def _duration(manifest: Manifest) -> Fraction:
    """Seconds from the first frame to the end of the last."""
    times = manifest.frames
    ticks = sum(step * count for step, count in times.runs) + manifest.last_duration
    return ticks * manifest.video.time_base
