"""`aws s3 cp` makes a job: real notifications of S3, through a real queue."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereo_spot_aws_adapters.incoming import Intake, arrivals
from stereo_spot_aws_adapters.moto_faults import Fault
from stereo_spot_aws_adapters.names import intake_queue_name
from stereo_spot_aws_adapters.platform import open_platform
from stereo_spot_aws_adapters.provision import provision
from stereo_spot_shared.errors import InvalidMessage
from stereo_spot_shared.jobs import JobStatus, Stage
from stereo_spot_shared.messages import ChunkRequest

BUCKET = "test-bucket"


@pytest.fixture
def aws(account):
    provision(account)
    return account


@pytest.fixture
def platform(aws):
    return open_platform(aws.settings)


@pytest.fixture
def intake(aws):
    return Intake(aws)


def put(aws, key, body=b"a film"):
    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def take_all_in(intake):
    sentences = []
    while found := intake.take_in(wait_seconds=1):
        sentences += found
    return sentences


def send(aws, body):
    aws.sqs.send_message(QueueUrl=aws.sqs.get_queue_url(QueueName=intake_queue_name("test"))["QueueUrl"], MessageBody=body)


def event(key, name="ObjectCreated:Put", bucket=BUCKET):
    return json.dumps({"Records": [{"eventName": name, "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]})


def test_what_is_put_below_incoming_becomes_a_job_that_goes(aws, platform, intake):
    put(aws, "incoming/Ferien 2026/Käse+Wein & more.mp4")
    put(aws, "elsewhere/film.mp4")
    (sentence,) = take_all_in(intake)
    (job,) = platform.jobs.list().jobs
    assert sentence == f"incoming/Ferien 2026/Käse+Wein & more.mp4 is job {job.job_id}"
    assert (job.status, job.source.name, job.source.size) == (JobStatus.QUEUED, "Käse+Wein & more.mp4", 6)
    assert job.source.etag == platform.storage.stat(job.source.key).etag
    assert platform.queues[Stage.CHUNK].receive()[0].body == ChunkRequest(job_id=job.job_id).encode()


def test_an_object_of_several_parts_for_which_two_events_come_is_one_job(aws, platform, intake):
    upload = aws.s3.create_multipart_upload(Bucket=BUCKET, Key="incoming/film.mp4")["UploadId"]
    part = aws.s3.upload_part(Bucket=BUCKET, Key="incoming/film.mp4", UploadId=upload, PartNumber=1, Body=b"x" * 100)
    aws.s3.complete_multipart_upload(
        Bucket=BUCKET, Key="incoming/film.mp4", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )
    send(aws, event("incoming%2Ffilm.mp4"))  # and once more, with its key encoded as S3 may
    assert len(take_all_in(intake)) >= 2
    assert len(platform.jobs.list().jobs) == 1


def test_a_file_that_is_put_again_is_another_job(aws, platform, intake):
    put(aws, "incoming/film.mp4")
    take_all_in(intake)
    time.sleep(1.1)  # S3 tells versions apart by the second
    put(aws, "incoming/film.mp4")
    take_all_in(intake)
    assert len(platform.jobs.list().jobs) == 2


def test_a_job_that_went_on_is_not_disturbed_by_a_late_event(aws, platform, intake):
    put(aws, "incoming/film.mp4")
    take_all_in(intake)
    (job,) = platform.jobs.list().jobs
    platform.queues[Stage.CHUNK].ack(platform.queues[Stage.CHUNK].receive()[0])
    cancelled = platform.jobs.update(job.evolve(status=JobStatus.CANCELLED))
    send(aws, event("incoming/film.mp4"))
    take_all_in(intake)
    assert platform.jobs.get(job.job_id) == cancelled
    assert platform.queues[Stage.CHUNK].receive() == []


@pytest.mark.parametrize("key", ["incoming/", "incoming/folder/"])
def test_what_is_no_file_is_no_job(aws, platform, intake, key):
    put(aws, key, b"")
    put(aws, "incoming/empty.mp4", b"")
    put(aws, "incoming/gone.mp4")
    aws.s3.delete_object(Bucket=BUCKET, Key="incoming/gone.mp4")
    take_all_in(intake)
    assert platform.jobs.list().jobs == ()


def test_what_is_no_event_is_put_aside_with_a_reason(aws, platform, intake):
    send(aws, "no event")
    send(aws, event("incoming/a//b.mp4"))
    sentences = take_all_in(intake)
    assert len(sentences) == 2
    assert all(sentence.startswith("an event was put aside") for sentence in sentences)
    assert platform.jobs.list().jobs == ()


def test_an_event_waits_while_aws_is_away(aws, moto, platform, intake):
    put(aws, "incoming/film.mp4")
    moto.misbehave(Fault("forbidden", "s3 HEAD"))
    (sentence,) = intake.take_in(wait_seconds=2)
    assert sentence.startswith("an event waits")
    assert platform.jobs.list().jobs == ()
    moto.misbehave()
    while not intake.take_in(wait_seconds=10):
        pass
    assert len(platform.jobs.list().jobs) == 1


def test_the_command_takes_in_until_it_is_told_to_stop(aws, platform):
    settings = {"STEREO_SPOT_AWS_PREFIX": "test", "STEREO_SPOT_AWS_BUCKET": BUCKET}
    command = [sys.executable, "-m", "stereo_spot_aws_adapters.incoming"]
    with subprocess.Popen(command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True) as process:
        put(aws, "incoming/film.mp4")
        assert "incoming/film.mp4 is job" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        put(aws, "incoming/other.mp4")  # ends its long poll
        process.stdout.read()
    assert process.returncode == 0


def test_the_event_of_a_set_up_and_those_of_other_kinds_and_buckets_are_ignored():
    assert arrivals('{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "x"}', BUCKET) == []
    assert arrivals(event("incoming/x", name="ObjectRemoved:Delete"), BUCKET) == []
    assert arrivals(event("incoming/x", bucket="another"), BUCKET) == []
    assert arrivals(event("outgoing/x"), BUCKET) == []
    assert arrivals(event("incoming/a+b%2Bc%2F%C3%A4.mp4"), BUCKET) == ["incoming/a b+c/ä.mp4"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@settings(deadline=None)
@given(st.text() | json_values.map(json.dumps) | json_values.map(lambda value: json.dumps({"Records": value})))
def test_whatever_comes_is_an_event_or_a_sentence(body):
    with suppress(InvalidMessage):
        assert isinstance(arrivals(body, BUCKET), list)
