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
from stereo_spot_media.poster import make_poster
from stereo_spot_media.rendition import make_rendition
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
    poster: bool
    """Whether a poster is wanted."""


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
    webvtt: Path
    """Folder for the text subtitles as WebVTT."""


class RenditionTask(Value):
    """Make the version for browsers of the finished video `output`, into `rendition`."""

    output: Path
    rendition: Path


def plan_and_cut(task: ChunkTask, report: Report) -> None:
    """Report `{"manifest": Manifest}` where one was made, then what `poster_of` says where a poster is wanted, then
    `{"segment": index, "path": str}` for each, in order.

    In between it reports `{"read": count}` (bytes or packets) now and then: it lives and moves.
    """

    def alive(count: int) -> None:
        report({"read": count})

    manifest, kept = task.manifest, task.folder / "packets.npz"
    if manifest is None:
        manifest = make_manifest(task.source, task.etag, task.params, task.limits, on_progress=alive, keep=kept)
        report({"manifest": manifest})
    if task.poster:
        report(poster_of(task, manifest, lambda: alive(0)))
    for cut in cut_segments(task.source, manifest, task.folder, kept=kept, skip=task.skip, limits=task.limits, on_progress=alive):
        report({"segment": cut.index, "path": cut.path})


def poster_of(task: ChunkTask, manifest: Manifest, on_progress: Callable[[], None]) -> dict[str, str]:
    """Make the poster: `{"poster": path}`, or `{"no_poster": reason}` for a source of which none can be made."""
    path = task.folder / "poster.jpg"
    try:
        made = make_poster(task.source, manifest, path, task.limits, on_progress=on_progress)
    except Exception as error:  # noqa: BLE001 - nothing that is wrong with a picture for people may keep the video from being converted
        return {"no_poster": f"{type(error).__name__}: {error}"}
    return {"poster": str(path)} if made else {"no_poster": "no picture decoded"}


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
        webvtt=task.webvtt,
        on_progress=report,
    )


def render_for_browsers(task: RenditionTask, report: Report) -> None:
    """Write the rendition; reports the number of frames done."""
    make_rendition(task.output, task.rendition, on_progress=report)
