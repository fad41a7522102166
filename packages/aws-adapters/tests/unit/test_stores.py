"""What is particular to DynamoDB: sizes, shards, pages, rows of other versions, time to live."""

from __future__ import annotations

import random
import time
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stereo_spot_adapter_contracts.examples import a_completion, a_job, an_activity
from stereo_spot_aws_adapters.activity_store import DynamoActivityStore
from stereo_spot_aws_adapters.dynamo import body_text, encode_body
from stereo_spot_aws_adapters.job_store import DynamoJobStore, _item, _merged, _Walk
from stereo_spot_aws_adapters.segment_completion_store import DynamoSegmentCompletionStore
from stereo_spot_aws_adapters.tables import BY_TIME
from stereo_spot_shared.base import SCHEMA_VERSION
from stereo_spot_shared.errors import PermanentError, StoreUnavailable
from stereo_spot_shared.jobs import JobStatus, Plan, Stage, new_job_id
from stereo_spot_shared.timing import Ticks


def noise(size):
    """Text that does not become much smaller when it is compressed."""
    return random.Random(1).randbytes(size).hex()


def test_a_long_job_is_compressed_and_comes_back_whole(aws):
    store = DynamoJobStore(aws)
    job = store.create(a_job(name="long " * 100_000))
    assert store.get(job.job_id) == job
    assert "B" in aws.dynamodb.get_item(TableName="test-jobs", Key={"job_id": {"S": job.job_id}})["Item"]["body"]


def test_what_does_not_fit_into_an_item_is_refused_in_a_sentence(aws):
    store = DynamoJobStore(aws)
    with pytest.raises(PermanentError, match="too large to be stored"):
        store.create(a_job(name=noise(500_000)))
    assert store.list().jobs == ()


@settings(deadline=None)
@given(st.integers(0, 20_000))
def test_every_body_comes_back(length):
    job = a_job(name="x" * length)
    assert body_text({"body": encode_body(job, "job")}) == job.model_dump_json()


def test_a_job_that_cannot_be_read_hides_no_other(aws):
    store = DynamoJobStore(aws)
    stored = [store.create(a_job(minute=number)) for number in range(4)]
    for job, body in ((stored[1], {"S": '{"schema_version": 999}'}), (stored[2], {"B": b"not compressed"})):
        aws.dynamodb.update_item(
            TableName="test-jobs",
            Key={"job_id": {"S": job.job_id}},
            UpdateExpression="SET body = :body",
            ExpressionAttributeValues={":body": body},
        )
    page = store.list()
    assert [job.job_id for job in page.jobs] == [stored[3].job_id, stored[0].job_id]
    newer, damaged = sorted(page.unreadable)
    assert newer == f"job {stored[1].job_id} has schema version 999, this program knows {SCHEMA_VERSION}"
    assert damaged.startswith(f"the row of job {stored[2].job_id} is damaged")
    with pytest.raises(StoreUnavailable, match="damaged"):
        store.get(stored[2].job_id)


def test_a_job_whose_status_the_index_does_not_know_yet_is_not_listed_under_the_old_one(aws):
    """An index lags behind its table: here for ever."""
    store = DynamoJobStore(aws)
    job = store.create(a_job(status=JobStatus.QUEUED))
    moved = job.evolve(status=JobStatus.CHUNKING)
    aws.dynamodb.update_item(
        TableName="test-jobs",
        Key={"job_id": {"S": job.job_id}},
        UpdateExpression="SET #s = :status, body = :body",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":status": {"S": "chunking"}, ":body": encode_body(moved, "job")},
    )
    assert store.list(statuses=frozenset({JobStatus.QUEUED})).jobs == ()


def test_a_job_that_changes_its_status_while_it_is_listed_is_listed_once(aws, monkeypatch):
    """It is met under its old status and under its new one."""
    store = DynamoJobStore(aws)
    job = store.create(a_job(status=JobStatus.CHUNKING))
    walk = store._walk(BY_TIME, "shard", _item(job)["shard"]["S"], before="~", name=None, limit=5)
    monkeypatch.setattr(store, "_walk", lambda *_, **__: walk)
    assert store.list(statuses=frozenset({JobStatus.QUEUED, JobStatus.CHUNKING})).jobs == (job,)


def test_more_jobs_than_a_batch_reads_are_one_page(aws):
    store = DynamoJobStore(aws)
    jobs = [store.create(a_job(minute=number)) for number in range(120)]
    page = store.list(limit=200)
    assert [job.job_id for job in page.jobs] == [job.job_id for job in reversed(jobs)]
    assert page.cursor is None


@pytest.mark.parametrize("cursor", ["", "x", "1", "12.", ".a", "~"])
def test_what_is_no_cursor_is_refused(aws, cursor):
    with pytest.raises(ValueError, match="not a cursor"):
        DynamoJobStore(aws).list(cursor=cursor)
    with pytest.raises(ValueError, match="not a cursor"):
        DynamoSegmentCompletionStore(aws).query_by_job(new_job_id(), cursor=cursor if cursor != "1" else "-1")


places = st.lists(st.integers(0, 99).map(lambda number: f"{number:02d}.x"), unique=True, max_size=30)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shards=st.lists(places, min_size=1, max_size=5), limit=st.integers(1, 7), data=st.data())
def test_a_merged_walk_meets_every_place_once_in_order(shards, limit, data):
    """Whatever each shard says of how far it looked (a search looks at some keys and may find none of them)."""
    shards = [[f"{place}{number}" for place in shard] for number, shard in enumerate(shards)]
    cursor, seen = "~", []
    for _ in range(1000):
        walks = []
        for shard in shards:
            rest = sorted((place for place in shard if place < cursor), reverse=True)
            looked = data.draw(st.integers(1, len(rest))) if rest else 0
            walks.append(_Walk(rest[:looked], known_to=rest[looked - 1] if looked < len(rest) else ""))
        found, more = _merged(walks, limit)
        assert len(found) <= limit
        seen += found
        if more is None:
            break
        assert more < cursor
        cursor = more
    assert seen == sorted((place for shard in shards for place in shard), reverse=True)


def test_a_count_goes_on_beyond_one_answer(aws):
    """DynamoDB answers with at most 1 MB; a row here is 300 kB, and an entry of the index a few bytes."""
    store, job_id = DynamoSegmentCompletionStore(aws), new_job_id()
    for index in range(8):
        lost = Ticks.of(sorted(random.Random(index).sample(range(1 << 40), 40_000)))
        store.put(a_completion(job_id, index).model_copy(update={"lost": lost}))
    assert store.count(job_id) == 8
    page = store.query_by_job(job_id)
    assert [completion.segment_index for completion in page.completions] == list(range(8))
    assert page.cursor is None


def test_an_update_costs_one_request_and_so_does_a_refusal(aws, moto):
    store = DynamoJobStore(aws)
    job = store.create(a_job())
    changed = job.evolve(plan=Plan(plan_id="p", segment_count=1, frame_count=1, duration=Fraction(1)))
    before = moto.requests()
    store.update(changed)
    with pytest.raises(Exception, match="no longer at version"):
        store.update(changed)
    with pytest.raises(Exception, match="there is no job"):
        store.update(a_job())
    assert moto.requests() - before == {"dynamodb PutItem": 3}


def test_signs_of_life_end_by_themselves(aws):
    DynamoActivityStore(aws).report(an_activity(job_id := new_job_id(), Stage.RENDER, 3))
    (item,) = aws.dynamodb.query(
        TableName="test-activity", KeyConditionExpression="job_id = :job", ExpressionAttributeValues={":job": {"S": job_id}}
    )["Items"]
    assert float(item["expires"]["N"]) > time.time()
    assert aws.dynamodb.describe_time_to_live(TableName="test-activity")["TimeToLiveDescription"]["AttributeName"] == "expires"
