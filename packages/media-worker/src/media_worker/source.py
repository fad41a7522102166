"""The source object on this worker's disk: pinned to the etag that the job was submitted with."""

from __future__ import annotations

from pathlib import Path

from stereo_spot_runtime.scratch import require_free
from stereo_spot_shared.errors import MissingSource, NotFound, SourceChanged
from stereo_spot_shared.interfaces import ObjectStorage
from stereo_spot_shared.jobs import Job
from stereo_spot_shared.naming import harmless_name


def fetch_source(storage: ObjectStorage, job: Job, scratch: Path) -> tuple[Path, int]:
    """Write the source to a folder below `scratch`; returns its path and its size in bytes.

    MissingSource or SourceChanged where it is not the one that was submitted, NoSpaceLeft where it does not fit.
    """
    path = scratch / "source" / harmless_name(job.source.name)  # error messages about the file are to say its name
    path.parent.mkdir()
    try:
        size = storage.stat(job.source.key).size if job.source.size is None else job.source.size
        require_free(scratch, size, f"working on {job.source.name}")
        info = storage.get_file(job.source.key, path)
    except NotFound as error:
        raise _missing(job) from error
    _compare(job, info.etag)
    return path, info.size


def check_unchanged(storage: ObjectStorage, job: Job) -> None:
    """Make sure, after the work, that what was read is what was submitted. MissingSource or SourceChanged if not."""
    try:
        _compare(job, storage.stat(job.source.key).etag)
    except NotFound as error:
        raise _missing(job) from error


def exists(storage: ObjectStorage, key: str) -> bool:
    """Whether there is such an object."""
    try:
        storage.stat(key)
    except NotFound:
        return False
    return True


def _compare(job: Job, etag: str) -> None:
    if job.source.etag is not None and etag != job.source.etag:
        raise SourceChanged(
            f"The source of {job.source.name} was replaced after it was submitted.",
            hint="Submit the video again and leave the file as it is while it is converted.",
        )


def _missing(job: Job) -> MissingSource:
    return MissingSource(f"The source of {job.source.name} is no longer in storage.", hint="Submit the video again.")
