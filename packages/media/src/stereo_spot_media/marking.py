"""Marking the stereo layout in finished MP4 and MOV files, and moving their index to the front (faststart)."""

from __future__ import annotations

from pathlib import Path

from stereo_spot_shared.rendering import FramePacking


def mark_stereo(path: Path, layout: FramePacking) -> None:
    """Write the `st3d` box of `layout` into the video track of the MP4/MOV at `path`, in place, moov first."""
    raise NotImplementedError
