"""Watching jobs for those who look at them: the stores are asked once a second for each job, however many look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from stereo_spot_shared.api.jobs import JobDetail
from stereo_spot_shared.errors import NotFound, StereoSpotError
from stereo_spot_shared.interfaces import Platform
from stereo_spot_web_ui.jobs.look import Looker

LOOK_SECONDS = 1.0
SHARED_SECONDS = 0.7
"""A look that is no older serves everybody who asks."""


class Watcher:
    """Looks at jobs again and again."""

    def __init__(self, platform: Platform, looker: Looker) -> None:
        self._platform, self._looker = platform, looker
        self._looks: dict[str, tuple[float, asyncio.Task[JobDetail | None]]] = {}

    async def job(self, job_id: str) -> AsyncIterator[JobDetail]:
        """The job as it is now, and again whenever that has changed, until it has ended or is gone."""
        seen: JobDetail | None = None
        while True:
            try:
                detail = await self._look(job_id)
            except StereoSpotError:  # a store that is away for a moment; the next look tells
                await asyncio.sleep(LOOK_SECONDS)
                continue
            if detail is None:
                return
            if detail != seen:
                yield detail
                seen = detail
            if detail.status.is_final:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, job_id: str) -> JobDetail | None:
        """A fresh look, shared by all who want one at about the same time; None where there is no such job."""
        now = time.monotonic()
        at, task = self._looks.get(job_id, (float("-inf"), None))
        if task is None or now - at > SHARED_SECONDS:
            task = asyncio.create_task(asyncio.to_thread(self._detail, job_id))
            self._looks[job_id] = now, task
            for old in [key for key, (then, _) in self._looks.items() if now - then > 60]:
                del self._looks[old]
        return await asyncio.shield(task)

    def _detail(self, job_id: str) -> JobDetail | None:
        try:
            return self._looker.detail(self._platform.jobs.get(job_id))
        except NotFound:
            return None
