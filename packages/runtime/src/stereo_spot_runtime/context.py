"""What a handler is given besides its message."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import structlog

from stereo_spot_runtime.lease import Lease
from stereo_spot_runtime.telemetry import count_frames
from stereo_spot_shared.errors import StereoSpotError
from stereo_spot_shared.interfaces.platform import Platform
from stereo_spot_shared.jobs import Activity, new_attempt_id
from stereo_spot_shared.messages import Message, SegmentReady, SegmentRendered

_REPORT_SECONDS = 1.0


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
    attempt_id: str = field(default_factory=new_attempt_id)
    """Unique; names the objects that this attempt writes."""
    _reported: float = field(default=float("-inf"), init=False)
    _done: int = field(default=0, init=False)

    def progress(self, done: int, total: int) -> None:
        """The work moved: `done` of `total` units (frames, segments, bytes; 0: nobody knows). Any call resets the stall deadline."""
        self.lease.moved()
        if done > self._done:
            count_frames(self.message.stage, done - self._done)
            self._done = done
        now = time.monotonic()
        if now - self._reported >= _REPORT_SECONDS or 0 < total <= done:
            self._reported = now
            self.report(done, total)

    def should_stop(self) -> bool:
        """Whether to give up, by raising Interrupted: the process stops, the work stalled, or the receipt was lost."""
        return self.lease.should_stop()

    def report(self, done: int = 0, total: int = 0, note: str | None = None) -> None:
        """Leave a sign of life. It is only a hint: a store that does not take it stops nobody."""
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
