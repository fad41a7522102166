"""The list of jobs: searched, filtered, page by page."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus

from stereo_spot_shared.interfaces import JobPage, Platform
from stereo_spot_shared.jobs import Job, JobStatus
from stereo_spot_web_ui.problems import Refused

PAGE = 24
KNOWN = frozenset(JobStatus) - {JobStatus.DELETED}


class Filter(StrEnum):
    """What a person wants to see."""

    ALL = "all"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


STATUSES = {
    Filter.ALL: KNOWN,
    Filter.RUNNING: frozenset(status for status in KNOWN if not status.is_final),
    Filter.COMPLETED: frozenset({JobStatus.COMPLETED}),
    Filter.FAILED: frozenset({JobStatus.FAILED, JobStatus.CANCELLED}),
}


def list_jobs(platform: Platform, *, statuses: frozenset[JobStatus], name: str, cursor: str | None, limit: int = PAGE) -> JobPage:
    """A page of jobs. Stores that search may answer short pages: they are asked until the page is full or the list ends.

    Refused (422) where the cursor is none of the store's.
    """
    jobs: list[Job] = []
    unreadable: list[str] = []
    while True:
        try:
            page = platform.jobs.list(statuses=statuses & KNOWN, name=name.strip() or None, cursor=cursor, limit=limit - len(jobs))
        except ValueError as error:
            raise Refused(str(error), status=HTTPStatus.UNPROCESSABLE_ENTITY, code="invalid_cursor") from error
        jobs += page.jobs
        unreadable += page.unreadable
        cursor = page.cursor
        if cursor is None or len(jobs) >= limit:
            return JobPage(tuple(jobs), cursor, tuple(unreadable))
