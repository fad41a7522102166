"""What AWS does to a pipeline: messages that are lost together, throttling, credentials that expire, settings that are missing."""

from __future__ import annotations

import os
import subprocess
import sys
import time

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
@pytest.mark.parametrize("worker", ["media_worker.main", "video_worker.main"])
def test_a_worker_that_lacks_a_setting_names_it_and_ends(moto, worker, missing):
    settings = {"STORAGE_ADAPTER": "aws", "STEREO_SPOT_AWS_PREFIX": "x", "STEREO_SPOT_AWS_BUCKET": "bucket", **moto.environment}
    unset = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STEREO_SPOT_AWS_"))}
    environment = unset | {name: value for name, value in settings.items() if name != missing} | {"AWS_CONFIG_FILE": os.devnull}
    ended = subprocess.run(
        [sys.executable, "-m", worker], env=environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False
    )
    assert ended.returncode == 1
    assert missing in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
