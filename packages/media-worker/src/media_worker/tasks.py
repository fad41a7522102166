"""What the media worker does to hostile media, in a child process with limits (`sandbox.run_in_child`).

Each function takes one task and a `report` function for its progress. It reads and writes the folder of the attempt
and knows of no store.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stereo_spot_media.cutting import cut_segments
from stereo_spot_media.planning import make_manifest

from media_worker.relay import arriving_segments
from stereo_spot_media.hostile import MediaLimits
from stereo_spot_media.joining import ReassembleResult, reassemble
from stereo_spot_shared.base import Value
from stereo_spot_shared.manifest import Manifest
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_shared.timing import Ticks

Report = Callable[[Any], None]


class PlanTask(Value):
    """Plan the video in `source`."""

    source: Path
    etag: str
    params: RenderParams
    limits: MediaLimits


class CutTask(Value):
    """Cut `source` by the plan, except the segments in `skip`; each goes to `segment_file` in `directory`."""

    source: Path
    directory: Path
    manifest: Manifest
    skip: frozenset[int]


class JoinTask(Value):
    """Join the segments that arrive in `segments` with the other tracks of `source`, into `output`."""

    source: Path
    manifest: Manifest
    segments: Path
    lost: dict[int, Ticks]
    params: RenderParams
    output: Path


def segment_file(index: int, container: str) -> str:
    """Name of a segment that was cut, in the folder of the attempt."""
    return f"segment-{index:06d}.{container}"


def plan(task: PlanTask, report: Report) -> Manifest:
    """Make the manifest; reports (done, total) while the source is scanned."""
    ...


def cut(task: CutTask, report: Report) -> None:
    """Write the segments in order; reports the index of each that is finished."""
    ...


def join(task: JoinTask, report: Report) -> ReassembleResult:
    """Write the output and verify it; reports (frames joined, frames)."""
    total = task.manifest.frame_count
    return reassemble(
        task.source,
        task.manifest,
        arriving_segments(task.segments, len(task.manifest.segments)),
        task.output,
        layout=task.params.layout,
        container=task.params.container,
        lost=task.lost,
        on_progress=lambda frames: report((frames, total)),
    )
