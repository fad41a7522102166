from __future__ import annotations

import pytest
from sqlalchemy import update

from stereo_spot_adapter_contracts.examples import a_job
from stereo_spot_local_adapters.engine import Database
from stereo_spot_local_adapters.job_store import SqlJobStore
from stereo_spot_local_adapters.tables import jobs
from stereo_spot_shared.base import SCHEMA_VERSION
from stereo_spot_shared.errors import StoreUnavailable, UnknownSchema
from stereo_spot_shared.jobs import Job
from stereo_spot_shared.rows import decode_row


def test_a_row_comes_back_as_the_value():
    job = a_job()
    assert decode_row(Job, job.model_dump_json(), "job x") == job


@pytest.mark.parametrize("body", ["", "null", "[]", "{}", '{"schema_version": "new"}', "{not json", '{"schema_version": null}'])
def test_a_damaged_row_is_said_in_a_sentence(body):
    with pytest.raises(StoreUnavailable, match="the row of job x is damaged"):
        decode_row(Job, body, "job x")


def test_a_newer_row_is_left_for_a_newer_program():
    job = a_job()
    newer = job.model_copy(update={"schema_version": SCHEMA_VERSION + 1}).model_dump_json()
    with pytest.raises(UnknownSchema, match="job x"):
        decode_row(Job, newer, "job x")


def test_a_job_that_cannot_be_read_hides_no_other(tmp_path):
    """Workers of two versions look at one database while a system is being updated."""
    database = Database(tmp_path / "stereo-spot.db")
    store = SqlJobStore(database)
    stored = [store.create(a_job()) for _ in range(3)]
    spoilt = stored[1].job_id
    with database.transactions(StoreUnavailable, durable=False).write() as connection:
        connection.execute(update(jobs).where(jobs.c.job_id == spoilt).values(body='{"schema_version": 999}'))
    page = store.list()
    assert {job.job_id for job in page.jobs} == {stored[0].job_id, stored[2].job_id}
    assert page.unreadable == (f"job {spoilt} has schema version 999, this program knows {SCHEMA_VERSION}",)
    found, cursor = [], None
    while page := store.list(cursor=cursor, limit=1):
        found += [*page.jobs, *page.unreadable]
        if (cursor := page.cursor) is None:
            break
    assert len(found) == 3
    database.close()
