"""Which job of a server a command line means: the same file with the same parameters is the same job, wherever its result goes."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from stereo_spot_cli.remote.client import Client
from stereo_spot_cli.remote.errors import Refused
from stereo_spot_shared.api.jobs import JobDetail, NewJob, UrlJob
from stereo_spot_shared.ingest import same_video
from stereo_spot_shared.jobs import JobStatus
from stereo_spot_shared.rendering import RenderParams

SPENT = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})
"""How a server refuses to make a job again: it was deleted, or somebody has given it other parameters."""


class Identity(Protocol):
    """What makes two command lines mean the same job."""

    def facts(self) -> list[Any]:
        """All that the job depends on, as JSON."""

    def make(self, client: Client, key: str) -> JobDetail:
        """Ask for the job. Refused where the server makes none; the job that there is where the key was used before."""


@dataclass(frozen=True)
class FileIdentity:
    """A video that is sent: the file as it is now, and what is to become of it."""

    source: Path
    size: int
    modified: int
    """Nanoseconds."""
    inode: int
    params: RenderParams

    @classmethod
    def of(cls, source: Path, params: RenderParams) -> FileIdentity:
        """The identity of converting `source`, an absolute path, as it is now."""
        status = source.stat()
        return cls(source, status.st_size, status.st_mtime_ns, status.st_ino, params)

    def facts(self) -> list[Any]:
        """See `Identity`."""
        return [os.fsencode(self.source).hex(), self.size, self.modified, self.inode, self.params.model_dump(mode="json")]

    def make(self, client: Client, key: str) -> JobDetail:
        """See `Identity`."""
        name = os.fsencode(self.source.name).decode(errors="replace")
        return client.create(NewJob(name=name, bytes=self.size, params=self.params, start=True), key)


@dataclass(frozen=True)
class UrlIdentity:
    """A video that the server fetches: its address but for a signature, which is made anew each time."""

    url: str
    params: RenderParams

    def facts(self) -> list[Any]:
        """See `Identity`."""
        return [same_video(self.url), self.params.model_dump(mode="json")]

    def make(self, client: Client, key: str) -> JobDetail:
        """See `Identity`."""
        return client.create_from_url(UrlJob(url=self.url, params=self.params, start=True), key)


def key_of(identity: Identity, generation: int) -> str:
    """The idempotency key. A later generation is the same command again, after its job was cancelled or its result removed."""
    return hashlib.sha256(json.dumps([*identity.facts(), generation], sort_keys=True).encode()).hexdigest()


def find_or_make(client: Client, identity: Identity) -> JobDetail:
    """The job of this command: the one that there is, or a new one, which goes on by itself once its video is there."""
    generation = 0
    while True:
        try:
            job = identity.make(client, key_of(identity, generation))
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
