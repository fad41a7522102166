"""What a person can do to a job; the command line and the web pages both do it through here."""

from __future__ import annotations

from pathlib import Path

from stereo_spot_runtime.advance import advance
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared import pipeline
from stereo_spot_shared.errors import Conflict, MissingSource, NotFound
from stereo_spot_shared.ingest import name_in_url, same_video
from stereo_spot_shared.interfaces.object_storage import ObjectInfo
from stereo_spot_shared.interfaces.platform import Platform
from stereo_spot_shared.jobs import Job, JobStatus, Source, new_job_id
from stereo_spot_shared.keys import source_key
from stereo_spot_shared.rendering import RenderParams

_ARRIVING = frozenset({JobStatus.UPLOADING, JobStatus.INGESTING})
_NOT_ACCEPTED_YET = _ARRIVING | {JobStatus.CREATED}


def submit(
    platform: Platform,
    path: Path,
    params: RenderParams,
    *,
    name: str | None = None,
    job_id: str | None = None,
    start: bool = True,
    keep_source: bool = False,
) -> Job:
    """Make a job of the video at `path`: create it, store its source, pin the source's etag, set it going (unless not `start`).

    A submission that was interrupted goes on where it stopped when it is repeated with the same `job_id`; a job that
    was accepted already is returned as it is. MissingSource where there is no file, Conflict where the id belongs to a
    job with other parameters or another source.
    """
    if not path.is_file():
        raise MissingSource(f"there is no file {path}", hint="check the name")
    job_id = job_id or new_job_id()
    source = Source(key=source_key(job_id), name=name or path.name, size=path.stat().st_size)
    job = _create_or_find(platform, Job(job_id=job_id, source=source, params=params, start_when_uploaded=start, keep_source=keep_source))
    if job.status in _NOT_ACCEPTED_YET and job.source.etag is None:
        update_job(platform, job_id, _start_uploading)
        stored = _store_source(platform, path, job)
        update_job(platform, job_id, lambda job: _arrived(job, stored))
    return advance(platform, job_id)


def expect_upload(platform: Platform, name: str, size: int, params: RenderParams, *, job_id: str | None = None, start: bool = False) -> Job:
    """Make a job whose source of `size` bytes will arrive through `platform.uploads`, under the key that the job names.

    Repeated with the same `job_id` it returns the job that there is; Conflict where that is about another video. `start`: the job is
    set going when the last byte is here; otherwise it waits for `start_job`.
    """
    job_id = job_id or new_job_id()
    source = Source(key=source_key(job_id), name=name, size=size)
    job = _create_or_find(platform, Job(job_id=job_id, source=source, params=params, start_when_uploaded=start, keep_source=True))
    if job.status is JobStatus.CREATED:
        platform.uploads.begin(job.source.key, size)
        job = update_job(platform, job_id, _start_uploading)
    return job


def submit_url(platform: Platform, url: str, params: RenderParams, *, job_id: str | None = None, start: bool = True) -> Job:
    """Make a job whose source a media worker fetches from `url`, which was checked (`ingest.checked_url`), and keep that source.

    Repeated with the same `job_id` it returns the job that there is, which goes on with this `url` if it still fetches (a signature
    may have run out); Conflict where that is about another video or has other parameters. `start`: the job is set going when the source
    is here; otherwise it waits for `start_job`.
    """
    job_id = job_id or new_job_id()
    source = Source(key=source_key(job_id), name=name_in_url(url), url=url)
    job = _create_or_find(platform, Job(job_id=job_id, source=source, params=params, start_when_uploaded=start, keep_source=True))
    if job.source.url != url:
        update_job(platform, job_id, lambda job: _with_url(job, url))
    if job.status is JobStatus.CREATED:
        update_job(platform, job_id, _start_ingesting)
    return advance(platform, job_id)


def accept_upload(platform: Platform, job_id: str) -> Job:
    """Take note that what arrives of a job's source is whole, if it is; the job goes on if it was to. May be asked at any time."""
    job = platform.jobs.get(job_id)
    if job.status not in _ARRIVING or job.source.etag is not None:
        return job
    stored = _finish_upload(platform, job)
    if stored is None:
        return job
    update_job(platform, job_id, lambda job: _arrived(job, stored))
    return advance(platform, job_id)


def set_params(platform: Platform, job_id: str, params: RenderParams) -> Job:
    """Change how the result is to look. Conflict once the job was set going."""

    def change(job: Job) -> Job | None:
        if job.status not in _NOT_ACCEPTED_YET:
            raise Conflict(
                f"Job {job_id} is {job.status}: its options cannot be changed any more.", hint="Convert it again with other options."
            )
        return None if job.params == params else job.evolve(params=params)

    return update_job(platform, job_id, change)


def start_job(platform: Platform, job_id: str) -> Job:
    """Set a job going, as soon as its source is here. One that goes already is left as it is; Conflict where it has ended."""

    def change(job: Job) -> Job | None:
        if job.status.is_final:
            raise Conflict(
                f"Job {job_id} is {job.status}: it cannot be started.", hint="Retry it if it failed, or convert the video again."
            )
        if job.status not in _NOT_ACCEPTED_YET or (job.start_when_uploaded and job.source.etag is None):
            return None
        job = job.evolve(start_when_uploaded=True)
        return pipeline.enter(job, JobStatus.QUEUED) if job.source.etag is not None else job

    update_job(platform, job_id, change)
    return advance(platform, job_id)


def duplicate_job(platform: Platform, job_id: str, params: RenderParams, *, start: bool = False, new_id: str | None = None) -> Job:
    """Make another job of the same source. MissingSource where that is no longer in storage, Conflict where `new_id` is another job's."""
    old = platform.jobs.get(job_id)
    new_id = new_id or new_job_id()
    source = old.source.model_copy(update={"key": source_key(new_id), "etag": None, "url": None})
    job = _create_or_find(platform, Job(job_id=new_id, source=source, params=params, start_when_uploaded=start, keep_source=True))
    if job.status is JobStatus.CREATED:
        try:
            stored = platform.storage.copy(old.source.key, job.source.key)
        except NotFound as error:
            update_job(platform, new_id, pipeline.delete)
            raise MissingSource(f"The source of {old.source.name} is no longer in storage.", hint="Upload the video again.") from error
        update_job(platform, new_id, _start_uploading)
        update_job(platform, new_id, lambda job: _arrived(job, stored))
    return advance(platform, new_id)


def cancel_job(platform: Platform, job_id: str) -> Job:
    """Stop a job; what it held is swept. Conflict where it has ended already, NotFound where there is none."""
    job = update_job(platform, job_id, pipeline.cancel)
    platform.uploads.abort(job.source.key)
    return advance(platform, job_id)


def retry_job(platform: Platform, job_id: str) -> Job:
    """Set a failed job going again; its finished segments stay. Conflict where it has not failed."""
    update_job(platform, job_id, pipeline.retry)
    # With a patience, so that only the segments that are missing are announced again.
    return advance(platform, job_id, patience=0)


def delete_job(platform: Platform, job_id: str) -> Job:
    """Remove a job, whatever it is doing, and all it holds; only its row stays. Nothing happens the second time."""
    job = update_job(platform, job_id, lambda job: None if job.status is JobStatus.DELETED else pipeline.delete(job))
    platform.uploads.abort(job.source.key)
    return advance(platform, job_id)


def _create_or_find(platform: Platform, job: Job) -> Job:
    try:
        return platform.jobs.create(job)
    except Conflict:
        found = platform.jobs.get(job.job_id)
    if _origin(found.source) != _origin(job.source) or not job.params.is_met_by(found.params):
        raise Conflict(f"job {job.job_id} exists already, for another video or with other parameters")
    return found


def _origin(source: Source) -> object:
    """What tells sources apart before they are here: their sizes, or where they come from."""
    return source.size if source.url is None else same_video(source.url)


def _with_url(job: Job, url: str) -> Job | None:
    waits = job.source.etag is None and job.status in {JobStatus.CREATED, JobStatus.INGESTING, JobStatus.FAILED}
    return job.evolve(source=job.source.model_copy(update={"url": url})) if waits else None


def _start_ingesting(job: Job) -> Job | None:
    return pipeline.enter(job, JobStatus.INGESTING) if job.status is JobStatus.CREATED else None


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


def _finish_upload(platform: Platform, job: Job) -> ObjectInfo | None:
    """The source, made of an upload that is whole; also where whoever made it did not live to tell. None where bytes are missing."""
    try:
        return platform.uploads.finish(job.source.key)
    except (Conflict, NotFound):
        pass
    try:
        stored = platform.storage.stat(job.source.key)
    except NotFound:
        return None
    return stored if job.source.size in {None, stored.size} else None


def _arrived(job: Job, stored: ObjectInfo) -> Job | None:
    if job.status not in _ARRIVING or job.source.etag is not None:
        return None
    job = job.evolve(source=job.source.forget_query().model_copy(update={"etag": stored.etag, "size": stored.size, "validator": None}))
    return pipeline.enter(job, JobStatus.QUEUED) if job.start_when_uploaded else job
