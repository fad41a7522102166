"""What AWS does to a pipeline: messages that are lost together, throttling, credentials that expire, settings that are missing."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time

import httpx
import pytest

from stereo_spot_aws_adapters.moto_faults import Fault
from stereo_spot_runtime.reconciler import reconcile
from stereo_spot_shared.jobs import JobStatus
from stereo_spot_shared.pipeline import STAGES


def test_all_queues_purged_in_the_middle_and_a_reconciliation_finishes_the_job(pipeline_on_aws, clip, tmp_path):
    pipeline = pipeline_on_aws
    pipeline.start(STEREO_SPOT_RECONCILE_SECONDS="0")
    job = pipeline.submit(clip)
    pipeline.wait(job, lambda _: pipeline.platform.completions.count(job.job_id) >= 2)
    pipeline.kill_group()
    prefix, sqs = pipeline.home.aws.settings.prefix, pipeline.home.aws.sqs
    for spec in STAGES.values():
        sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName=f"{prefix}-{spec.queue}")["QueueUrl"])
    pipeline.look(job)
    assert pipeline.platform.jobs.get(job.job_id).status is not JobStatus.COMPLETED
    pipeline.start(STEREO_SPOT_RECONCILE_SECONDS="0")
    report = reconcile(pipeline.platform, patience=0)
    assert (report.looked_at, report.broken) == (1, [])
    assert pipeline.output(job, tmp_path).stat().st_size > 0
    assert pipeline.platform.jobs.get(job.job_id).result.frames == 96


def test_a_film_that_arrives_in_pieces_through_the_web_server_is_converted(pipeline_on_aws, clip):
    pipeline, film = pipeline_on_aws, clip.read_bytes()
    pipeline.start()
    settings = {
        **pipeline.home.environment,
        "STEREO_SPOT_WEB_PORT": str(port := free_port()),
        "STEREO_SPOT_SCRATCH_DIR": str(pipeline.scratch),
    }
    command = [sys.executable, "-m", "stereo_spot_web_ui.main"]
    with subprocess.Popen(command, env={**os.environ, **settings}) as server, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        try:
            wait_until_it_listens(client)
            made = client.post("/api/v1/jobs", json={"name": "a film.mp4", "bytes": len(film), "start": True}).raise_for_status().json()
            half = len(film) // 2
            for offset, piece in ((0, film[:half]), (half, film[half:])):
                client.patch(made["upload_url"], content=piece, headers={**OCTETS, "Upload-Offset": str(offset)}).raise_for_status()
            done = pipeline.finish(pipeline.platform.jobs.get(made["id"]))
        finally:
            server.terminate()
    assert (done.status, done.error) == (JobStatus.COMPLETED, None)
    assert done.result.frames == 96


OCTETS = {"Content-Type": "application/offset+octet-stream", "Tus-Resumable": "1.0.0"}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_until_it_listens(client):
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        with contextlib.suppress(httpx.TransportError):
            client.head("/")
            return
        assert time.monotonic() < give_up, "the web server does not listen"
        time.sleep(0.1)


PATIENCE_SECONDS = 60

THROTTLED = (Fault("throttled", share=0.04), Fault("away", share=0.02), Fault("lost", share=0.02), Fault("cut", "s3 GET", share=0.05))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_throttled_all_the_time_and_without_credentials_for_a_while_it_converts_exactly(pipeline_on_own_aws, clip):
    pipeline = pipeline_on_own_aws
    job = pipeline.submit(clip)
    pipeline.home.server.misbehave(*THROTTLED)
    pipeline.start(video_workers=2)
    pipeline.wait(job, lambda _: pipeline.platform.completions.count(job.job_id) >= 2)
    pipeline.home.server.misbehave(Fault("expired"))
    time.sleep(5)
    pipeline.home.server.misbehave(*THROTTLED)
    done = pipeline.finish(job)
    assert (done.status, done.error) == (JobStatus.COMPLETED, None)
    assert done.result.frames == 96


@pytest.mark.parametrize("missing", ["STEREO_SPOT_AWS_PREFIX", "STEREO_SPOT_AWS_BUCKET", "AWS_REGION"])
@pytest.mark.parametrize("worker", ["media_worker.main", "video_worker.main", "stereo_spot_web_ui.main"])
def test_a_worker_that_lacks_a_setting_names_it_and_ends(moto, worker, missing):
    settings = {
        "STORAGE_ADAPTER": "aws",
        "STEREO_SPOT_AWS_PREFIX": "x",
        "STEREO_SPOT_AWS_BUCKET": "bucket",
        **moto.environment,
        "STEREO_SPOT_WEB_PORT": "0",
    }
    unset = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STEREO_SPOT_AWS_"))}
    environment = unset | {name: value for name, value in settings.items() if name != missing} | {"AWS_CONFIG_FILE": os.devnull}
    ended = subprocess.run(
        [sys.executable, "-m", worker], env=environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False
    )
    assert ended.returncode == 1
    assert missing in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
