"""Every test runs on the real embedded platform, in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from stereo_spot_local_adapters.platform import open_platform
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import Job, JobStatus, Plan, SegmentCompletion, Source, new_job_id
from stereo_spot_shared.keys import rendered_key, source_key
from stereo_spot_shared.rendering import RenderParams


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    opened = open_platform(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def make_job(platform: Platform) -> Callable[..., Job]:
    """`make_job(status, segments=3, **fields)`: a stored job, planned and cut where its status says so."""

    def make(status: JobStatus = JobStatus.RENDERING, segments: int = 3, **fields) -> Job:
        job_id = new_job_id()
        source = platform.storage.put_bytes(b"source", source_key(job_id))
        if status in {JobStatus.RENDERING, JobStatus.REASSEMBLING}:
            plan = Plan(plan_id="plan", segment_count=segments, frame_count=segments, duration=Fraction(segments))
            fields = {"plan": plan, "cut": segments, "sent": segments, **fields}
        return platform.jobs.create(
            Job(
                job_id=job_id,
                status=status,
                source=Source(key=source.key, name="film.mp4", etag=source.etag, size=source.size),
                params=RenderParams(),
                **fields,
            )
        )

    return make


@pytest.fixture
def complete(platform: Platform) -> Callable[..., SegmentCompletion]:
    """`complete(job_id, index, attempt)`: record a finished segment; returns the completion that stands."""

    def record(job_id: str, index: int, attempt: str = "attempt") -> SegmentCompletion:
        return platform.completions.put(
            SegmentCompletion(
                job_id=job_id,
                segment_index=index,
                plan_id="plan",
                attempt_id=attempt,
                object_key=rendered_key(job_id, index, attempt),
                etag="e",
                bytes=1,
                frames=1,
                width=2,
                height=2,
                fingerprint="f",
                sample_aspect_ratio=Fraction(1),
                depth="basic",
                worker="w",
            )
        )

    return record
