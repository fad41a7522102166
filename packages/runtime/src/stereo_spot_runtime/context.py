"""What a handler is given besides its message."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field

import structlog

from stereo_spot_runtime.lease import Lease
from stereo_spot_runtime.telemetry import count_frames
from stereo_spot_runtime.watch import JobWatch
from stereo_spot_shared.errors import StereoSpotError
from stereo_spot_shared.interfaces.platform import Platform
from stereo_spot_shared.jobs import Activity, JobStatus, new_attempt_id
from stereo_spot_shared.messages import Message, SegmentReady, SegmentRendered

_LOOK_SECONDS = 2.0
"""So often at most long work asks whether it is still wanted; more seldom where signs of life are."""
_MOMENT_SECONDS = 1.0
"""After so long work on another job leaves its first sign."""
_JOBS_KEPT = 100


@dataclass
class Signs:
    """When the receiver of a stage last left a sign of life of a job: one per interval, however short its attempts are."""

    seconds: float = 1.0
    at: dict[str, float] = field(default_factory=dict)
    """By the job's id; of the jobs that it worked on last."""
    noted: bool = False
    """Whether the last one said why work waits, which does not hold any more once some moves."""

    def due(self, job_id: str) -> bool:
        """Whether it is time for another; then it counts as left. What is over within a moment leaves none: what it stores is one."""
        now = time.monotonic()
        at = self.at.pop(job_id, now - max(0.0, self.seconds - _MOMENT_SECONDS))
        due = self.noted or now - at >= self.seconds
        self.at[job_id] = now if due else at
        if len(self.at) > _JOBS_KEPT:
            del self.at[next(iter(self.at))]
        self.noted = self.noted and not due
        return due


@dataclass
class WorkContext:
    """One attempt at one message."""

    platform: Platform
    worker: str
    """Name of this process."""
    attempt: int
    """1 for the first counted delivery of the message."""
    message: Message
    lease: Lease
    log: structlog.stdlib.BoundLogger
    redelivered: bool = True
    """Whether there may have been an earlier attempt; see `Delivery`."""
    signs: Signs = field(default_factory=Signs)
    attempt_id: str = field(default_factory=new_attempt_id)
    """Unique; names the objects that this attempt writes."""
    _reported: int | None = field(default=None, init=False)
    _done: int = field(default=0, init=False)

    def progress(self, done: int, total: int) -> None:
        """The work moved: `done` of `total` units (frames, segments, bytes; 0: nobody knows). Any call resets the stall deadline."""
        self.lease.moved()
        if done > self._done:
            count_frames(self.message.stage, done - self._done)
            self._done = done
        # Who was told of a half, by this attempt or one before, is told of the end, or the half would be counted beside what is finished.
        told = 0 if self._reported is None and self.attempt > 1 else self._reported
        ended = told is not None and told < total <= done
        if ended or self.signs.due(self.message.job_id):
            self._reported = done
            self.report(done, total)

    def watch(self, wanted: Collection[JobStatus]) -> JobWatch:
        """On the message's job, for the length of long work that is wanted while the job has one of these statuses."""
        return JobWatch(self.platform.jobs, self.message.job_id, wanted, interval_seconds=max(_LOOK_SECONDS, self.signs.seconds))

    def should_stop(self) -> bool:
        """Whether to give up, by raising Interrupted: the process stops, the work stalled, or the receipt was lost."""
        return self.lease.should_stop()

    def report(self, done: int = 0, total: int = 0, note: str | None = None) -> None:
        """Leave a sign of life. It is only a hint: a store that does not take it stops nobody."""
        self.signs.noted = note is not None
        index = self.message.segment_index if isinstance(self.message, SegmentReady | SegmentRendered) else None
        sign = Activity(
            job_id=self.message.job_id,
            stage=self.message.stage,
            segment_index=index,
            worker=self.worker,
            attempt=self.attempt,
            done=done,
            total=total,
            note=note,
        )
        try:
            self.platform.activity.report(sign)
        except StereoSpotError as error:
            self.log.debug("a sign of life was not taken", error=str(error))
