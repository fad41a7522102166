"""What the media worker does to hostile media, in a child process with limits (`sandbox.run_in_child`).

Each function takes one task and a `report` function for its progress. It reads and writes the folder of the attempt
and knows of no store.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from media_worker.relay import arriving_segments
from stereo_spot_media.cutting import cut_segments
from stereo_spot_media.hostile import MediaLimits
from stereo_spot_media.joining import ReassembleResult, reassemble
from stereo_spot_media.planning import make_manifest
from stereo_spot_shared.base import Value
from stereo_spot_shared.manifest import Manifest
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_shared.timing import Ticks

Report = Callable[[Any], None]


class ChunkTask(Value):
    """Plan the video in `source`, unless `manifest` is its plan, and cut it into `folder`, except the segments in `skip`."""

    source: Path
    folder: Path
    etag: str
    params: RenderParams
    limits: MediaLimits
    manifest: Manifest | None
    skip: frozenset[int]


class JoinTask(Value):
    """Join the segments that arrive in the folder `segments` with the other tracks of `source`, into `output`.

    `view`: which video of the segments it is, where they hold one for each view.
    """

    source: Path
    manifest: Manifest
    segments: Path
    lost: dict[int, Ticks]
    params: RenderParams
    view: int
    output: Path


def plan_and_cut(task: ChunkTask, report: Report) -> None:
    """Report `{"manifest": Manifest}` where one was made, then `{"segment": index, "path": str}` for each, in order.

    In between it reports `{"read": count}` (bytes or packets) now and then: it lives and moves.
    """

    def alive(count: int) -> None:
        report({"read": count})

    manifest, kept = task.manifest, task.folder / "packets.npz"
    if manifest is None:
        manifest = make_manifest(task.source, task.etag, task.params, task.limits, on_progress=alive, keep=kept)
        report({"manifest": manifest})
    for cut in cut_segments(task.source, manifest, task.folder, kept=kept, skip=task.skip, limits=task.limits, on_progress=alive):
        report({"segment": cut.index, "path": cut.path})


def join(task: JoinTask, report: Report) -> ReassembleResult:
    """Write the output and verify it; reports the number of frames joined."""
    return reassemble(
        task.source,
        task.manifest,
        arriving_segments(task.segments, len(task.manifest.segments)),
        task.output,
        params=task.params,
        view=task.view,
        lost=task.lost,
        on_progress=report,
    )
