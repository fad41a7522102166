"""How far a job is, how fast it goes, and what the next one will take."""

from __future__ import annotations

from fractions import Fraction

import hypothesis.strategies as st
import pytest
from hypothesis import given

from stereo_spot_shared.base import utc_now
from stereo_spot_shared.inference import StageSeconds
from stereo_spot_shared.jobs import Activity, Job, JobStatus, Plan, Source, Stage
from stereo_spot_shared.progress import RateMeter, job_progress
from stereo_spot_shared.records import ConversionRecord, Machine, estimate_render_seconds
from stereo_spot_shared.rendering import Quality, RenderParams

PLAN = Plan(plan_id="p", segment_count=4, frame_count=100, duration=Fraction(4))


def a_job(status: JobStatus, **fields) -> Job:
    return Job(job_id="job00001", status=status, source=Source(key="k", name="n"), params=RenderParams(), **fields)


def an_activity(stage: Stage, done: int, total: int) -> Activity:
    return Activity(job_id="job00001", stage=stage, segment_index=0, worker="w", done=done, total=total)


class TestProgress:
    def test_before_the_scan_nothing_is_known(self) -> None:
        progress = job_progress(a_job(JobStatus.QUEUED), completed_frames=0)
        assert (progress.fraction, progress.frames_total) == (0.0, None)

    def test_a_completed_job_is_done_whatever_was_swept(self) -> None:
        progress = job_progress(a_job(JobStatus.COMPLETED, plan=PLAN), completed_frames=0)
        assert (progress.fraction, progress.frames_done) == (1.0, 100)

    def test_segments_under_way_count_and_those_that_wait_or_are_recorded_do_not(self) -> None:
        job = a_job(JobStatus.RENDERING, plan=PLAN, cut=4)
        waiting = an_activity(Stage.RENDER, 0, 0).model_copy(update={"note": "no space left"})
        activities = [an_activity(Stage.RENDER, 10, 25), an_activity(Stage.RENDER, 25, 25), waiting]
        assert job_progress(job, completed_frames=25, activities=activities).frames_done == 35

    @given(
        cut=st.integers(0, 4),
        frames=st.integers(0, 200),
        done=st.lists(st.integers(0, 25), max_size=4),
        status=st.sampled_from([JobStatus.CHUNKING, JobStatus.RENDERING, JobStatus.REASSEMBLING]),
    )
    def test_a_fraction_is_one(self, cut: int, frames: int, done: list[int], status: JobStatus) -> None:
        activities = [an_activity(stage, frames_done, 25) for frames_done in done for stage in (Stage.RENDER, Stage.REASSEMBLE)]
        progress = job_progress(a_job(status, plan=PLAN, cut=cut), completed_frames=frames, activities=activities)
        assert 0.0 <= progress.fraction <= 1.0
        assert 0 <= progress.frames_done <= 100

    def test_more_of_anything_is_never_less_progress(self) -> None:
        steps = [
            job_progress(a_job(JobStatus.CHUNKING, plan=PLAN, cut=1), completed_frames=0),
            job_progress(a_job(JobStatus.CHUNKING, plan=PLAN, cut=4), completed_frames=0),
            job_progress(a_job(JobStatus.RENDERING, plan=PLAN, cut=4), completed_frames=50),
            job_progress(a_job(JobStatus.REASSEMBLING, plan=PLAN, cut=4), completed_frames=100),
            job_progress(
                a_job(JobStatus.REASSEMBLING, plan=PLAN, cut=4), completed_frames=100, activities=[an_activity(Stage.REASSEMBLE, 50, 100)]
            ),
            job_progress(a_job(JobStatus.COMPLETED, plan=PLAN, cut=4), completed_frames=100),
        ]
        fractions = [step.fraction for step in steps]
        assert fractions == sorted(set(fractions))
        assert fractions[-1] == 1.0


class TestRate:
    def test_the_rate_is_that_of_the_window(self) -> None:
        meter = RateMeter(window=10.0)
        assert meter.frames_per_second is None
        assert meter.seconds_left(10) is None
        for second in range(100):
            meter.add(float(second), 5 * second if second < 50 else 250 + 10 * (second - 50))
        assert meter.frames_per_second == pytest.approx(10.0)
        assert meter.seconds_left(100) == pytest.approx(10.0)

    def test_a_segment_that_starts_anew_gives_no_negative_rate(self) -> None:
        meter = RateMeter()
        meter.add(0.0, 100)
        meter.add(1.0, 50)
        assert meter.frames_per_second is None


def a_record(seconds: float, **params) -> ConversionRecord:
    return ConversionRecord(
        job_id="job00001",
        name="n",
        finished_at=utc_now(),
        params=RenderParams(**params),
        depth="basic",
        source_width=1000,
        source_height=1000,
        source_bytes=1,
        output_bytes=1,
        frames=10,
        context_frames=0,
        duration=Fraction(1),
        segments=1,
        workers=1,
        chunk_seconds=0.0,
        render=StageSeconds(wall=seconds),
        reassemble_seconds=0.0,
        total_seconds=seconds,
        machine=Machine(system="s", processor="p", cores=2),
    )


class TestEstimate:
    def test_nothing_is_promised_without_records(self) -> None:
        assert estimate_render_seconds([], frames=1, width=2, height=2, params=RenderParams()) is None
        assert estimate_render_seconds([a_record(0.0)], frames=1, width=2, height=2, params=RenderParams()) is None

    def test_it_scales_with_the_pixels(self) -> None:
        assert estimate_render_seconds([a_record(20.0)], frames=20, width=500, height=500, params=RenderParams()) == pytest.approx(10.0)

    def test_alike_records_count_before_others_and_one_outlier_does_not(self) -> None:
        records = [a_record(10.0), a_record(11.0), a_record(500.0), a_record(90.0, quality=Quality.HIGH)]
        estimate = estimate_render_seconds(records, frames=10, width=1000, height=1000, params=RenderParams())
        assert estimate == pytest.approx(11.0)
        unlike = estimate_render_seconds(records[3:], frames=10, width=1000, height=1000, params=RenderParams())
        assert unlike == pytest.approx(90.0)

    def test_a_record_comes_back_the_same(self) -> None:
        record = a_record(3.0)
        assert ConversionRecord.model_validate_json(record.to_json()) == record
