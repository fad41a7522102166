"""What `convert` answers: the JSON object, and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stereo_spot_cli.words import count, duration
from stereo_spot_shared.base import Value
from stereo_spot_shared.jobs import Job, LeftOut
from stereo_spot_shared.rendering import FramePacking


class Seconds(Value):
    """Where the time went."""

    chunk: float
    """Planning and cutting, whenever that was."""
    render: float
    """Sum over all segments of the wall time that a worker spent on each; with several workers more than has passed."""
    reassemble: float
    total: float
    """Wall time of this run."""


class Summary(Value):
    """The result of one conversion."""

    job_id: str
    status: str
    output: str
    right: str | None
    """The right view, where each has a file of its own; `output` is then the left one."""
    layout: FramePacking
    width: int
    height: int
    frames: int
    segments: int
    segments_rendered: int
    """In this run; the others were finished before."""
    left_out: tuple[LeftOut, ...]
    depth: str
    lost: tuple[int, ...]
    """Presentation times (ticks of the source's time base) of frames that damage left undecodable."""
    warnings: tuple[str, ...]
    seconds: Seconds


def summarise(job: Job, outputs: Sequence[Path], *, segments_rendered: int, total_seconds: float) -> Summary:
    """The summary of a completed job whose files have been written to `outputs`."""
    if job.result is None or job.plan is None:
        raise ValueError(f"job {job.job_id} is {job.status} and has no result")
    result = job.result
    return Summary(
        job_id=job.job_id,
        status=job.status.value,
        output=str(outputs[0]),
        right=str(outputs[1]) if len(outputs) > 1 else None,
        layout=job.params.layout,
        width=result.width,
        height=result.height,
        frames=result.frames,
        segments=job.plan.segment_count,
        segments_rendered=segments_rendered,
        left_out=result.left_out,
        depth=result.depth,
        lost=tuple(result.lost.times()),
        warnings=result.warnings,
        seconds=Seconds(
            chunk=round(job.plan.chunk_seconds, 3),
            render=round(result.render.wall, 3),
            reassemble=round(result.reassemble_seconds, 3),
            total=round(total_seconds, 3),
        ),
    )


def in_words(summary: Summary) -> list[str]:
    """The summary as lines for a person."""
    names = summary.output if summary.right is None else f"{summary.output} and {Path(summary.right).name}"
    resumed = summary.segments - summary.segments_rendered
    lines = [
        (f"{names}: {count(summary.frames, 'frame')}, {summary.width}×{summary.height}, {summary.layout.value}, depth “{summary.depth}”"),
        f"{count(summary.segments, 'segment')} in {duration(summary.seconds.total)}"
        + (f", of which {resumed} finished in an earlier run" if resumed else ""),
    ]
    lines += [f"left out: {item.track}: {item.reason}" for item in summary.left_out]
    lines += [f"warning: {warning}" for warning in summary.warnings]
    return lines
