"""Chunk: plan a job's source, then cut it into segments, which are rendered while later ones are still being cut."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

from media_worker.attempt import Attempt
from media_worker.settings import MediaWorkerSettings
from media_worker.source import check_unchanged, exists, fetch_source
from media_worker.sweep import leaving_nothing_unwanted
from media_worker.tasks import ChunkTask
from stereo_spot_runtime.advance import advance
from stereo_spot_runtime.context import WorkContext
from stereo_spot_runtime.manifests import load_manifest, store_manifest, stored_manifest
from stereo_spot_runtime.paging import all_completions, all_objects
from stereo_spot_runtime.scratch import attempt_directory, require_free
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared import keys
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.errors import RetryableError, UnsupportedMedia
from stereo_spot_shared.interfaces import ObjectStorage, Platform
from stereo_spot_shared.jobs import Job, JobStatus, Plan, Stage
from stereo_spot_shared.manifest import Manifest
from stereo_spot_shared.messages import Message
from stereo_spot_shared.pipeline import note_cut, start_chunking, start_rendering

ANNOUNCE_SECONDS = 1.0
"""Segments are announced at most this often while later ones are being cut, the first one at once."""


def chunk(message: Message, context: WorkContext, *, settings: MediaWorkerSettings) -> None:
    """Plan and cut the source of a job that waits for it; does nothing for any other job.

    Whatever an earlier attempt stored (the plan, finished segments) is kept: planning and cutting are deterministic, and
    the plan that was stored first stands. A job that is cancelled, deleted or failed meanwhile ends the work quietly.
    """
    platform = context.platform
    with leaving_nothing_unwanted(platform, message.job_id) as ending:
        begun_at = utc_now()
        job = update_job(platform, message.job_id, lambda job: _begin(job, begun_at))
        if job.status is JobStatus.CHUNKING:
            first = _is_first(job, begun_at) and not context.redelivered
            attempt = Attempt(context, job, Stage.CHUNK, earlier_seconds=job.plan.chunk_seconds if job.plan else 0.0)
            with attempt.watch.quiet_end():
                seen = _plan_and_cut(attempt, settings, first=first)
                ending.job = advance(platform, job.job_id, seen=seen, change=lambda now: _end(now, attempt.seconds))


def _plan_and_cut(attempt: Attempt, settings: MediaWorkerSettings, *, first: bool) -> Job:
    """Do what earlier attempts have left to do, in a child process; returns the job as it was last seen.

    Of what the `first` attempt would find nothing is looked for.
    """
    job, platform = attempt.job, attempt.context.platform
    manifest = None if first else _stored_plan(platform.storage, job)
    skip = _finished(platform, job.job_id) if manifest else set()
    cutting = _Cutting(attempt, manifest)
    if manifest is not None and len(skip) == len(manifest.segments):
        return cutting.seen
    with attempt_directory(settings.scratch_dir) as scratch:
        source, size = fetch_source(platform.storage, job, scratch)
        require_free(scratch, size, f"the segments of {job.source.name}")
        task = ChunkTask(
            source=source,
            folder=scratch,
            etag=job.source.etag or "",
            params=job.params,
            limits=settings.media_limits,
            manifest=manifest,
            skip=frozenset(skip),
            poster=first or not exists(platform.storage, keys.poster_key(job.job_id)),
        )
        cutting.run(task)
        check_unchanged(platform.storage, job)
    return cutting.seen


class _Cutting:
    """Hears what the cutting child reports: stores the plan, the poster, and each segment as soon as it is finished."""

    def __init__(self, attempt: Attempt, manifest: Manifest | None) -> None:
        self._attempt = attempt
        self._job_id = attempt.job.job_id
        self._platform = attempt.context.platform
        self._manifest = manifest
        self.seen = attempt.job
        """The job as it was last stored or read."""
        self._announced_at = float("-inf")
        self._at_poster = False
        if manifest is not None:
            self._adopt(manifest)

    def run(self, task: ChunkTask) -> None:
        """Plan and cut in a child process; in another one, without a poster, where the first died or hung while it made that."""
        try:
            self._run(task)
        except UnsupportedMedia as error:
            if not self._at_poster:
                raise
            self._attempt.context.log.warning("no poster could be made", because=str(error))
            self._run(task.model_copy(update={"manifest": self._manifest, "poster": False}))

    def _run(self, task: ChunkTask) -> None:
        self._at_poster = task.poster and task.manifest is not None
        self._attempt.in_child("media_worker.tasks:plan_and_cut", task, returns=type(None), on_progress=self.hear)

    def hear(self, report: dict[str, Any]) -> None:
        """Take one report of `tasks.plan_and_cut`."""
        if "manifest" in report:
            self._adopt(Manifest.model_validate(report["manifest"]))
            self._at_poster = True
        elif "poster" in report:
            self._at_poster = False
            self._platform.storage.put_file(Path(report["poster"]), keys.poster_key(self._job_id))
        elif "no_poster" in report:
            self._at_poster = False
            self._attempt.context.log.info("the source has no poster", because=report["no_poster"])
        elif "segment" in report:
            self._store(report["segment"], Path(report["path"]))
        else:
            self._attempt.context.progress(0, 1)

    def _adopt(self, planned: Manifest) -> None:
        """Make this the plan of the job."""
        check_unchanged(self._platform.storage, self._attempt.job)
        self._manifest, plan_id = store_manifest(self._platform.storage, self._job_id, planned)
        if self._manifest != planned:
            raise RetryableError("Another worker planned this job differently; the next attempt works by that plan.")
        plan = Plan(
            plan_id=plan_id,
            segment_count=len(planned.segments),
            frame_count=planned.frame_count,
            duration=planned.duration,
            chunk_seconds=self._attempt.seconds,
        )
        self.seen = update_job(self._platform, self._job_id, lambda now: _with_plan(now, plan), seen=self.seen)

    def _store(self, index: int, path: Path) -> None:
        """Store a segment, and let it be rendered at once (or with those that follow within a moment)."""
        manifest = self._manifest
        assert manifest is not None  # noqa: S101 - the child reports the plan before any segment
        spec = manifest.segments[index]
        self._platform.storage.put_file(path, keys.segment_key(self._job_id, index, manifest.segment_container))
        path.unlink()
        done = spec.first_frame - manifest.segments[0].first_frame + len(spec.core)
        self._attempt.context.progress(done, manifest.frame_count)
        if time.monotonic() >= self._announced_at + ANNOUNCE_SECONDS:
            seconds = self._attempt.seconds
            self.seen = advance(self._platform, self._job_id, seen=self.seen, change=lambda now: _raise_cut(now, index + 1, seconds))
            self._announced_at = time.monotonic()


def _stored_plan(storage: ObjectStorage, job: Job) -> Manifest | None:
    """The plan that an earlier attempt made, whether it lived to tell the job or not."""
    if job.plan is not None:
        return load_manifest(storage, job.job_id, job.plan.plan_id)
    found = stored_manifest(storage, job.job_id)
    return found[0] if found else None


def _finished(platform: Platform, job_id: str) -> set[int]:
    """Segments that need no cutting: their object is there, or they are rendered already (and it was removed)."""
    finished = {completion.segment_index for completion in all_completions(platform.completions, job_id)}
    for found in all_objects(platform.storage, keys.segments_prefix(job_id)):
        parsed = keys.parse_key(found.key)
        if parsed.kind == "segment" and parsed.segment_index is not None:
            finished.add(parsed.segment_index)
    return finished


def _begin(job: Job, now: datetime) -> Job | None:
    return start_chunking(job, now=now) if job.status is JobStatus.QUEUED else None


def _is_first(job: Job, begun_at: datetime) -> bool:
    """Whether it was whoever began at that moment who began this job, and nobody before."""
    return [passage.at for passage in job.history if passage.status is JobStatus.CHUNKING] == [begun_at]


def _with_plan(job: Job, plan: Plan) -> Job | None:
    return job.evolve(plan=plan) if job.status is JobStatus.CHUNKING and job.plan is None else None


def _raise_cut(job: Job, cut: int, seconds: float) -> Job | None:
    if job.status is not JobStatus.CHUNKING or job.plan is None or job.cut >= cut:
        return None
    return note_cut(_with_seconds(job, job.plan, seconds), cut)


def _end(job: Job, seconds: float) -> Job | None:
    """Every segment is cut: the job renders (unless it is past that: rendering may have kept up with cutting)."""
    if job.status is not JobStatus.CHUNKING or job.plan is None:
        return None
    return start_rendering(note_cut(_with_seconds(job, job.plan, seconds), job.plan.segment_count), now=utc_now())


def _with_seconds(job: Job, plan: Plan, seconds: float) -> Job:
    return job.evolve(plan=plan.model_copy(update={"chunk_seconds": seconds}))
