"""The backend `sagemaker`: what it asks of an endpoint, and what is made of what SageMaker tells."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stereo_spot_aws_adapters.clients import Aws
from stereo_spot_aws_adapters.fake_sagemaker import fake_sagemaker
from stereo_spot_aws_adapters.moto_faults import Fault
from stereo_spot_aws_adapters.names import queue_name
from stereo_spot_aws_adapters.object_storage import S3ObjectStorage
from stereo_spot_aws_adapters.platform import open_platform
from stereo_spot_aws_adapters.provision import make_queue
from stereo_spot_aws_adapters.sagemaker import Notifications, open_backend
from stereo_spot_shared import keys
from stereo_spot_shared.api.problem import Problem
from stereo_spot_shared.errors import InferenceUnavailable, StorageUnavailable, UnsupportedMedia
from stereo_spot_shared.inference import RenderRequest
from stereo_spot_shared.interfaces import AsynchronousBackend
from stereo_spot_shared.jobs import Stage
from stereo_spot_shared.manifest import SegmentSpec, VideoStream
from stereo_spot_shared.messages import SegmentReady, SegmentRendered
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_shared.timing import Ticks

JOB = "jobrendered"


def request():
    video = VideoStream(
        index=0, codec="h264", width=16, height=16, pixel_format="yuv420p", bit_depth=8,
        time_base=Fraction(1, 100), average_rate=Fraction(10), sample_aspect_ratio=Fraction(1),
    )  # fmt: skip
    return RenderRequest(
        job_id=JOB, attempt_id="a1", input_uri="s3://test-bucket/in", output_uri="s3://test-bucket/out", video=video, pts_offset=0,
        last_duration=10, segment=SegmentSpec(index=7, first_frame=0, core=Ticks.of([0, 10, 20]), packets=(0, 3)), params=RenderParams(),
    )  # fmt: skip


@contextmanager
def container(status, answer):
    """A container that answers every invocation so; yields its address and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(RenderRequest.model_validate_json(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture
def platform(aws, monkeypatch):
    monkeypatch.setenv("STEREO_SPOT_AWS_PREFIX", aws.settings.prefix)
    monkeypatch.setenv("STEREO_SPOT_AWS_BUCKET", aws.settings.bucket)
    make_queue(aws, queue_name(aws.settings.prefix, Stage.RENDERED), visibility_seconds=60, max_attempts=4)
    platform = open_platform(aws.settings)
    yield platform
    platform.close()


@pytest.fixture
def endpoint(aws, platform, monkeypatch):
    with fake_sagemaker(aws, queue_name(aws.settings.prefix, Stage.RENDERED)) as fake:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", fake.url)
        monkeypatch.setenv("STEREO_SPOT_SAGEMAKER_ENDPOINT", "stereo-spot")
        monkeypatch.setattr("stereo_spot_aws_adapters.sagemaker.connect", Aws)  # clients keep the address that they were made with
        yield fake


def heard(platform):
    (delivery,) = platform.queues[Stage.RENDERED].receive(wait_seconds=20)
    return SegmentRendered.decode(delivery.body)


def test_a_request_waits_for_an_endpoint_that_is_scaled_to_zero_and_its_end_is_told(platform, endpoint):
    backend = open_backend(platform.storage)
    assert isinstance(backend, AsynchronousBackend)
    backend.dispatch(request(), failures=2)
    assert platform.queues[Stage.RENDERED].receive() == []
    with container(200, b"{}") as (address, asked):
        endpoint.scale_to(address)
        assert heard(platform) == SegmentRendered(job_id=JOB, segment_index=7, attempt_id="a1", failures=2)
    assert asked == [request()]


def test_what_the_container_says_of_a_failure_is_the_failure(platform, endpoint):
    problem = Problem.of(UnsupportedMedia("no picture decodes", hint="try another"))
    with container(422, problem.model_dump_json().encode()) as (address, _):
        endpoint.scale_to(address)
        open_backend(platform.storage).dispatch(request(), failures=0)
        assert heard(platform).problem == problem


@pytest.mark.parametrize("answer", [b"", b"<h1>Internal Server Error</h1>", b"\xff"])
def test_of_a_container_that_says_nothing_sagemakers_own_sentence_stands(platform, endpoint, answer):
    with container(500, answer) as (address, _):
        endpoint.scale_to(address)
        open_backend(platform.storage).dispatch(request(), failures=0)
        problem = heard(platform).problem
    assert problem.code == "render_failed"
    assert "Received server error (500) from model" in problem.detail


def told_of_a_failure(aws, **more):
    """A notification of a request that failed, whose reason lies in storage."""
    bucket, place = f"s3://{aws.settings.bucket}", "inference/failures/1-error.out"
    told = {
        "invocationStatus": "Failed",
        "requestParameters": {"inputLocation": f"{bucket}/{keys.request_key(JOB, 3, 'abc', 1)}"},
        "failureReason": "ClientError: Received server error (422) from model.",
        "failureLocation": f"{bucket}/{place}",
    }
    S3ObjectStorage(aws).put_bytes(Problem.of(UnsupportedMedia("no picture decodes")).model_dump_json().encode(), place)
    return json.dumps(told | more)


def test_a_reason_that_may_not_be_read_is_left_and_the_failure_is_told(aws, moto):
    body = told_of_a_failure(aws)
    moto.misbehave(Fault("forbidden", "s3 GET"))
    problem = SegmentRendered.decode(Notifications(aws).read(body)).problem
    assert (problem.code, problem.detail) == ("render_failed", "ClientError: Received server error (422) from model.")


def test_a_reason_that_cannot_be_read_just_now_is_waited_for(aws, moto):
    body = told_of_a_failure(aws)
    moto.misbehave(Fault("expired", "s3 GET"))
    with pytest.raises(StorageUnavailable):
        Notifications(aws).read(body)
    moto.misbehave()
    assert SegmentRendered.decode(Notifications(aws).read(body)).problem.code == UnsupportedMedia.code


@pytest.mark.parametrize("answered", [None, {}, [], "nothing"])
def test_a_failure_without_a_place_is_told_by_sagemakers_own_sentence(aws, answered):
    body = told_of_a_failure(aws, failureLocation=None, responseParameters=answered)
    assert SegmentRendered.decode(Notifications(aws).read(body)).problem.detail.startswith("ClientError: Received")


@pytest.mark.parametrize("enveloped", [True, False])
def test_notifications_come_with_an_envelope_and_without(aws, enveloped):
    place = f"s3://{aws.settings.bucket}/{keys.request_key(JOB, 3, 'abc', 1)}"
    told = {"invocationStatus": "Completed", "requestParameters": {"inputLocation": place}, "inferenceId": "abc"}
    body = json.dumps({"Type": "Notification", "Message": json.dumps(told)} if enveloped else told)
    expected = SegmentRendered(job_id=JOB, segment_index=3, attempt_id="abc", failures=1)
    assert SegmentRendered.decode(Notifications(aws).read(body)) == expected


@pytest.mark.parametrize(
    "body",
    [
        "", "null", "[]", "7", "{}", '{"Message": 7}', '{"Message": "no JSON"}', '{"requestParameters": []}',
        '{"invocationStatus": "Completed", "requestParameters": {"inputLocation": "s3://another/jobs/jobrendered/source"}}',
        '{"invocationStatus": "Completed", "requestParameters": {"inputLocation": "s3://test-bucket/what"}}',
        SegmentRendered(job_id=JOB, segment_index=1, attempt_id="a").encode(), SegmentReady(job_id=JOB, segment_index=1).encode(),
    ],
)  # fmt: skip
def test_everything_else_stays_what_it_is(aws, body):
    assert Notifications(aws).read(body) == body


def test_the_backend_says_what_it_needs(platform, monkeypatch):
    monkeypatch.delenv("STEREO_SPOT_SAGEMAKER_ENDPOINT", raising=False)
    with pytest.raises(InferenceUnavailable, match="STEREO_SPOT_SAGEMAKER_ENDPOINT is not set"):
        open_backend(platform.storage)
    with pytest.raises(InferenceUnavailable, match="objects of AWS only"):
        open_backend(object())


def test_an_endpoint_that_cannot_be_reached_gives_the_segment_back(platform, endpoint, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(InferenceUnavailable, match="the endpoint stereo-spot cannot be reached"):
        open_backend(platform.storage).dispatch(request(), failures=0)


def test_the_request_lies_where_its_key_says(aws, platform, endpoint):
    open_backend(platform.storage).dispatch(request(), failures=4)
    stored = S3ObjectStorage(aws).read_range(keys.request_key(JOB, 7, "a1", 4))
    assert RenderRequest.model_validate_json(stored) == request()
    assert endpoint.requests == [platform.storage.uri(keys.request_key(JOB, 7, "a1", 4))]
