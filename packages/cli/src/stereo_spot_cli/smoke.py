"""The smoke test: a tiny clip through submit, cut, render, join and sweep, with its frames counted and read at the end."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np

from stereo_spot_cli.data_dir import open_data_dir
from stereo_spot_cli.demo import make_clip
from stereo_spot_cli.output import CommandFailed, failure
from stereo_spot_cli.platform import opened
from stereo_spot_cli.queues import drain, use_queue_group
from stereo_spot_cli.workers import pipeline_workers
from stereo_spot_media.scene import read_frame_number
from stereo_spot_runtime.operations import delete_job, submit
from stereo_spot_runtime.paging import all_objects
from stereo_spot_runtime.reconciler import reconcile
from stereo_spot_runtime.supervisor import Supervisor
from stereo_spot_shared import keys
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import StereoSpotError
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import Job, JobError, JobStatus, new_job_id
from stereo_spot_shared.rendering import BASIC, DepthProfile, FramePacking, Quality, RenderParams

SECONDS, WIDTH, HEIGHT = 2.0, 320, 180
PARAMS = RenderParams(
    layout=FramePacking.FULL_SBS, quality=Quality.DRAFT, segment_seconds=0.5, depth=BASIC, depth_profile=DepthProfile.QUALITY
)
LOOK_EVERY_SECONDS = 0.1

Tell = Callable[[str], None]


class Step(Value):
    """One thing that works."""

    what: str
    seconds: float


class SmokeResult(Value):
    """How far it came."""

    ok: bool
    platform: str | None = None
    steps: tuple[Step, ...] = ()
    seconds: float
    error: JobError | None = None


class _Progress:
    """Steps as they are taken, told at once."""

    def __init__(self, tell: Tell | None) -> None:
        self._tell = tell or (lambda _: None)
        self.steps: list[Step] = []
        self.started = self._last = time.monotonic()

    def done(self, what: str) -> None:
        now = time.monotonic()
        step = Step(what=what, seconds=round(now - self._last, 3))
        self.steps.append(step)
        self._last = now
        self._tell(f"ok  {step.what} ({step.seconds:.2f} s)")


def run_smoke_test(data_dir: Path | None, *, running_workers: bool, timeout: float, tell: Tell | None) -> SmokeResult:
    """Take all steps; the first that fails ends the test and is its error. What was made is removed in any case."""
    progress = _Progress(tell)
    name: str | None = None
    error: JobError | None = None
    try:
        if not running_workers:
            open_data_dir(data_dir)
            use_queue_group(f"smoke-test-{secrets.token_hex(6)}")
        with opened(data_dir) as platform:
            name = platform.name
            platform.jobs.list(limit=1)
            progress.done(f"the platform “{name}” answers")
            _through_the_pipeline(platform, progress, running_workers=running_workers, timeout=timeout)
    except StereoSpotError as problem:
        facts = failure(problem)
        error = JobError(code=facts["code"] or "failed", message=problem.message, hint=problem.hint)
    return SmokeResult(
        ok=error is None, platform=name, steps=tuple(progress.steps), seconds=round(time.monotonic() - progress.started, 3), error=error
    )


def _through_the_pipeline(platform: Platform, progress: _Progress, *, running_workers: bool, timeout: float) -> None:
    job_id = new_job_id()
    give_up = time.monotonic() + timeout
    with (
        tempfile.TemporaryDirectory(prefix="stereo-spot-smoke-") as folder,
        _workers(platform, Path(folder), running=running_workers) as poll,
    ):
        clip = make_clip(Path(folder) / "smoke.mp4", seconds=SECONDS, width=WIDTH, height=HEIGHT)
        progress.done("a clip was made")
        try:
            submit(platform, clip, PARAMS, name="smoke test", job_id=job_id)
            progress.done("it was stored and its job submitted")
            job = _wait(platform, job_id, poll, give_up, progress)
            output = Path(folder) / "output.mp4"
            if job.result is None:
                raise CommandFailed("smoke_test", "the job says that it is completed but has no result")
            platform.storage.get_file(job.result.output_key, output)
            _look_at(output, frames=round(SECONDS * 24))
            progress.done("the output holds every frame once, in order, with sound")
        finally:
            with contextlib.suppress(StereoSpotError):
                delete_job(platform, job_id)
        _wait_for_sweep(platform, job_id, poll, give_up)
        platform.storage.delete(keys.record_key(job_id))  # a clip this small would falsify estimates
        progress.done("what it held was removed")


@contextlib.contextmanager
def _workers(platform: Platform, folder: Path, *, running: bool) -> Iterator[Callable[[], None]]:
    """What to call while waiting: nothing where workers run already, else the supervisor of some of our own."""
    if running:
        yield lambda: None
        return
    workers: Supervisor = pipeline_workers(2, log_dir=folder)
    with workers:
        yield workers.poll
    drain(platform)


def _wait(platform: Platform, job_id: str, poll: Callable[[], None], give_up: float, progress: _Progress) -> Job:
    stages = {
        JobStatus.CHUNKING: "a media worker took it",
        JobStatus.RENDERING: "it was cut",
        JobStatus.REASSEMBLING: "its segments were rendered",
        JobStatus.COMPLETED: "they were joined",
    }
    seen = JobStatus.QUEUED
    while True:
        job = platform.jobs.get(job_id)
        if job.status is not seen and job.status in stages:
            progress.done(stages[job.status])
        seen = job.status
        if job.status is JobStatus.COMPLETED:
            return job
        if job.status is JobStatus.FAILED and job.error is not None:
            raise CommandFailed(job.error.code, job.error.message, hint=job.error.hint)
        if job.status.is_final:
            raise CommandFailed("smoke_test", f"somebody made the test's job {job.status.value}")
        if time.monotonic() > give_up:
            raise CommandFailed(
                "smoke_test", _what_is_missing(platform, job), hint="`stereo-spot doctor` looks at this machine; the workers' logs say more"
            )
        poll()
        time.sleep(LOOK_EVERY_SECONDS)


def _what_is_missing(platform: Platform, job: Job) -> str:
    notes = [activity.note for activity in platform.activity.list(job.job_id) if activity.note]
    if notes:
        return f"the job does not get on: {notes[0]}"
    if job.status is JobStatus.QUEUED:
        return "no media worker took the job: none runs, or none reaches this platform's queue"
    if job.status in {JobStatus.CHUNKING, JobStatus.RENDERING} and job.sent and not platform.completions.count(job.job_id):
        return "no video worker rendered a segment: none runs, or its renderer does not start"
    return f"the job got no further than “{job.status.value}” in time"


def _wait_for_sweep(platform: Platform, job_id: str, poll: Callable[[], None], give_up: float) -> None:
    while not platform.jobs.get(job_id).swept:
        if time.monotonic() > give_up:
            raise CommandFailed(
                "smoke_test", "the deleted job's objects were not removed in time", hint="media workers do that: does one run?"
            )
        poll()
        time.sleep(LOOK_EVERY_SECONDS)
        reconcile(platform, job_ids=[job_id])
    left = [item.key for item in all_objects(platform.storage, keys.job_prefix(job_id))]
    if left:
        raise CommandFailed("smoke_test", f"{len(left)} objects of the deleted job are still there, for example {left[0]}")


def _look_at(output: Path, *, frames: int) -> None:
    """Read the number that is drawn on every frame, on its left half."""
    with av.open(str(output)) as container:
        pictures = (np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0))
        numbers = [read_frame_number(picture[:, : picture.shape[1] // 2]) for picture in pictures]
        sounds = len(container.streams.audio)
    if numbers != list(range(frames)):
        raise CommandFailed("smoke_test", f"the output's frames are not those of the clip: {numbers[:60]}")
    if sounds != 1:
        raise CommandFailed("smoke_test", f"the output has {sounds} audio tracks instead of 1")
