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

from stereo_spot_shared.rendering import Quality

TOKEN = "a token for this test"


@pytest.fixture
def start_server(pipeline):
    """Start the server, at the same address each time; returns its process."""
    started = []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        **pipeline.home.environment,
        "STEREO_SPOT_SCRATCH_DIR": str(pipeline.scratch),
        "STEREO_SPOT_RENDER_THREADS": "1",
        "STEREO_SPOT_INFERENCE_SERVER_TOKEN": TOKEN,
    }

    def start_server():
        command = [sys.executable, "-m", "stereo_spot_inference_server.main", "serve", "--port", str(port)]
        with (pipeline.logs / "inference-server.log").open("ab") as log:
            started.append(subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log))
        return started[-1]

    start_server.address = f"http://127.0.0.1:{port}"
    yield start_server
    for process in started:
        process.terminate()
        process.wait(30)


def test_a_server_that_is_killed_and_started_anew_changes_nothing(pipeline, start_server, clip, undisturbed, digest, tmp_path):
    server = start_server()
    pipeline.start(STEREO_SPOT_INFERENCE_BACKEND="http", STEREO_SPOT_INFERENCE_URL=start_server.address, STEREO_SPOT_INFERENCE_TOKEN=TOKEN)
    job = pipeline.submit(clip, quality=Quality.LOSSLESS)
    pipeline.wait(job, lambda _: pipeline.platform.completions.count(job.job_id) > 1)
    server.send_signal(signal.SIGKILL)
    server.wait()
    time.sleep(0.5)
    start_server()
    assert digest(pipeline.output(job, tmp_path)) == undisturbed


def test_a_server_stops_when_it_is_asked_to(start_server):
    server = start_server()
    end = time.monotonic() + 60
    while not answers(start_server.address):
        assert time.monotonic() < end
        time.sleep(0.05)
    server.terminate()
    assert server.wait(30) == 0


def answers(address):
    try:
        return httpx.get(f"{address}/ping").status_code == 200
    except httpx.TransportError:
        return False
