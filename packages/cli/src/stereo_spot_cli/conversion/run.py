"""One conversion from order to file: submit, let the workers work, watch, fetch the result, tidy up."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from media_worker.sweep import sweep_job
from stereo_spot_cli.conversion.checks import publish
from stereo_spot_cli.conversion.display import Display, Tick
from stereo_spot_cli.conversion.identity import Identity, find_job
from stereo_spot_cli.conversion.order import Order
from stereo_spot_cli.conversion.summary import Summary, summarise
from stereo_spot_cli.conversion.watching import JobWatcher
from stereo_spot_cli.data_dir import DataDir
from stereo_spot_cli.output import CommandFailed, Stopped, about_job, job_failure
from stereo_spot_cli.queues import drain
from stereo_spot_cli.workers import pipeline_workers
from stereo_spot_runtime.operations import retry_job, set_params, start_job, submit
from stereo_spot_runtime.paging import all_completions, all_objects
from stereo_spot_runtime.reconciler import reconcile
from stereo_spot_runtime.scratch import SPARE_BYTES
from stereo_spot_runtime.supervisor import Supervisor
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared import keys
from stereo_spot_shared.errors import StereoSpotError
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import Job, JobStatus
from stereo_spot_shared.pipeline import announce_anew

LOOK_EVERY_SECONDS = 0.25
RECONCILE_EVERY_SECONDS = 60.0
WAIT_AT_MOST_SECONDS = 20.0
"""How long all work may wait for something outside (disk space, say) before the person is told to see to it."""

Expectation = Callable[[int], float | None]
"""What rendering so many frames will take, in seconds; None where nothing like it was ever measured."""


def convert_file(
    order: Order,
    platform: Platform,
    data_dir: DataDir,
    *,
    workers: int,
    stop: threading.Event,
    show: Display,
    expected_seconds: Expectation,
) -> Summary:
    """Carry out `order`; the caller holds the lock of its output, so that nobody else works in this queue group.

    Resumes where an earlier run of the same order ended, however it ended. Raises Stopped when `stop` is set, and the reason
    (CommandFailed, or what the platform raises) where it cannot be done; there is no output then.
    """
    started = time.monotonic()
    job_id, job = find_job(platform, order.identity or Identity.of(order.source, order.params, order.output))
    with about_job(job_id):
        if job is not None and job.status is JobStatus.COMPLETED:  # an earlier run ended before it had fetched the result
            finished_before = job.plan.segment_count if job.plan else 0
            deliver(platform, job, order)
        else:
            finished_before = len(rendered_segments(platform, job_id))
            job = work(order, platform, data_dir, job_id, job, workers=workers, stop=stop, show=show, expected_seconds=expected_seconds)
        forget_objects(platform, job)
    rendered = max(0, (job.plan.segment_count if job.plan else 0) - finished_before)
    return summarise(job, order.places, segments_rendered=rendered, total_seconds=time.monotonic() - started)


def rendered_segments(platform: Platform, job_id: str) -> set[int]:
    """The segments that are rendered: recorded as complete, or stored by a worker that died before it could record them."""
    found = {completion.segment_index for completion in all_completions(platform.completions, job_id)}
    for item in all_objects(platform.storage, keys.segments_prefix(job_id)):
        parsed = keys.parse_key(item.key)
        if parsed.kind == "rendered" and parsed.segment_index is not None:
            found.add(parsed.segment_index)
    return found


def work(
    order: Order,
    platform: Platform,
    data_dir: DataDir,
    job_id: str,
    job: Job | None,
    *,
    workers: int,
    stop: threading.Event,
    show: Display,
    expected_seconds: Expectation,
) -> Job:
    """Run workers until the job has ended well and its output is delivered; returns the completed job."""
    drain(platform)
    platform.activity.delete_by_job(job_id)  # signs of life of workers that are gone
    logs = data_dir.logs / job_id
    logs.mkdir(exist_ok=True)
    supervisor = pipeline_workers(workers, log_dir=logs)
    supervisor.start()
    try:
        set_going(platform, order, job_id, job)
        watcher = JobWatcher(platform, job_id, data_dir.root, expected_seconds=expected_seconds)
        job = wait_for_end(watcher, supervisor, platform, data_dir, job_id, stop=stop, show=show)
        if job.status is JobStatus.COMPLETED:
            deliver(platform, job, order)
    finally:
        supervisor.stop()
        with suppress(StereoSpotError):  # a full disk, say; the next run drains as well
            drain(platform)
    return ended_well(platform, job, logs)


def set_going(platform: Platform, order: Order, job_id: str, job: Job | None) -> None:
    """Have the job's next messages sent: of a new one, of one that failed, or of one whose messages `drain` dropped."""
    if job is None or job.status in {JobStatus.CREATED, JobStatus.UPLOADING}:
        submit(platform, order.source, order.params, name=order.source.name, job_id=job_id)
    elif job.status is JobStatus.INGESTING:  # its video is here (`fetching`), and what suits it is known by now
        set_params(platform, job_id, order.params)
        start_job(platform, job_id)
    elif job.status is JobStatus.FAILED:
        retry_job(platform, job_id)
    else:
        update_job(platform, job_id, announce_anew)
        reconcile(platform, job_ids=[job_id], patience=0.0)


def wait_for_end(
    watcher: JobWatcher,
    supervisor: Supervisor,
    platform: Platform,
    data_dir: DataDir,
    job_id: str,
    *,
    stop: threading.Event,
    show: Display,
    is_over: Callable[[Job], bool] = lambda job: job.status.is_final,
) -> Job:
    """Watch the job until that `is_over`, whatever way. What was lost is sent again; what waits too long is given up."""
    patience = Patience()
    reconcile_at = time.monotonic() + RECONCILE_EVERY_SECONDS
    while True:
        job, tick = watcher.look()
        show.update(tick)
        if is_over(job):
            return job
        if patience.is_over(job, tick):
            raise waited_too_long(tick, data_dir.root)
        if stop.is_set():
            raise Stopped("stopped; the same command goes on from here")
        supervisor.poll()
        if time.monotonic() >= reconcile_at:
            reconcile(platform, job_ids=[job_id])
            reconcile_at = time.monotonic() + RECONCILE_EVERY_SECONDS
        stop.wait(LOOK_EVERY_SECONDS)


def waited_too_long(tick: Tick, place: Path) -> CommandFailed:
    """The reason to stop a conversion that only waits."""
    code = "no_space_left" if shutil.disk_usage(place).free < SPARE_BYTES else "waiting"
    return CommandFailed(code, f"the conversion cannot go on: {tick.waiting}", hint="see to it; the same command goes on from here")


class Patience:
    """How long a job has waited for something outside, between one lasting step forward and the next."""

    def __init__(self) -> None:
        self._reached: object = None
        self._looks = 0

    def is_over(self, job: Job, tick: Tick) -> bool:
        """Whether it was seen to wait for WAIT_AT_MOST_SECONDS in all since anything was finished."""
        reached = (job.status, job.cut, tick.completed_frames, tick.progress.bytes_done)
        if reached != self._reached:
            self._reached, self._looks = reached, 0
        if tick.waiting is not None:
            self._looks += 1
        return self._looks * LOOK_EVERY_SECONDS > WAIT_AT_MOST_SECONDS


def ended_well(platform: Platform, job: Job, logs: Path) -> Job:
    """The job, if it is completed; its logs are of no more use then. Else its reason as an error."""
    if job.status is JobStatus.COMPLETED:
        shutil.rmtree(logs, ignore_errors=True)
        return job
    if job.error is not None and job.status is JobStatus.FAILED:
        raise job_failure(job.error, logs)
    sweep_job(platform, job)
    raise CommandFailed(
        job.status.value, f"the job {job.job_id} was {job.status.value} by somebody else", hint="the same command begins anew"
    )


def deliver(platform: Platform, job: Job, order: Order) -> None:
    """Give the person the result: fetched beside the output's place, then named, whole or not at all."""
    if job.result is None:
        raise CommandFailed("internal", f"the completed job {job.job_id} has no result")
    with tempfile.TemporaryDirectory(prefix=".stereo-spot-", dir=order.output.parent) as folder:
        fetched = [Path(folder) / place.name for place in order.places]
        for file, path in zip(job.result.files, fetched, strict=True):
            platform.storage.get_file(file.key, path)
        publish(list(zip(fetched, order.places, strict=True)), overwrite=order.overwrite)


def forget_objects(platform: Platform, job: Job) -> None:
    """Free what a delivered job still holds in the data directory. Its row and its record stay."""
    sweep_job(platform, job)
    platform.storage.delete(*(item.key for item in all_objects(platform.storage, keys.job_prefix(job.job_id))))
