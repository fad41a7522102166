"""The video of an order that names a URL: fetched by the ingest stage, and then a file like any other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from stereo_spot_cli.conversion.checks import ingest_policy
from stereo_spot_cli.conversion.display import display
from stereo_spot_cli.conversion.identity import Identity, find_job
from stereo_spot_cli.conversion.order import Order
from stereo_spot_cli.conversion.run import ended_well, wait_for_end
from stereo_spot_cli.conversion.watching import JobWatcher
from stereo_spot_cli.data_dir import DataDir
from stereo_spot_cli.output import CommandFailed, about_job
from stereo_spot_cli.platform import opened
from stereo_spot_cli.queues import drain
from stereo_spot_cli.workers import media_worker
from stereo_spot_runtime.operations import retry_job, submit_url
from stereo_spot_runtime.reconciler import reconcile
from stereo_spot_runtime.scratch import attempt_directory
from stereo_spot_runtime.supervisor import Supervisor
from stereo_spot_shared.errors import NotFound, StereoSpotError
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import Job, JobStatus


@contextmanager
def with_file(order: Order, data_dir: DataDir, *, stop: threading.Event, quiet: bool) -> Iterator[Order]:
    """The order with its video as a file, for the length of a `with` block; one that names a URL is fetched first."""
    if order.url is None:
        yield order
        return
    order = replace(order, identity=Identity.of_url(order.url, order.params, order.output))
    with attempt_directory(data_dir.scratch) as folder:
        path = folder / order.source.name
        with opened(data_dir.root) as platform:
            job = fetched(order, platform, data_dir, stop=stop, quiet=quiet)
            with about_job(job.job_id):
                try:
                    platform.storage.get_file(job.source.key, path)  # a link, not a copy
                except NotFound:
                    raise CommandFailed(
                        "missing_source",
                        f"the video of job {job.job_id} is gone",
                        hint=f"stereo-spot jobs delete {job.job_id}; then try again",
                    ) from None
        yield replace(order, source=path)


def fetched(order: Order, platform: Platform, data_dir: DataDir, *, stop: threading.Event, quiet: bool) -> Job:
    """The job of the order, with its video in storage. Fetches it by a media worker of its own, going on where an earlier run ended."""
    if order.identity is None or order.url is None:
        raise ValueError("the order names no URL")
    job_id, job = find_job(platform, order.identity)
    if job is not None and job.source.etag is not None:
        return job
    logs = data_dir.logs / job_id
    logs.mkdir(exist_ok=True)
    environment = {"STEREO_SPOT_INGEST": ingest_policy().value}
    with about_job(job_id), display(order.source.name, quiet=quiet) as show:
        drain(platform)
        platform.activity.delete_by_job(job_id)
        try:
            with Supervisor([media_worker(environment)], log_dir=logs) as supervisor:
                ask_for(platform, order.url, order, job_id)
                watcher = JobWatcher(platform, job_id, data_dir.root, expected_seconds=lambda _: None)
                job = wait_for_end(watcher, supervisor, platform, data_dir, job_id, stop=stop, show=show, is_over=is_here_or_over)
        finally:
            with suppress(StereoSpotError):
                drain(platform)
        return job if job.source.etag is not None else ended_well(platform, job, logs)


def is_here_or_over(job: Job) -> bool:
    """Whether the video is here, or will not come."""
    return job.source.etag is not None or job.status.is_final


def ask_for(platform: Platform, url: str, order: Order, job_id: str) -> None:
    """Have the video fetched: of a new job, of one that failed, or of one whose message `drain` dropped."""
    job = submit_url(platform, url, order.params, job_id=job_id, start=False)
    if job.status is JobStatus.FAILED:
        retry_job(platform, job_id)
    else:
        reconcile(platform, job_ids=[job_id], patience=0.0)
