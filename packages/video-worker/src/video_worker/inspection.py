"""Looking at a rendered segment: whether it is what the plan asks for and what the backend says it is.

What a rendering process wrote after it decoded hostile media is hostile itself, so it is read in a child process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stereo_spot_media.sandbox import run_in_child
from stereo_spot_media.segment_io import inspect_rendered
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import UnsupportedMedia, VerificationFailed
from stereo_spot_shared.inference import RenderResult
from stereo_spot_shared.rendering import views_of
from stereo_spot_shared.timing import Rational, Ticks
from video_worker.segment import Segment


class InspectTask(Value):
    """Look at the rendered segment at `path`; `time_base` and `pts_offset` are the manifest's."""

    path: Path
    time_base: Rational
    pts_offset: int


class Inspected(Value):
    """What a rendered segment really holds; see `segment_io.RenderedInfo`."""

    times: Ticks
    width: int
    height: int
    fingerprint: str
    views: int


def check_rendered(segment: Segment, result: RenderResult, path: Path, should_stop: Callable[[], bool]) -> None:
    """VerificationFailed unless the file at `path` holds exactly the frames that it must, as `result` describes them.

    It must hold the core of the segment, less the frames that the source's damage left undecodable.
    """
    core, lost = Counter(segment.spec.core.times()), Counter(result.lost.times())
    expected = Ticks.of(sorted((core - lost).elements()))
    if lost - core or result.frames != len(expected):
        raise _failure(segment, f"of {len(segment.spec.core)} frames it claims {result.frames} and {len(result.lost)} lost")
    if path.stat().st_size != result.bytes:
        raise _failure(segment, f"it has {path.stat().st_size} bytes and not the {result.bytes} that were written")
    if not len(expected):
        return
    found = _inspect(segment, path, should_stop)
    if found.times != expected:
        raise _failure(segment, f"its {len(found.times)} frames are not the {len(expected)} of the plan, or at other times")
    reported = (result.fingerprint, result.width, result.height, views_of(segment.job.params))
    if (found.fingerprint, found.width, found.height, found.views) != reported:
        raise _failure(segment, "its picture or encoding is not the one that was reported")


def inspect(task: InspectTask, report: Callable[[Any], None]) -> Inspected:  # noqa: ARG001 - the sandbox passes it
    """Runs in the child."""
    info = inspect_rendered(task.path, time_base=task.time_base, pts_offset=task.pts_offset)
    return Inspected(times=info.times, width=info.width, height=info.height, fingerprint=info.fingerprint, views=info.views)


def _inspect(segment: Segment, path: Path, should_stop: Callable[[], bool]) -> Inspected:
    task = InspectTask(path=path, time_base=segment.manifest.video.time_base, pts_offset=segment.manifest.pts_offset)
    try:
        return run_in_child("video_worker.inspection:inspect", task, returns=Inspected, should_stop=should_stop)
    except UnsupportedMedia as error:  # a file that kills its reader says nothing about the source
        raise _failure(segment, error.message) from error


def _failure(segment: Segment, reason: str) -> VerificationFailed:
    return VerificationFailed(f"The rendered segment {segment.spec.index} is not what was planned: {reason}.")
