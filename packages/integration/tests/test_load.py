"""Many jobs at once on AWS: none stuck, none done twice; how fast, and how many requests each segment costs.

The toy pipeline of the runtime's tests renders in no time: with it all the rest is measured. The real workers convert one film.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from stereo_spot_media.demo_clip import Clip, write_clip
from stereo_spot_media.scene import Scene
from stereo_spot_runtime.operations import submit
from stereo_spot_runtime.settings import child_environment
from stereo_spot_shared.jobs import JobStatus, Stage
from stereo_spot_shared.rendering import RenderParams

TOY = Path(__file__).resolve().parents[2] / "runtime" / "tests" / "integration" / "toy_worker.py"
WORKERS = 8
HANGS_AFTER_SECONDS = 600
AS_IN_A_CLOUD = {
    "STEREO_SPOT_RECONCILE_SECONDS": "0",
    "STEREO_SPOT_RECEIVE_WAIT_SECONDS": "20",
    "STEREO_SPOT_REPORT_SECONDS": "10",
}
"""Without the reconciler, which asks by time and not by segments."""


@pytest.fixture
def asked_here(pipeline_on_own_aws):
    """How often this process itself has asked, to be taken off."""
    count = Counter()
    for client in (pipeline_on_own_aws.home.aws.dynamodb, pipeline_on_own_aws.home.aws.sqs, pipeline_on_own_aws.home.aws.s3):
        client.meta.events.register("before-send", lambda **_: count.update(["asked"]))
    return count


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("count", "segments", "most"), [(200, 3, 21), (20, 30, 12)])
def test_many_jobs_on_8_workers(pipeline_on_own_aws, asked_here, tmp_path, capsys, count, segments, most):
    letters = bytes(ord("a") + number % 26 for number in range(segments))
    home, platform = pipeline_on_own_aws.home, pipeline_on_own_aws.platform
    film, ledger = tmp_path / "film", tmp_path / "ledger"
    film.write_bytes(letters)
    jobs = [submit(platform, film, RenderParams(), name="film") for _ in range(count)]

    before, own = home.server.requests(), asked_here["asked"]
    began = time.monotonic()
    settings = child_environment({**home.environment, **AS_IN_A_CLOUD})
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
    assert {platform.storage.read_range(job.result.output_key) for job in done} == {letters.upper()}
    happened = Counter(ledger.read_text().splitlines())
    assert happened == Counter(
        {f"{what} {job.job_id} {index}": 1 for job in jobs for index in range(segments) for what in ("render", "complete")}
        | {f"publish {job.job_id}": 1 for job in jobs}
    )
    assert all(platform.queues[stage].depth().dead == 0 for stage in Stage)
    with capsys.disabled():
        sys.stdout.write(f"\n{count / seconds:.1f} jobs of {segments} segments per second")
    assert requests_per_segment(asked, asked_here["asked"] - own, count * segments, capsys) <= most


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("segments", "most"), [(3, 33), (30, 14), (120, 12)])
def test_one_film_by_the_real_workers(pipeline_on_own_aws, asked_here, tmp_path, capsys, segments, most):
    pipeline = pipeline_on_own_aws
    scene = Scene(width=96, height=64, rate=Fraction(24))
    film = write_clip(tmp_path / "film.mp4", Clip(scene=scene, frames=12 * segments, options={"g": "6", "preset": "ultrafast"}))
    job = pipeline.submit(film)
    before, own = pipeline.home.server.requests(), asked_here["asked"]
    pipeline.start(video_workers=2, **AS_IN_A_CLOUD)
    wait_for_all(pipeline.platform, [job])
    asked = pipeline.home.server.requests() - before
    pipeline.stop()
    done = pipeline.platform.jobs.get(job.job_id)
    assert (done.status, done.error, done.plan.segment_count) == (JobStatus.COMPLETED, None, segments)
    assert requests_per_segment(asked, asked_here["asked"] - own, segments, capsys) <= most


def requests_per_segment(asked, own, segments, capsys):
    """What the workers asked for, printed by operation; `own` were this test's looks at jobs."""
    asked["dynamodb GetItem"] -= own
    with capsys.disabled():
        sys.stdout.write(f"\n{asked.total() / segments:.2f} requests for each of {segments} segments:\n")
        sys.stdout.writelines(f"  {number / segments:5.2f} {operation} ({number})\n" for operation, number in asked.most_common())
    return asked.total() / segments


def wait_for_all(platform, jobs):
    """Until every job is swept."""
    waiting, give_up = [job.job_id for job in jobs], time.monotonic() + HANGS_AFTER_SECONDS
    while waiting:
        assert time.monotonic() < give_up, f"{len(waiting)} jobs are stuck"
        if platform.jobs.get(waiting[-1]).swept:
            waiting.pop()
        else:
            time.sleep(0.5)
