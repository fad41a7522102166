"""A conversion that was killed while its source was being cut: nothing may wait for a message that nobody holds."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from stereo_spot_cli.conversion.order import Order
from stereo_spot_cli.conversion.run import set_going
from stereo_spot_local_adapters.platform import open_platform
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.jobs import Job, JobStatus, Plan, Source, Stage
from stereo_spot_shared.messages import SegmentReady
from stereo_spot_shared.rendering import RenderParams


@pytest.mark.parametrize(
    ("status", "cut", "sent", "announced", "chunkings"),
    [
        (JobStatus.CHUNKING, 2, 2, [0, 1], 1),
        (JobStatus.CHUNKING, 3, 1, [0, 1, 2], 1),
        (JobStatus.RENDERING, 4, 2, [0, 1, 2, 3], 0),
        (JobStatus.RENDERING, 4, 4, [0, 1, 2, 3], 0),
    ],
)
def test_every_segment_that_is_cut_and_not_finished_is_announced_again(tmp_path, status, cut, sent, announced, chunkings):
    platform = open_platform(tmp_path / "data")
    plan = Plan(plan_id="plan", segment_count=4, frame_count=40, duration=Fraction(4))
    job = platform.jobs.create(
        Job(
            job_id="resumedjob",
            status=status,
            source=Source(key="jobs/resumedjob/source", name="film.mp4", etag="e"),
            params=RenderParams(),
            plan=plan,
            cut=cut,
            sent=sent,
            hinted_at=utc_now(),
        )
    )
    set_going(platform, Order(Path("film.mp4"), tmp_path / "out.mp4", job.params, False, None), job.job_id, job)
    bodies = [delivery.body for delivery in platform.queues[Stage.RENDER].receive(max_messages=10)]
    assert sorted(SegmentReady.decode(body).segment_index for body in bodies) == announced
    assert platform.queues[Stage.CHUNK].depth().waiting == chunkings
    platform.close()
