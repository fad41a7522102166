"""What a person can do to a job; the command line and the web pages both do it through here."""

from __future__ import annotations

from pathlib import Path

from stereo_spot_runtime.advance import advance
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared import pipeline
from stereo_spot_shared.errors import Conflict, MissingSource
from stereo_spot_shared.interfaces.object_storage import ObjectInfo
from stereo_spot_shared.interfaces.platform import Platform
from stereo_spot_shared.jobs import Job, JobStatus, Source, new_job_id
from stereo_spot_shared.keys import source_key
from stereo_spot_shared.rendering import RenderParams

_NOT_ACCEPTED_YET = frozenset({JobStatus.CREATED, JobStatus.UPLOADING})


def submit(platform: Platform, path: Path, params: RenderParams, *, name: str | None = None, job_id: str | None = None) -> Job:
    """Make a job of the video at `path`: create it, store its source, pin the source's etag, set it going.

    A submission that was interrupted goes on where it stopped when it is repeated with the same `job_id`; a job that
    was accepted already is returned as it is. MissingSource where there is no file, Conflict where the id belongs to a
    job with other parameters or another source.
    """
    if not path.is_file():
        raise MissingSource(f"there is no file {path}", hint="check the name")
    job = _create_or_find(platform, path, params, name or path.name, job_id or new_job_id())
    if job.status in _NOT_ACCEPTED_YET:
        update_job(platform, job.job_id, _start_uploading)
        stored = _store_source(platform, path, job)
        update_job(platform, job.job_id, lambda job: _accept(job, stored))
    return advance(platform, job.job_id)


def cancel_job(platform: Platform, job_id: str) -> Job:
    """Stop a job; what it held is swept. Conflict where it has ended already, NotFound where there is none."""
    update_job(platform, job_id, pipeline.cancel)
    return advance(platform, job_id)


def retry_job(platform: Platform, job_id: str) -> Job:
    """Set a failed job going again; its finished segments stay. Conflict where it has not failed."""
    update_job(platform, job_id, pipeline.retry)
    # With a patience, so that only the segments that are missing are announced again.
    return advance(platform, job_id, patience=0)


def delete_job(platform: Platform, job_id: str) -> Job:
    """Remove a job, whatever it is doing, and all it holds; only its row stays. Nothing happens the second time."""
    update_job(platform, job_id, lambda job: None if job.status is JobStatus.DELETED else pipeline.delete(job))
    return advance(platform, job_id)


def _create_or_find(platform: Platform, path: Path, params: RenderParams, name: str, job_id: str) -> Job:
    job = Job(job_id=job_id, source=Source(key=source_key(job_id), name=name, size=path.stat().st_size), params=params)
    try:
        return platform.jobs.create(job)
    except Conflict:
        found = platform.jobs.get(job_id)
    if (found.params, found.source.size) != (job.params, job.source.size):
        raise Conflict(f"job {job_id} exists already, for another video or with other parameters")
    return found


def _start_uploading(job: Job) -> Job | None:
    return pipeline.enter(job, JobStatus.UPLOADING) if job.status is JobStatus.CREATED else None


def _store_source(platform: Platform, path: Path, job: Job) -> ObjectInfo:
    try:
        # Put only where there is none: two that submit the same job must not replace each other's pinned object.
        return platform.storage.put_file(path, job.source.key, if_absent=True)
    except Conflict:
        stored = platform.storage.stat(job.source.key)
    if stored.size != job.source.size:
        raise Conflict(f"the source of job {job.job_id} in storage is another file", hint="delete the job and submit it again")
    return stored


def _accept(job: Job, stored: ObjectInfo) -> Job | None:
    if job.status is not JobStatus.UPLOADING:
        return None
    source = job.source.model_copy(update={"etag": stored.etag, "size": stored.size})
    return pipeline.enter(job, JobStatus.QUEUED, source=source)
