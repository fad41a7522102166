"""One job, looked at again and again: how far it is, how fast, how long it will take."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from stereo_spot_cli.conversion.display import Tick
from stereo_spot_runtime.paging import all_completions
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import Activity, Job
from stereo_spot_shared.progress import RateMeter, job_progress

BRIM_BYTES = 4_000_000


class JobWatcher:
    """Looks at one job. Asks the stores for what has changed only."""

    def __init__(self, platform: Platform, job_id: str, data_dir: Path, *, expected_seconds: Callable[[int], float | None]) -> None:
        """`expected_seconds` says what rendering so many frames will take, until this job's own rate is known."""
        self._platform = platform
        self._job_id = job_id
        self._data_dir = data_dir
        self._expected_seconds = expected_seconds
        self._meter = RateMeter()
        self._counted = 0
        self._completed_frames = 0
        self._first_frames: int | None = None

    def look(self) -> tuple[Job, Tick]:
        """The job as it is now, and how to show it."""
        job = self._platform.jobs.get(self._job_id)
        activities = () if job.status.is_final else self._platform.activity.list(self._job_id)
        progress = job_progress(job, completed_frames=self._frames_of_completions(job), activities=activities)
        if self._first_frames is None:
            self._first_frames = progress.frames_done
        if progress.frames_done > self._first_frames:  # what the workers need to start says nothing about their rate
            self._meter.add(time.monotonic(), progress.frames_done)
        left = None
        if progress.frames_total is not None and progress.frames_done < progress.frames_total:
            frames_left = progress.frames_total - progress.frames_done
            left = self._meter.seconds_left(frames_left)
            left = self._expected_seconds(frames_left) if left is None else left
        return job, Tick(progress, self._meter.frames_per_second, left, self._completed_frames, waiting_for(activities, self._data_dir))

    def _frames_of_completions(self, job: Job) -> int:
        if job.plan is None or job.status.is_final:
            return self._completed_frames
        counted = self._platform.completions.count(self._job_id)
        if counted != self._counted:
            self._completed_frames = sum(one.frames for one in all_completions(self._platform.completions, self._job_id))
            self._counted = counted
        return self._completed_frames


def waiting_for(activities: tuple[Activity, ...], data_dir: Path) -> str | None:
    """Why work waits, if all of it does. On a disk that is full to the brim nobody can even write that down."""
    if shutil.disk_usage(data_dir).free < BRIM_BYTES:
        return f"there is no space left on the disk of {data_dir}"
    notes = [activity.note for activity in activities]
    return notes[0] if notes and all(notes) else None
