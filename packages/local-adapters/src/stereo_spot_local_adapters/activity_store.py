"""Who works on what at this moment, in one table."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select

from stereo_spot_local_adapters.engine import Database, insert_or_replace
from stereo_spot_local_adapters.tables import activity as table
from stereo_spot_shared.errors import StoreUnavailable
from stereo_spot_shared.jobs import Activity, Stage
from stereo_spot_shared.rows import decode_row

_OF_JOB = select(table.c.body).where(table.c.job_id == bindparam("job"))
_FORGET = delete(table).where(table.c.job_id == bindparam("job"))
_WHOLE_JOB = -1
_STAGES = list(Stage)


class SqlActivityStore:
    """`ActivityStore` on the database. Reports are hints: they are not fsynced."""

    def __init__(self, database: Database) -> None:
        self._transactions = database.transactions(StoreUnavailable, durable=False)

    def report(self, activity: Activity) -> None:
        row = {
            "job_id": activity.job_id,
            "stage": activity.stage.value,
            "segment_index": _WHOLE_JOB if activity.segment_index is None else activity.segment_index,
            "body": activity.model_dump_json(),
        }
        with self._transactions.write() as connection:
            insert_or_replace(connection, table, row)

    def list(self, job_id: str) -> tuple[Activity, ...]:
        with self._transactions.read() as connection:
            bodies = connection.execute(_OF_JOB, {"job": job_id}).scalars().all()
        found = (decode_row(Activity, body, f"an activity of job {job_id}") for body in bodies)
        return tuple(sorted(found, key=_place))

    def delete_by_job(self, job_id: str) -> None:
        with self._transactions.write() as connection:
            connection.execute(_FORGET, {"job": job_id})


def _place(activity: Activity) -> tuple[int, int]:
    return _STAGES.index(activity.stage), _WHOLE_JOB if activity.segment_index is None else activity.segment_index
