"""Changing a job when others may be changing it too."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress

from stereo_spot_shared.errors import Conflict
from stereo_spot_shared.interfaces.platform import Platform
from stereo_spot_shared.jobs import Job

_TRIES = 30


def update_job(platform: Platform, job_id: str, change: Callable[[Job], Job | None], *, seen: Job | None = None) -> Job:
    """Read the job, `change` it, compare and set; again where somebody else was first. Returns what is stored now.

    `change` is pure: it may be called several times, each time with the newest job. It returns None to leave the
    job as it is, and raises Conflict where the job must not be changed so any more (that Conflict is passed on).
    `seen`, the job as the caller last saw it, saves the reading where it is still the newest; if it is not, nothing hangs on it.
    NotFound where there is no such job; Conflict when others were first again and again.
    """
    if seen is not None:
        with suppress(Conflict):
            if (changed := change(seen)) is not None:
                return platform.jobs.update(changed)
    for attempt in range(_TRIES):
        job = platform.jobs.get(job_id)
        changed = change(job)
        if changed is None:
            return job
        try:
            return platform.jobs.update(changed)
        except Conflict:
            back_off(attempt)
    raise Conflict(f"job {job_id} could not be updated: others were first {_TRIES} times", hint="try again")


def back_off(attempt: int) -> None:
    """Wait a random moment that grows with `attempt`, so that those who collided do not collide again."""
    time.sleep(random.uniform(0, min(0.5, 0.002 * 2**attempt)))  # noqa: S311  # not a secret
