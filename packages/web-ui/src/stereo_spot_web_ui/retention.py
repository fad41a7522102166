"""Keeping no longer than people chose: sources of finished jobs, results, uploads that nobody goes on with."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from stereo_spot_runtime.logging import get_logger
from stereo_spot_runtime.operations import delete_job
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.errors import StereoSpotError
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import Job, JobStatus
from stereo_spot_web_ui.background import look_now_and_then
from stereo_spot_web_ui.preferences import Preferences, PreferencesStore
from stereo_spot_web_ui.security.sessions import Sessions

EVERY_SECONDS = 3600.0
LOOKED_AT = frozenset({JobStatus.CREATED, JobStatus.UPLOADING, JobStatus.INGESTING, JobStatus.COMPLETED})


def enforce(platform: Platform, preferences: Preferences, *, now: datetime) -> None:
    """Remove what is older than people chose."""
    cursor = None
    while True:
        page = platform.jobs.list(statuses=LOOKED_AT, cursor=cursor, limit=200)
        for job in page.jobs:
            try:
                enforce_for(platform, job, preferences, now)
            except StereoSpotError as error:  # of one that changed meanwhile, say: it keeps no other from its turn
                get_logger().warning("what is old of a job could not be removed", job_id=job.job_id, error=str(error))
        if (cursor := page.cursor) is None:
            return


def enforce_for(platform: Platform, job: Job, preferences: Preferences, now: datetime) -> None:
    """The same for one job."""
    age = now - job.updated_at
    if job.status is not JobStatus.COMPLETED:
        if is_over(age, preferences.keep_uploads_days):
            delete_job(platform, job.job_id)
    elif is_over(age, preferences.keep_results_days):
        delete_job(platform, job.job_id)
    elif job.keep_source and is_over(age, preferences.keep_sources_days):
        platform.storage.delete(job.source.key)
        # Not a sign of life: its age goes on.
        update_job(platform, job.job_id, lambda job: job.evolve(keep_source=False, updated_at=job.updated_at))


def is_over(age: timedelta, days: int | None) -> bool:
    """Whether something is older than so many days."""
    return days is not None and age > timedelta(days=days)


def run_retention(platform: Platform, preferences: PreferencesStore, sessions: Sessions, stop: threading.Event) -> None:
    """Look at once, and then every hour, until `stop` is set."""

    def look() -> None:
        enforce(platform, preferences.load(), now=utc_now())
        sessions.sweep(utc_now())

    look_now_and_then(look, "for what is old", seconds=EVERY_SECONDS, stop=stop, at_once=True)
