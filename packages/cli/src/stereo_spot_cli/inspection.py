"""Looking at a video before anything is done with it, in a child process that can do little harm."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

from stereo_inference.video_io.hardware import usable_encoders
from stereo_spot_media.hostile import MediaLimits
from stereo_spot_media.probe import SourceInfo
from stereo_spot_media.probe import probe as probe_here
from stereo_spot_media.sandbox import run_in_child
from stereo_spot_shared.base import Value
from stereo_spot_shared.rendering import RenderParams

STALL_SECONDS = 60.0


class InspectionTask(Value):
    """What the child is asked."""

    path: Path
    hardware: bool


class Inspection(Value):
    """What a conversion needs to know beforehand: of the video, and of the hardware that may encode it."""

    source: SourceInfo
    hardware: tuple[str, ...] = ()
    """FFmpeg's names of the hardware encoders of this machine, where they were asked for."""


def inspect(path: Path, should_stop: Callable[[], bool] = lambda: False, *, hardware: bool = False) -> Inspection:
    """What the file at `path` is. UnsupportedMedia or MissingSource where it is no video that can be converted."""
    return run_in_child(
        "stereo_spot_cli.inspection:inspect_in_child",
        InspectionTask(path=path, hardware=hardware),
        returns=Inspection,
        should_stop=should_stop,
        stall_seconds=STALL_SECONDS,
    )


def inspect_in_child(task: InspectionTask, report: Callable[[Any], None]) -> Inspection:  # noqa: ARG001 - it has nothing to report
    """The child's side of `inspect`."""
    source = probe_here(os.fspath(task.path), MediaLimits())
    return Inspection(source=source, hardware=usable_encoders() if task.hardware else ())


def frames_of(info: SourceInfo) -> int | None:
    """About how many frames there are, by what the container says; None where it says nothing."""
    return round(info.seconds * info.video.average_rate) if info.seconds else None


def segments_of(info: SourceInfo, params: RenderParams) -> int | None:
    """About how many segments there will be; None where the container does not say how long it is."""
    return max(1, ceil(float(info.seconds) / params.segment_seconds)) if info.seconds else None
