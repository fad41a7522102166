"""Which job of a server a command line means: the same file with the same parameters is the same job, wherever its result goes."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from stereo_spot_cli.remote.client import Client
from stereo_spot_cli.remote.errors import Refused
from stereo_spot_shared.api.jobs import JobDetail, NewJob
from stereo_spot_shared.jobs import JobStatus
from stereo_spot_shared.rendering import RenderParams

SPENT = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})
"""How a server refuses to make a job again: it was deleted, or somebody has given it other parameters."""


@dataclass(frozen=True)
class Identity:
    """What makes two uploads the same: the file as it is now, and what is to become of it."""

    source: Path
    size: int
    modified: int
    """Nanoseconds."""
    inode: int
    params: RenderParams

    @classmethod
    def of(cls, source: Path, params: RenderParams) -> Identity:
        """The identity of converting `source`, an absolute path, as it is now."""
        status = source.stat()
        return cls(source, status.st_size, status.st_mtime_ns, status.st_ino, params)

    def key(self, generation: int) -> str:
        """The idempotency key. A later generation is the same command again, after its job was cancelled or its result removed."""
        facts = [os.fsencode(self.source).hex(), self.size, self.modified, self.inode, self.params.model_dump(mode="json"), generation]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def find_or_make(client: Client, identity: Identity) -> JobDetail:
    """The job of this command: the one that there is, or a new one, whose video is to be sent and which goes on by itself then."""
    name = os.fsencode(identity.source.name).decode(errors="replace")
    new = NewJob(name=name, bytes=identity.size, params=identity.params, start=True)
    generation = 0
    while True:
        try:
            job = client.create(new, identity.key(generation))
        except Refused as error:
            if error.status not in SPENT:
                raise
        else:
            if not is_spent(client, job):
                return job
        generation += 1


def is_spent(client: Client, job: JobDetail) -> bool:
    """Whether nothing more can come of this job."""
    if job.status is JobStatus.COMPLETED:
        return job.result is None or not all(client.has(file.url) for file in job.result.files)
    return job.status in {JobStatus.CANCELLED, JobStatus.DELETED}
