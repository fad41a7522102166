"""Segments rendered by an inference server over HTTP: a process of its own, on the same platform."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from stereo_spot_aws_adapters.fake_sagemaker import fake_sagemaker
from stereo_spot_aws_adapters.names import queue_name
from stereo_spot_shared.jobs import JobStatus, Stage
from stereo_spot_shared.keys import parse_key
from stereo_spot_shared.rendering import Quality

TOKEN = "a token for this test"


class Serving:
    """Starts the server of a pipeline, at the same address each time."""

    def __init__(self):
        self._started = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"

    def start(self, pipeline, **environment):
        settings = {
            **pipeline.home.environment,
            "STEREO_SPOT_SCRATCH_DIR": str(pipeline.scratch),
            "STEREO_SPOT_RENDER_THREADS": "1",
            **(environment or {"STEREO_SPOT_INFERENCE_SERVER_TOKEN": TOKEN}),
        }
        command = [sys.executable, "-m", "stereo_spot_inference_server.main", "serve", "--port", str(self._port)]
        with (pipeline.logs / "inference-server.log").open("ab") as log:
            self._started.append(subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log))
        return self._started[-1]

    def is_ready(self):
        try:
            return httpx.get(f"{self.address}/ping").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self):
        for process in self._started:
            process.terminate()
            process.wait(30)


@pytest.fixture
def serving():
    serving = Serving()
    yield serving
    serving.stop()


def test_a_server_that_is_killed_and_started_anew_changes_nothing(pipeline, serving, clip, undisturbed, digest, tmp_path):
    server = serving.start(pipeline)
    pipeline.start(STEREO_SPOT_INFERENCE_BACKEND="http", STEREO_SPOT_INFERENCE_URL=serving.address, STEREO_SPOT_INFERENCE_TOKEN=TOKEN)
    job = pipeline.submit(clip, quality=Quality.LOSSLESS)
    pipeline.wait(job, lambda _: pipeline.platform.completions.count(job.job_id) > 1)
    server.send_signal(signal.SIGKILL)
    server.wait()
    serving.start(pipeline)
    assert digest(pipeline.output(job, tmp_path)) == undisturbed


def test_a_server_stops_when_it_is_asked_to(pipeline, serving):
    server = serving.start(pipeline)
    until(serving.is_ready)
    server.terminate()
    assert server.wait(30) == 0


@pytest.mark.slow
def test_an_endpoint_scaled_to_zero_and_answers_that_are_lost(pipeline_on_aws, serving, clip, undisturbed, digest, tmp_path):
    """SageMaker: requests wait for an instance, two at a time as the limit says; of the first two nobody tells that they are done."""
    pipeline, home = pipeline_on_aws, pipeline_on_aws.home
    with fake_sagemaker(home.aws, queue_name(home.aws.settings.prefix, Stage.RENDERED)) as endpoint:
        pipeline.start(
            video_workers=2,
            STEREO_SPOT_INFERENCE_BACKEND="sagemaker",
            STEREO_SPOT_SAGEMAKER_ENDPOINT="stereo-spot",
            STEREO_SPOT_SAGEMAKER_LIMIT="2",
            STEREO_SPOT_INFERENCE_LOOK_SECONDS="5",
            STEREO_SPOT_RECONCILE_SECONDS="0",
            AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME=endpoint.url,
        )
        job = pipeline.submit(clip, quality=Quality.LOSSLESS)
        pipeline.wait(job, lambda now: now.status is JobStatus.RENDERING and len(endpoint.requests) == 2)
        endpoint.tells = False
        serving.start(pipeline, STEREO_SPOT_INFERENCE_SERVER_NETWORK_IS_CLOSED="true")
        until(serving.is_ready)
        endpoint.scale_to(serving.address)
        until(lambda: sum(parse_key(key).kind == "rendered" for key in pipeline.keys(job)) == 2)
        assert pipeline.platform.completions.count(job.job_id) == 0
        endpoint.tells = True
        assert digest(pipeline.output(job, tmp_path)) == undisturbed
    assert len(endpoint.requests) == pipeline.platform.jobs.get(job.job_id).plan.segment_count, "nothing was rendered twice"


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)
