"""Black bars around the film: found once for a whole video, so that they never move.

A frame's own bars say little: a night scene has none of its own. Looked at are frames from many places, and a row or column counts as a
bar only if it is black in all of them. What is left is the smallest rectangle that holds everything that was ever seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream as AvVideoStream
from numpy.typing import NDArray

from stereo_spot_media.hostile import DEFAULT_LIMITS, MediaLimits, open_media
from stereo_spot_media.probe import decode_some
from stereo_spot_shared.manifest import Region, VideoStream

PLACES = 24
"""Places of the video that are looked at."""

ABOVE_BLACK = 14
"""8-bit steps above black that coding noise in a bar reaches at most."""

CONTENT_SHARE = 0.02
"""Share of a row or column that must be brighter than that for it to show something; a player's logo in a bar is left in it."""

LEAST_BAR = 4
"""Pixels that a bar is wide at least: narrower ones are the ragged edge of a picture."""

GRID = 4
"""Bars are made of whole chroma samples, also once a picture is turned."""


def find_bars(path: Path, video: VideoStream, limits: MediaLimits = DEFAULT_LIMITS) -> Region | None:
    """The part of the upright picture inside its black bars; None where there are none, or nothing was seen."""
    rows, columns = np.zeros(video.height, bool), np.zeros(video.width, bool)
    with open_media(path, limits) as container:
        stream = next(stream for stream in container.streams.video if stream.index == video.index)
        for frame in frames_all_over(container, stream):
            if (frame.width, frame.height) == (video.width, video.height):
                bright = is_bright(frame, full_range=bool(video.colour.full_range))
                rows |= bright.mean(axis=1) > CONTENT_SHARE
                columns |= bright.mean(axis=0) > CONTENT_SHARE
    if not rows.any() or not columns.any():
        return None
    top, bottom = inside(rows)
    left, right = inside(columns)
    if (left, top, right, bottom) == (0, 0, video.width, video.height):
        return None
    return turned(Region(left=left, top=top, width=right - left, height=bottom - top), video)


def frames_all_over(container: InputContainer, stream: AvVideoStream) -> Iterator[VideoFrame]:
    """A few frames from each of PLACES places; those from the start where the container does not say how long it is."""
    length = container.duration or 0
    for place in range(PLACES if length else 1):
        try:
            container.seek((container.start_time or 0) + length * place // PLACES)
        except av.FFmpegError:
            return
        stream.codec_context.flush_buffers()
        yield from decode_some(container, stream)


def is_bright(frame: VideoFrame, *, full_range: bool) -> NDArray[np.bool_]:
    """Which pixels (height, width) are brighter than black."""
    bits = frame.format.components[0].bits
    if frame.format.is_planar and not frame.format.is_rgb:
        plane = frame.planes[0]
        samples = np.frombuffer(memoryview(plane), np.uint8 if bits == 8 else np.uint16).reshape(plane.height, -1)
        luma: NDArray[Any] = samples[: frame.height, : frame.width]
    else:
        luma, bits = frame.to_ndarray(format="gray"), 8
    black = 0 if full_range or frame.format.is_rgb else 16
    return np.asarray(luma > ((black + ABOVE_BLACK) << (bits - 8)))


def inside(shown: NDArray[np.bool_]) -> tuple[int, int]:
    """From where to where lines are shown, on the grid, and as if there were no bar where it is too narrow."""
    lines = np.flatnonzero(shown)
    first, end = int(lines[0]) // GRID * GRID, -(-(int(lines[-1]) + 1) // GRID) * GRID
    return (first if first >= LEAST_BAR else 0), (end if len(shown) - end >= LEAST_BAR else len(shown))


def turned(region: Region, video: VideoStream) -> Region:
    """A region of the stored picture, in the upright one."""
    right, bottom = video.width - region.left - region.width, video.height - region.top - region.height
    match video.rotation:
        case 90:
            return Region(left=bottom, top=region.left, width=region.height, height=region.width)
        case 180:
            return Region(left=right, top=bottom, width=region.width, height=region.height)
        case 270:
            return Region(left=region.top, top=right, width=region.height, height=region.width)
    return region
