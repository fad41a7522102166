"""The store of jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from stereo_spot_shared.jobs import Job, JobStatus


@dataclass(frozen=True)
class JobPage:
    """Jobs, newest first; `cursor` continues the list and is None at its end."""

    jobs: tuple[Job, ...]
    cursor: str | None = None
    unreadable: tuple[str, ...] = ()
    """A sentence for each job of this page that was written by a newer program, or is damaged. The others are listed all the same."""


class JobStore(Protocol):
    """The jobs. Every read sees every earlier write of the same job."""

    def create(self, job: Job) -> Job:
        """Store a new job, as version 1. Conflict where its id is taken."""

    def get(self, job_id: str) -> Job:
        """NotFound where there is none."""

    def update(self, job: Job) -> Job:
        """Compare and set: store `job` as version `job.version + 1` if the stored version is still `job.version`.

        Returns what was stored. Conflict where somebody else was first, NotFound where there is no such job
        (an update never creates one).
        """

    def list(
        self, *, statuses: frozenset[JobStatus] | None = None, name: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> JobPage:
        """A page of jobs by time of creation, newest first, of the given statuses (None: all).

        `name`: only those whose source's name contains it, whatever the case of either. An adapter that must look for them may return
        short pages, even empty ones, with a cursor.

        A job that exists for the whole walk over all pages appears exactly once, whatever is created meanwhile.
        """
