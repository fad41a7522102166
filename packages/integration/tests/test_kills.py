"""Kill any process at any moment: the result is exact, and what was finished is never done again."""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import pytest

from stereo_spot_runtime.operations import retry_job
from stereo_spot_shared.jobs import JobStatus
from stereo_spot_shared.rendering import Quality

POISON = """
import json, os, pathlib, signal, subprocess, sys
poison, started = pathlib.Path(sys.argv[1]), []
print(json.dumps({"ready": {}}), flush=True)
for line in sys.stdin:
    if json.loads(line)["segment"]["index"] == 2 and poison.exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if not started:
        command = [sys.executable, "-m", "stereo_inference.main", "worker"]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        started[0].stdout.readline()
    started[0].stdin.write(line)
    started[0].stdin.flush()
    while True:
        answer = started[0].stdout.readline()
        print(answer, end="", flush=True)
        if not answer or "progress" not in json.loads(answer):
            break
"""


@pytest.fixture(params=["pipeline", pytest.param("pipeline_on_aws", marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def somewhere(request):
    """Workers of one's own on each platform in turn. On AWS nobody knows of a death until the visibility timeout is over."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))])
def test_the_whole_group_killed_at_random_moments(somewhere, clip, undisturbed, digest, tmp_path, seed):
    moments = random.Random(seed)
    job = somewhere.submit(clip, quality=Quality.LOSSLESS)
    for _ in range(2):
        somewhere.start(video_workers=moments.choice((1, 2)))
        # Killed some time after the next progress, so that the moments are spread over the stages on any machine.
        before = progress(somewhere, job)
        somewhere.wait(job, lambda now, before=before: progress(somewhere, job) != before or now.status.is_final)
        time.sleep(moments.uniform(0, 1.5))
        somewhere.kill_group()
        somewhere.look(job)
    somewhere.start(video_workers=2)
    assert digest(somewhere.output(job, tmp_path)) == undisturbed
    assert list(somewhere.scratch.iterdir()) == [], "what the killed left is removed"


def progress(pipeline, job):
    now = pipeline.platform.jobs.get(job.job_id)
    return now.status, now.cut, pipeline.platform.completions.count(job.job_id)


@pytest.mark.parametrize("name", ["video-worker-0", pytest.param("media-worker-0", marks=pytest.mark.slow)])
def test_one_worker_killed_and_nobody_notices(somewhere, clip, undisturbed, digest, tmp_path, name):
    somewhere.start(video_workers=2)
    job = somewhere.submit(clip, quality=Quality.LOSSLESS)
    somewhere.wait(job, lambda now: now.plan is not None if name == "media-worker-0" else progress(somewhere, job)[2] > 0)
    os.kill(somewhere.worker(name), signal.SIGKILL)
    assert digest(somewhere.output(job, tmp_path)) == undisturbed


def test_a_segment_that_kills_its_process_fails_the_job_and_a_retry_finishes_it(pipeline, clip, undisturbed, digest, tmp_path):
    poison, program = tmp_path / "poison", tmp_path / "poisonous.py"
    poison.touch()
    program.write_text(POISON)
    command = f'["{sys.executable}", "{program}", "{poison}"]'
    pipeline.start(STEREO_SPOT_INFERENCE_COMMAND=command)
    job = pipeline.submit(clip, quality=Quality.LOSSLESS)
    failed = pipeline.finish(job)
    assert (failed.status, failed.error.code, failed.error.segment_index) == (JobStatus.FAILED, "render_failed", 2)
    assert "memory" in failed.error.message
    pipeline.look(job)
    assert (job.job_id, 1) in pipeline.seen
    poison.unlink()
    retry_job(pipeline.platform, job.job_id)
    assert digest(pipeline.output(job, tmp_path)) == undisturbed
