"""Values to store: every field is filled, so that a field that an adapter loses is noticed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from stereo_spot_shared.inference import StageSeconds
from stereo_spot_shared.jobs import Activity, Job, SegmentCompletion, Source, Stage, new_job_id
from stereo_spot_shared.rendering import FramePacking, RenderParams
from stereo_spot_shared.timing import Ticks

_MORNING = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def a_job(*, minute: int = 0, name: str = "Käse & “Wein” 100%.mp4", **changes: Any) -> Job:
    """A new job that was created in that minute of the morning."""
    job_id = new_job_id()
    at = _MORNING + timedelta(minutes=minute)
    job = Job(
        job_id=job_id,
        source=Source(key=f"jobs/{job_id}/source", name=name, etag="e-1", size=123_456_789_012),
        params=RenderParams(layout=FramePacking.HALF_TB, max_disparity=1.7),
        created_at=at,
        updated_at=at,
    )
    return job.evolve(updated_at=at, **changes)


def a_completion(job_id: str, segment_index: int, attempt_id: str = "a1") -> SegmentCompletion:
    """A completion of a segment by that attempt."""
    return SegmentCompletion(
        job_id=job_id,
        segment_index=segment_index,
        plan_id="p" * 64,
        attempt_id=attempt_id,
        object_key=f"jobs/{job_id}/segments/{segment_index:06d}/rendered/{attempt_id}.nut",
        etag=f"etag-{attempt_id}",
        bytes=5_000_000_000,
        frames=48,
        lost=Ticks.of([3, 5]),
        context=8,
        width=3840,
        height=1080,
        fingerprint="f" * 64,
        sample_aspect_ratio=Fraction(4, 3),
        depth="basic",
        seconds=StageSeconds(decode=1.5, wall=2.25),
        worker="w1",
        completed_at=_MORNING,
    )


def an_activity(job_id: str, stage: Stage, segment_index: int | None, done: int = 0) -> Activity:
    """A sign of life."""
    return Activity(job_id=job_id, stage=stage, segment_index=segment_index, worker="w1", done=done, total=100, at=_MORNING)
