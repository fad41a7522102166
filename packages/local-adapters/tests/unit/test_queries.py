"""Every query that the stores run walks along an index, however many rows there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import event, insert

from stereo_spot_adapter_contracts.examples import a_completion, a_job, an_activity
from stereo_spot_local_adapters.activity_store import SqlActivityStore
from stereo_spot_local_adapters.engine import Database
from stereo_spot_local_adapters.job_store import SqlJobStore
from stereo_spot_local_adapters.queue import SqlQueue
from stereo_spot_local_adapters.segment_completion_store import SqlSegmentCompletionStore
from stereo_spot_local_adapters.tables import jobs, messages, segment_completions
from stereo_spot_shared.errors import StoreUnavailable
from stereo_spot_shared.jobs import JobStatus, Stage

JOBS = 10_000
COMPLETIONS = 100_000
BIG = "bigjob00"
STATUSES = list(JobStatus)
ALLOWED = ("SEARCH ", "SCAN jobs USING INDEX jobs_by_time", "LIST SUBQUERY", "USE TEMP B-TREE FOR DISTINCT")
"""The newest jobs are the beginning of their index; distinct receivers are among the messages in flight, which are few."""


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    database = Database(tmp_path_factory.mktemp("big") / "stereo-spot.db")
    body = a_job().model_dump_json()
    with database.transactions(StoreUnavailable, durable=False).write() as connection:
        connection.execute(
            insert(jobs),
            [
                {"job_id": f"job{number:08d}", "version": 1, "status": STATUSES[number % 9], "created_us": number // 3, "body": body}
                for number in range(JOBS)
            ],
        )
        body = a_completion(BIG, 0).model_dump_json()
        for start in range(0, COMPLETIONS, 10_000):
            connection.execute(
                insert(segment_completions),
                [
                    {"job_id": BIG, "segment_index": index, "body": body.replace('"segment_index":0', f'"segment_index":{index}')}
                    for index in range(start, start + 10_000)
                ],
            )
        row = {"visible_ms": 1, "since_ms": 1, "attempts": 0, "body": "x"}
        connection.execute(insert(messages), [{"queue": queue, **row} for queue in "qrstu" for _ in range(1000)])
        connection.exec_driver_sql("ANALYZE")
    yield database
    database.close()


@pytest.fixture
def plans(database):
    """The plan of each statement that is run until the test ends, by statement."""
    found: dict[str, list[str]] = {}

    def explain(connection, _cursor, statement, parameters, *context):
        *_, executemany = context
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
            one = parameters[0] if executemany else parameters
            plan = connection.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", one)
            found[statement] = [row[3] for row in plan.fetchall()]

    event.listen(database._engine, "before_cursor_execute", explain)
    yield found
    event.remove(database._engine, "before_cursor_execute", explain)


def test_every_query_walks_along_an_index(database, plans):
    store, completions, activity = SqlJobStore(database), SqlSegmentCompletionStore(database), SqlActivityStore(database)
    queue = SqlQueue(database, "q", visibility_seconds=60)
    empty = SqlQueue(database, "empty", visibility_seconds=60)
    job = store.create(a_job())
    store.update(store.get(job.job_id).evolve(cut=1))
    for statuses in (None, frozenset({JobStatus.FAILED, JobStatus.QUEUED})):
        store.list(statuses=statuses, cursor=store.list(statuses=statuses).cursor)
    completions.put(a_completion(BIG, 5))
    completions.query_by_job(BIG, cursor=completions.query_by_job(BIG).cursor)
    completions.get(BIG, 77_777)
    completions.count(BIG)
    completions.delete_by_job("other")
    activity.report(an_activity(BIG, Stage.RENDER, 1))
    activity.list(BIG)
    activity.delete_by_job(BIG)
    queue.send("x", delay_seconds=1)
    deliveries = queue.receive(max_messages=4)
    queue.extend(deliveries[0], 1)
    queue.ack(deliveries[0])
    queue.release(deliveries[1])
    queue.dead_letter(deliveries[2], "why")
    queue.redrive()
    queue.depth()
    empty.receive()
    odd = {statement: plan for statement, plan in plans.items() if not all(step.startswith(ALLOWED) for step in plan)}
    assert odd == {}
    assert len(plans) > 20


def test_ten_thousand_jobs_are_listed_once_each(database):
    store = SqlJobStore(database)
    wanted = frozenset({JobStatus.COMPLETED, JobStatus.FAILED})
    cursor, seen = None, 0
    while True:
        page = store.list(statuses=wanted, cursor=cursor, limit=500)
        seen += len(page.jobs)
        if (cursor := page.cursor) is None:
            break
    assert seen == sum(STATUSES[number % 9] in wanted for number in range(JOBS))


def test_a_hundred_thousand_completions_are_counted_and_paged(database):
    store = SqlSegmentCompletionStore(database)
    assert store.count(BIG) == COMPLETIONS
    page = store.query_by_job(BIG, cursor="99000", limit=500)
    assert [completion.segment_index for completion in page.completions] == list(range(99_001, 99_501))


@pytest.mark.parametrize("cursor", ["", "x", "x.y"])
def test_a_foreign_cursor_is_refused(tmp_path: Path, database, cursor):
    with pytest.raises(ValueError, match="cursor"):
        SqlJobStore(database).list(cursor=cursor)
    with pytest.raises(ValueError, match="cursor"):
        SqlSegmentCompletionStore(database).query_by_job(BIG, cursor=cursor)
