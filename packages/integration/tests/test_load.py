"""Many jobs at once on AWS: none stuck, none done twice; how fast, and how many requests each segment costs.

The workers are the runtime's own with the toy pipeline of its tests, whose rendering takes no time: what is measured is all the rest.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from stereo_spot_runtime.operations import submit
from stereo_spot_runtime.settings import child_environment
from stereo_spot_shared.jobs import JobStatus, Stage
from stereo_spot_shared.rendering import RenderParams

TOY = Path(__file__).resolve().parents[2] / "runtime" / "tests" / "integration" / "toy_worker.py"
JOBS, LETTERS, WORKERS = 200, b"abc", 8
MOST_REQUESTS = 36
"""For each segment, its share of cutting, joining and sweeping included, of which a film of three segments has much."""
HANGS_AFTER_SECONDS = 600


@pytest.fixture
def asked_here(pipeline_on_own_aws):
    """How often this process itself has asked, to be taken off."""
    count = Counter()
    for client in (pipeline_on_own_aws.home.aws.dynamodb, pipeline_on_own_aws.home.aws.sqs, pipeline_on_own_aws.home.aws.s3):
        client.meta.events.register("before-send", lambda **_: count.update(["asked"]))
    return count


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_200_jobs_of_3_segments_on_8_workers(pipeline_on_own_aws, asked_here, tmp_path, capsys):
    home, platform = pipeline_on_own_aws.home, pipeline_on_own_aws.platform
    film, ledger = tmp_path / "film", tmp_path / "ledger"
    film.write_bytes(LETTERS)
    jobs = [submit(platform, film, RenderParams(), name="film") for _ in range(JOBS)]

    before, own = home.server.requests(), asked_here["asked"]
    began = time.monotonic()
    settings = child_environment({**home.environment, "STEREO_SPOT_RECONCILE_SECONDS": "0", "STEREO_SPOT_RECEIVE_WAIT_SECONDS": "5"})
    with (tmp_path / "log").open("wb") as log:
        command = [sys.executable, str(TOY), str(ledger), "300", "4"]
        workers = [subprocess.Popen(command, env=settings, stdout=log, stderr=log) for _ in range(WORKERS)]
        try:
            wait_for_all(platform, jobs)
            seconds = time.monotonic() - began
            asked = home.server.requests() - before
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()

    done = [platform.jobs.get(job.job_id) for job in jobs]
    assert {(job.status, job.error) for job in done} == {(JobStatus.COMPLETED, None)}
    assert {platform.storage.read_range(job.result.output_key) for job in done} == {LETTERS.upper()}
    happened = Counter(ledger.read_text().splitlines())
    assert happened == Counter(
        {f"{what} {job.job_id} {index}": 1 for job in jobs for index in range(len(LETTERS)) for what in ("render", "complete")}
        | {f"publish {job.job_id}": 1 for job in jobs}
    )
    assert all(platform.queues[stage].depth().dead == 0 for stage in Stage)
    segments = JOBS * len(LETTERS)
    total = asked.total() - (asked_here["asked"] - own)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{JOBS / seconds:.1f} jobs per second, {total / segments:.1f} requests per segment, those of this test among them:\n"
        )
        sys.stdout.writelines(f"  {number / segments:5.2f} {operation}\n" for operation, number in asked.most_common())
    assert total / segments <= MOST_REQUESTS


def wait_for_all(platform, jobs):
    """Until every job is swept."""
    waiting, give_up = [job.job_id for job in jobs], time.monotonic() + HANGS_AFTER_SECONDS
    while waiting:
        assert time.monotonic() < give_up, f"{len(waiting)} jobs are stuck"
        if platform.jobs.get(waiting[-1]).swept:
            waiting.pop()
        else:
            time.sleep(0.5)
