"""Jobs as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich import box
from rich.table import Table

from stereo_inference.depth.catalogue import ModelEntry
from stereo_spot_cli.words import count, duration, size
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.ingest import shown_url
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import Activity, Job, JobStatus, Stage
from stereo_spot_shared.progress import job_progress

SHORT_ID = 8
"""Characters of an id that are shown in lists; `jobs show` takes them."""


def plain_table(*columns: str) -> Table:
    """An empty table in the house's look."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def facts_table(facts: Sequence[tuple[str, str]]) -> Table:
    """Names and values, one pair a line."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, value)
    return table


def jobs_table(jobs: Sequence[Job], platform: Platform) -> Table:
    """One line a job."""
    table = plain_table("job", "status", "done", "video", "layout", "frames", "age")
    ids = shortest_ids([job.job_id for job in jobs])
    for job in jobs:
        frames = f"{job.plan.frame_count:,}" if job.plan else "-"
        table.add_row(
            ids[job.job_id],
            job.status.value,
            share_done(job, platform),
            job.source.name,
            job.params.layout.value,
            frames,
            age(job.created_at),
        )
    return table


def job_details(job: Job, platform: Platform) -> Table:
    """Everything that is known of one job."""
    params = job.params
    facts = [
        ("job", job.job_id),
        ("video", job.source.name + (f" ({size(job.source.size)})" if job.source.size is not None else "")),
        *([("from", shown_url(job.source.url))] if job.source.url is not None else []),
        ("status", job.status.value),
        ("done", share_done(job, platform)),
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
    if job.plan:
        facts.append(
            (
                "plan",
                f"{count(job.plan.frame_count, 'frame')}, {duration(float(job.plan.duration))}, {count(job.plan.segment_count, 'segment')}",
            )
        )
        if not job.status.is_final:
            facts.append(("segments done", f"{platform.completions.count(job.job_id)} of {job.plan.segment_count}"))
    if not job.status.is_final:
        facts += [("at work", activity_line(activity)) for activity in platform.activity.list(job.job_id)]
    if job.result:
        result = job.result
        facts.append(
            ("result", f"{count(result.frames, 'frame')}, {result.width}×{result.height}, {size(result.bytes)}, depth {result.depth}")
        )
        facts += [("left out", f"{item.track}: {item.reason}") for item in result.left_out]
        facts += [("warning", warning) for warning in result.warnings]
    if job.error:
        where = f" (segment {job.error.segment_index})" if job.error.segment_index is not None else ""
        facts.append(("error", f"{job.error.message}{where}"))
        if job.error.hint:
            facts.append(("what to do", job.error.hint))
    return facts_table(facts)


def activity_line(activity: Activity) -> str:
    """`render, segment 3: 120 of 480 by video-worker-1, 2 s ago`."""
    segment = f", segment {activity.segment_index}" if activity.segment_index is not None else ""
    shown = size if activity.stage is Stage.INGEST else str
    progress = activity.note or f"{shown(activity.done)} of {shown(activity.total) if activity.total else 'nobody knows how much'}"
    return f"{activity.stage.value}{segment}: {progress} by {activity.worker}, {age(activity.at)} ago"


def share_done(job: Job, platform: Platform) -> str:
    """Percent over all stages; of a job that ended otherwise than well, nothing."""
    if job.status in {JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.DELETED}:
        return "-"
    if job.plan is None or job.status is JobStatus.COMPLETED:
        activities = platform.activity.list(job.job_id) if job.status is JobStatus.INGESTING else ()
        return f"{job_progress(job, completed_frames=0, activities=activities).fraction:.0%}"
    # Segments are of nearly equal length: their count serves a list well and costs one query.
    frames = job.plan.frame_count * platform.completions.count(job.job_id) // job.plan.segment_count
    return f"{job_progress(job, completed_frames=frames, activities=platform.activity.list(job.job_id)).fraction:.0%}"


def shortest_ids(ids: Sequence[str]) -> dict[str, str]:
    """Each id cut as short as tells it from the others, but not below SHORT_ID characters."""
    length = SHORT_ID
    while len({one[:length] for one in ids}) < len(set(ids)):
        length += 1
    return {one: one[:length] for one in ids}


def age(moment: datetime) -> str:
    """How long ago, in words."""
    return duration(max(0.0, (utc_now() - moment).total_seconds()))


def models_table(present: Mapping[ModelEntry, bool]) -> Table:
    """The depth models that are known by name, and which of them are here. Names are not broken: they are there to be copied."""
    table = plain_table("name", "licence", "size", "speed", "here")
    table.columns[0].no_wrap = True
    table.add_row("basic", "none needed", "", "fastest", "yes")
    for entry, here in present.items():
        table.add_row(entry.name, entry.licence, size(entry.size), entry.speed.value, "yes" if here else "no")
    return table
