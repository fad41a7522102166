"""`stereo-spot --server URL jobs`: look at a server's jobs and act on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus

from stereo_spot_cli import output
from stereo_spot_cli.output import CommandFailed
from stereo_spot_cli.remote.client import Client, connected
from stereo_spot_cli.remote.errors import Refused
from stereo_spot_cli.remote.tables import job_details, jobs_table
from stereo_spot_shared.api.jobs import JobDetail, JobView
from stereo_spot_shared.jobs import JobStatus

PAGE = 200
WHOLE_ID = 8
"""Characters that an id has at least."""


def list_jobs(statuses: Sequence[JobStatus], limit: int, *, as_json: bool) -> None:
    """The newest `limit` jobs."""
    with connected() as client:
        jobs = take(client, limit, statuses)
    if as_json:
        output.emit({"jobs": [job.model_dump(mode="json") for job in jobs]})
    elif not jobs:
        output.say("There are no jobs.")
    else:
        output.show(jobs_table(jobs))


def show(beginning: str, *, as_json: bool) -> None:
    """One job."""
    with connected() as client:
        job = find(client, beginning)
    if as_json:
        output.emit(job)
    else:
        output.show(job_details(job))


def act(beginning: str, operation: Callable[[Client, str], JobDetail | None], outcome: str, *, as_json: bool) -> None:
    """Find the job, do it, say so. An operation that leaves no job answers None."""
    with connected() as client:
        found = find(client, beginning)
        changed = operation(client, found.id)
    if as_json:
        output.emit(changed or {"id": found.id, "status": JobStatus.DELETED.value})
    else:
        output.say(f"Job {found.id} ({found.source.name}) {outcome}.")


def take(client: Client, limit: int, statuses: Sequence[JobStatus]) -> list[JobView]:
    """The newest `limit` jobs."""
    jobs: list[JobView] = []
    cursor: str | None = None
    while len(jobs) < limit:
        page = client.jobs(statuses=statuses, cursor=cursor, limit=min(PAGE, limit - len(jobs)))
        jobs += page.jobs
        for sentence in page.unreadable:
            output.note(f"stereo-spot: {output.sentence(sentence)}")
        if (cursor := page.cursor) is None:
            break
    return jobs


def find(client: Client, beginning: str) -> JobDetail:
    """The one job whose id begins so; CommandFailed where there is none or more than one."""
    if len(beginning) >= WHOLE_ID and beginning.isascii() and beginning.isalnum():
        try:
            return client.job(beginning)
        except Refused as error:
            if error.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}:
                raise
    alike: list[JobView] = []
    cursor: str | None = None
    while len(alike) < 2:
        page = client.jobs(cursor=cursor, limit=PAGE)
        alike += [job for job in page.jobs if beginning and job.id.startswith(beginning)]
        if (cursor := page.cursor) is None:
            break
    if not alike:
        raise CommandFailed(
            "not_found", f"there is no job {beginning} at {client.address}", hint="`stereo-spot jobs list` shows those there are"
        )
    if len(alike) > 1:
        raise CommandFailed("ambiguous", f"several jobs begin with {beginning}", hint="give more of the id")
    return client.job(alike[0].id)
