"""The jobs, in one table."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select, tuple_, update

from stereo_spot_local_adapters.engine import Database, insert_if_absent
from stereo_spot_local_adapters.tables import jobs
from stereo_spot_shared.errors import Conflict, NotFound, StereoSpotError, StoreUnavailable
from stereo_spot_shared.interfaces import JobPage
from stereo_spot_shared.jobs import Job, JobStatus
from stereo_spot_shared.rows import decode_row

_ONE_JOB = select(jobs.c.body).where(jobs.c.job_id == bindparam("job"))
"""The latest version of a job."""

_COMPARE_AND_SET = (
    update(jobs)
    .where(jobs.c.job_id == bindparam("job"), jobs.c.version == bindparam("seen"))
    .values(version=bindparam("next"), status=bindparam("now"), body=bindparam("json"))
)
"""Changes one row if nobody has changed it since version `seen`, none otherwise."""

_NEWEST_FIRST = select(jobs.c.created_us, jobs.c.job_id, jobs.c.body).order_by(jobs.c.created_us.desc(), jobs.c.job_id.desc())
"""In an order that never changes for a job: a page begins where the page before it ended, whatever came meanwhile."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SqlJobStore:
    """`JobStore` on the database. What `create` and `update` return is on the disk."""

    def __init__(self, database: Database) -> None:
        self._transactions = database.transactions(StoreUnavailable, durable=True)

    def create(self, job: Job) -> Job:
        stored = job.model_copy(update={"version": 1})
        row = {
            "job_id": stored.job_id,
            "version": 1,
            "status": stored.status.value,
            "created_us": (stored.created_at - _EPOCH) // timedelta(microseconds=1),
            "name": stored.source.name.casefold(),
            "body": stored.model_dump_json(),
        }
        with self._transactions.write() as connection:
            if not insert_if_absent(connection, jobs, row):
                raise Conflict(f"a job {job.job_id} exists already")
        return stored

    def get(self, job_id: str) -> Job:
        with self._transactions.read() as connection:
            body = connection.execute(_ONE_JOB, {"job": job_id}).scalar_one_or_none()
        if body is None:
            raise NotFound(f"there is no job {job_id}")
        return decode_row(Job, body, f"job {job_id}")

    def update(self, job: Job) -> Job:
        stored = job.model_copy(update={"version": job.version + 1})
        changes = {
            "job": job.job_id,
            "seen": job.version,
            "next": stored.version,
            "now": stored.status.value,
            "json": stored.model_dump_json(),
        }
        with self._transactions.write() as connection:
            if connection.execute(_COMPARE_AND_SET, changes).rowcount == 1:
                return stored
            if connection.execute(_ONE_JOB, {"job": job.job_id}).first() is None:
                raise NotFound(f"there is no job {job.job_id}")
        raise Conflict(f"job {job.job_id} is no longer at version {job.version}")

    def list(
        self, *, statuses: frozenset[JobStatus] | None = None, name: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> JobPage:
        query = _NEWEST_FIRST.limit(limit + 1)
        if name:
            query = query.where(jobs.c.name.contains(name.casefold(), autoescape=True))
        if cursor is not None:
            query = query.where(tuple_(jobs.c.created_us, jobs.c.job_id) < tuple_(*_place(cursor)))
        with self._transactions.read() as connection:
            rows = _all(connection, query) if statuses is None else _by_status(connection, query, statuses, limit + 1)
        page = rows[:limit]
        more = len(rows) > limit
        found: list[Job] = []
        unreadable: list[str] = []
        for row in page:
            try:
                found.append(decode_row(Job, row.body, f"job {row.job_id}"))
            except StereoSpotError as error:
                unreadable.append(error.message)
        return JobPage(
            jobs=tuple(found),
            cursor=f"{page[-1].created_us}.{page[-1].job_id}" if more and page else None,
            unreadable=tuple(unreadable),
        )


def _all(connection: Connection, query: Select[Any]) -> Sequence[Row[Any]]:
    return connection.execute(query).all()


def _by_status(connection: Connection, query: Select[Any], statuses: frozenset[JobStatus], limit: int) -> Sequence[Row[Any]]:
    """One walk along the index for each status, merged: with all of them in one query the database would sort every match."""
    walks = [connection.execute(query.where(jobs.c.status == status.value)).all() for status in sorted(statuses)]
    return list(heapq.merge(*walks, key=lambda row: (row.created_us, row.job_id), reverse=True))[:limit]


def _place(cursor: str) -> tuple[int, str]:
    created, _, job_id = cursor.partition(".")
    try:
        return int(created), job_id
    except ValueError:
        raise ValueError(f"not a cursor of a list of jobs: {cursor!r}") from None
