"""A server's jobs as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from stereo_spot_cli.tables import age, facts_table, plain_table, shortest_ids
from stereo_spot_cli.words import count, duration, size
from stereo_spot_shared.api.jobs import JobDetail, JobView, SegmentState, SegmentView
from stereo_spot_shared.jobs import JobStatus


def jobs_table(jobs: Sequence[JobView]) -> Table:
    """One line a job."""
    table = plain_table("job", "status", "done", "video", "layout", "frames", "age")
    ids = shortest_ids([job.id for job in jobs])
    for job in jobs:
        total = job.progress.frames_total
        frames = f"{total:,}" if total else "-"
        table.add_row(ids[job.id], job.status.value, share_done(job), job.source.name, job.params.layout.value, frames, age(job.created_at))
    return table


def job_details(job: JobDetail) -> Table:
    """Everything that the server tells of one job."""
    params, now = job.params, job.progress
    facts = [
        ("job", job.id),
        ("video", job.source.name + (f" ({size(job.source.bytes)})" if job.source.bytes is not None else "")),
        ("status", job.status.value),
        ("done", share_done(job)),
        (
            "parameters",
            (
                f"{params.layout.value}, depth {params.depth} ({params.depth_profile.value}), disparity {params.max_disparity} %, "
                f"convergence {params.convergence}, {params.quality.value}, {params.container.value}"
            ),
        ),
        ("submitted", f"{age(job.created_at)} ago"),
        ("last change", f"{age(job.updated_at)} ago"),
    ]
    if job.upload_url is not None:
        facts.append(("arrived", f"{size(job.source.received or 0)} of {size(job.source.bytes or 0)}"))
    if now.frames_total is not None:
        facts.append(("plan", f"{count(now.frames_total, 'frame')}, {count(len(job.segments), 'segment')}"))
    if not job.status.is_final:
        if now.seconds_left is not None:
            facts.append(("left", duration(now.seconds_left)))
        facts += [("at work", at_work(segment)) for segment in job.segments if segment.state is SegmentState.RUNNING]
        if now.waiting:
            facts.append(("waits", now.waiting))
    if job.result is not None:
        result = job.result
        whole = size(sum(file.bytes for file in result.files))
        facts.append(("result", f"{count(result.frames, 'frame')}, {result.width}×{result.height}, {whole}, depth {result.depth}"))
        facts += [("left out", f"{item.track}: {item.reason}") for item in result.left_out]
        facts += [("warning", warning) for warning in result.warnings]
    if job.error is not None:
        where = f" (segment {job.error.segment_index})" if job.error.segment_index is not None else ""
        facts.append(("error", f"{job.error.message}{where}"))
        if job.error.hint:
            facts.append(("what to do", job.error.hint))
    return facts_table(facts)


def at_work(segment: SegmentView) -> str:
    """`segment 3: 25% by video-worker-1`."""
    return f"segment {segment.index}: {segment.fraction:.0%} by {segment.worker}"


def share_done(job: JobView) -> str:
    """Percent over all stages; of a job that ended otherwise than well, nothing."""
    if job.status in {JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.DELETED}:
        return "-"
    return f"{job.progress.fraction:.0%}"
