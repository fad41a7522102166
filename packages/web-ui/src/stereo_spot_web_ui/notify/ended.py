"""Noticing that a job has ended, and telling whoever wants to know."""

from __future__ import annotations

import threading

from stereo_spot_runtime.logging import get_logger
from stereo_spot_shared.errors import StereoSpotError
from stereo_spot_shared.jobs import Job, JobStatus
from stereo_spot_web_ui.background import look_now_and_then
from stereo_spot_web_ui.context import Web
from stereo_spot_web_ui.i18n import SOURCE, translations

LOOK_SECONDS = 3.0
TOLD = frozenset({JobStatus.COMPLETED, JobStatus.FAILED})
RUNNING = frozenset(status for status in JobStatus if not status.is_final)


class EndedJobs:
    """Looks for jobs that were running at the last look and are not any more. Those that ended before the server started are not told."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._running: set[str] = set()

    def look(self) -> None:
        """Tell of those that have ended since the last look."""
        platform = self._web.platform
        now: set[str] = set()
        cursor = None
        while True:
            page = platform.jobs.list(statuses=RUNNING, cursor=cursor, limit=200)
            now |= {job.job_id for job in page.jobs}
            if (cursor := page.cursor) is None:
                break
        ended, self._running = self._running - now, now  # whatever goes wrong with one, none is told twice
        for job_id in ended:
            try:
                self._tell(platform.jobs.get(job_id))
            except StereoSpotError as error:
                get_logger().warning("a job ended, and nobody was told", job_id=job_id, error=str(error))

    def _tell(self, job: Job) -> None:
        if job.status not in TOLD:
            return
        view = self._web.looker.view(job)
        say = translations(SOURCE).gettext
        done = view.status is JobStatus.COMPLETED
        title = say("Ready to watch in 3D") if done else say("A conversion failed")
        body = view.source.name if done or view.error is None else f"{view.source.name}: {view.error.message}"
        self._web.webhook.tell(view)
        self._web.push.tell(title, body, view.url, tag=view.id)


def watch_for_ends(web: Web, stop: threading.Event) -> None:
    """Look every few seconds until `stop` is set."""
    look_now_and_then(EndedJobs(web).look, "for jobs that have ended", seconds=LOOK_SECONDS, stop=stop)
