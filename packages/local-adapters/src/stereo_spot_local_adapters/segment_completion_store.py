"""Which segments are finished, in one table."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, select

from stereo_spot_local_adapters.engine import Database, insert_if_absent
from stereo_spot_local_adapters.tables import segment_completions as table
from stereo_spot_shared.errors import StoreUnavailable
from stereo_spot_shared.interfaces import CompletionPage
from stereo_spot_shared.jobs import SegmentCompletion
from stereo_spot_shared.rows import decode_row

_ONE_SEGMENT = select(table.c.body).where(table.c.job_id == bindparam("job"), table.c.segment_index == bindparam("index"))
"""The completion that stands for a segment."""

_IN_ORDER = (
    select(table.c.segment_index, table.c.body)
    .where(table.c.job_id == bindparam("job"), table.c.segment_index > bindparam("after"))
    .order_by(table.c.segment_index)
    .limit(bindparam("most"))
)
"""A job's completions behind a segment, by segment: a walk along the primary key."""

_HOW_MANY = select(func.count()).select_from(table).where(table.c.job_id == bindparam("job"))
"""Counts entries of the primary key's index, without reading rows."""

_ALL_OF_JOB = delete(table).where(table.c.job_id == bindparam("job"))


class SqlSegmentCompletionStore:
    """`SegmentCompletionStore` on the database. What `put` returns is on the disk."""

    def __init__(self, database: Database) -> None:
        self._transactions = database.transactions(StoreUnavailable, durable=True)

    def put(self, completion: SegmentCompletion) -> SegmentCompletion:
        key = {"job_id": completion.job_id, "segment_index": completion.segment_index}
        with self._transactions.write() as connection:
            if insert_if_absent(connection, table, {**key, "body": completion.model_dump_json()}):
                return completion
            standing = connection.execute(_ONE_SEGMENT, {"job": completion.job_id, "index": completion.segment_index}).scalar_one()
        return _decode(completion.job_id, completion.segment_index, standing)

    def get(self, job_id: str, segment_index: int) -> SegmentCompletion | None:
        with self._transactions.read() as connection:
            body = connection.execute(_ONE_SEGMENT, {"job": job_id, "index": segment_index}).scalar_one_or_none()
        return None if body is None else _decode(job_id, segment_index, body)

    def query_by_job(self, job_id: str, *, cursor: str | None = None, limit: int = 500) -> CompletionPage:
        after = -1 if cursor is None else _place(cursor)
        with self._transactions.read() as connection:
            rows = connection.execute(_IN_ORDER, {"job": job_id, "after": after, "most": limit + 1}).all()
        page = rows[:limit]
        return CompletionPage(
            completions=tuple(_decode(job_id, row.segment_index, row.body) for row in page),
            cursor=str(page[-1].segment_index) if len(rows) > limit and page else None,
        )

    def count(self, job_id: str) -> int:
        with self._transactions.read() as connection:
            return int(connection.execute(_HOW_MANY, {"job": job_id}).scalar_one())

    def delete_by_job(self, job_id: str) -> None:
        with self._transactions.write() as connection:
            connection.execute(_ALL_OF_JOB, {"job": job_id})


def _place(cursor: str) -> int:
    try:
        return int(cursor)
    except ValueError:
        raise ValueError(f"not a cursor of a list of completions: {cursor!r}") from None


def _decode(job_id: str, index: int, body: str) -> SegmentCompletion:
    return decode_row(SegmentCompletion, body, f"segment {index} of job {job_id}")
