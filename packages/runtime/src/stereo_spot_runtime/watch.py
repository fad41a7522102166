"""Noticing, in the middle of long work, that nobody wants it any more."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import structlog

from stereo_spot_shared.errors import Interrupted, NotFound, PermanentError, RetryableError
from stereo_spot_shared.interfaces import JobStore
from stereo_spot_shared.jobs import JobStatus

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class JobWatch:
    """Whether a job has left the statuses in which some work is wanted; asks the store at most once per interval."""

    def __init__(self, jobs: JobStore, job_id: str, wanted: Collection[JobStatus], *, interval_seconds: float = 2.0) -> None:
        self._jobs = jobs
        self._job_id = job_id
        self._wanted = frozenset(wanted)
        self._interval = interval_seconds
        self._next = time.monotonic() + interval_seconds
        self._given_up = False

    def given_up(self) -> bool:
        """True once the job was seen cancelled, deleted, failed or otherwise past this work. Cheap to call often."""
        if not self._given_up and time.monotonic() >= self._next:
            self._given_up = not self.still_wanted()
            self._next = time.monotonic() + self._interval
        return self._given_up

    def still_wanted(self) -> bool:
        """Ask the store now. While it cannot be reached the work goes on: whoever records its result will notice."""
        try:
            return self._jobs.get(self._job_id).status in self._wanted
        except NotFound:
            return False
        except RetryableError:
            return True

    @contextmanager
    def quiet_end(self) -> Iterator[None]:
        """Let the work in the `with` block end without an error once nobody wants it.

        It was interrupted for that reason, or it failed because what it needs was swept already.
        """
        try:
            yield
        except (Interrupted, NotFound, PermanentError) as error:
            if self.still_wanted():
                raise
            log.info("work_given_up", job_id=self._job_id, because=str(error))
