"""Which job a command line means: the same command is the same job, which is how it resumes."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.ingest import same_video
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import Job, JobStatus
from stereo_spot_shared.rendering import RenderParams


@dataclass(frozen=True)
class Identity:
    """What makes two conversions the same: the video, the parameters and the output."""

    origin: tuple[str | int, ...]
    """The file as it is now (path, size, time of its last change in nanoseconds, inode), or where it is fetched from."""
    params: RenderParams
    output: Path

    @classmethod
    def of(cls, source: Path, params: RenderParams, output: Path) -> Identity:
        """The identity of converting `source` as it is now; both paths are absolute."""
        status = source.stat()
        return cls((os.fsencode(source).hex(), status.st_size, status.st_mtime_ns, status.st_ino), params, output)

    @classmethod
    def of_url(cls, url: str, params: RenderParams, output: Path) -> Identity:
        """The identity of converting what is under a URL. A signature in it may be renewed: that does not count."""
        return cls((same_video(url),), params, output)

    def job_id(self, generation: int) -> str:
        """The id of the job. A later generation is the same command again, after its result was taken away."""
        facts = [
            *self.origin,
            self.params.model_dump(mode="json"),
            os.fsencode(self.output).hex(),
            generation,
        ]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def find_job(platform: Platform, identity: Identity) -> tuple[str, Job | None]:
    """The id to work under, and the job where it is there already.

    A cancelled or deleted job is left alone, as is a completed one whose output was taken: the next generation is begun.
    """
    generation = 0
    while True:
        job_id = identity.job_id(generation)
        try:
            job = platform.jobs.get(job_id)
        except NotFound:
            return job_id, None
        if not is_spent(platform, job):
            return job_id, job
        generation += 1


def is_spent(platform: Platform, job: Job) -> bool:
    """Whether nothing more can come of this job."""
    if job.status is JobStatus.COMPLETED:
        return not has_output(platform, job)
    return job.status in {JobStatus.CANCELLED, JobStatus.DELETED}


def has_output(platform: Platform, job: Job) -> bool:
    """Whether a completed job's output is still in storage."""
    if job.result is None:
        return False
    try:
        for file in job.result.files:
            platform.storage.stat(file.key)
    except NotFound:
        return False
    return True
