"""How far a job is, as one fraction over all stages and in frames; and an honest time left."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from stereo_spot_shared.jobs import Activity, Job, JobStatus, Stage

_WEIGHTS = {Stage.CHUNK: 0.03, Stage.RENDER: 0.92, Stage.REASSEMBLE: 0.05}
"""Share of a job's time, as the benchmark measures it for stages that do not overlap; rendering dominates."""


@dataclass(frozen=True)
class JobProgress:
    """How far a job is."""

    status: JobStatus
    fraction: float
    """0 to 1, over all stages; while a source is fetched, of that alone, since nobody knows yet what the others will take."""
    frames_done: int
    frames_total: int | None
    """None until the video has been scanned."""
    bytes_done: int | None = None
    """Of a source that is being fetched; None at any other time."""


def job_progress(job: Job, *, completed_frames: int, activities: Iterable[Activity] = ()) -> JobProgress:
    """How far `job` is: `completed_frames` of finished segments, and `activities` for those under way."""
    activities = tuple(activities)
    if job.status is JobStatus.COMPLETED:
        total = job.plan.frame_count if job.plan else completed_frames
        return JobProgress(job.status, 1.0, total, total)
    if job.plan is None:
        if job.status is not JobStatus.INGESTING:
            return JobProgress(job.status, 0.0, 0, None)
        fetched = max((a.done for a in activities if a.stage is Stage.INGEST), default=0)
        return JobProgress(job.status, min(1.0, fetched / job.source.size) if job.source.size else 0.0, 0, None, fetched)
    total = job.plan.frame_count
    under_way = sum(a.done for a in activities if a.stage is Stage.RENDER and a.done < a.total)
    frames = min(total, completed_frames + under_way)
    joined = max((a.done / a.total for a in activities if a.stage is Stage.REASSEMBLE and a.total), default=0.0)
    fraction = (
        _WEIGHTS[Stage.CHUNK] * job.cut / job.plan.segment_count
        + _WEIGHTS[Stage.RENDER] * frames / total
        + _WEIGHTS[Stage.REASSEMBLE] * (min(1.0, joined) if job.status is JobStatus.REASSEMBLING else 0.0)
    )
    return JobProgress(job.status, min(fraction, 1.0), frames, total)


@dataclass
class RateMeter:
    """Frames per second over the last `window` seconds, from counts that may step back (a segment that starts anew)."""

    window: float = 30.0
    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, seconds: float, frames: int) -> None:
        """Note that `frames` were done at the time `seconds` (of any clock that only goes forward)."""
        self._samples.append((seconds, frames))
        while len(self._samples) > 2 and self._samples[1][0] <= seconds - self.window:
            self._samples.popleft()

    @property
    def frames_per_second(self) -> float | None:
        """None until there is something to measure."""
        if len(self._samples) < 2:
            return None
        (t0, n0), (t1, n1) = self._samples[0], self._samples[-1]
        return (n1 - n0) / (t1 - t0) if t1 > t0 and n1 > n0 else None

    def seconds_left(self, frames_left: int) -> float | None:
        rate = self.frames_per_second
        return frames_left / rate if rate else None
