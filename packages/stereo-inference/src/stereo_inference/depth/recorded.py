"""Depth that somebody brings along for a video: a depth video, or a folder with a file for each frame.

Frame n of the video, in order of presentation and from its first one, has frame n of the depth video, or the n-th file by name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream as AvVideoStream
from numpy.typing import NDArray

from stereo_inference.colour import grey_levels
from stereo_inference.photo.depth_file import DEPTH_SUFFIXES, read_depth
from stereo_inference.picture import Picture
from stereo_inference.video_io.formats import convert, working_colour, working_format
from stereo_spot_media.hostile import open_media
from stereo_spot_media.packets import read_packets
from stereo_spot_media.probe import choose_video, decode_leniently, drain, probe
from stereo_spot_shared.errors import MissingSource, UnsupportedMedia

RECORDED = "file"
"""The name that results record for it."""

LONG_SIDE = 960
"""Pixels of the longer side to which larger maps are scaled down: their steps are put to the picture's edges anyway."""


class RecordedDepth(Protocol):
    """Depth by the number of its frame; to be used in a `with` block."""

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def at(self, number: int) -> NDArray[np.float32]:
        """Depth (h, w) of a frame, 0..1. UnsupportedMedia where there is none for it."""


def recorded_depth(path: Path) -> RecordedDepth:
    """What `path` holds: a folder, or a video. MissingSource where there is nothing."""
    if path.is_dir():
        return DepthFolder(path)
    if not path.exists():
        raise MissingSource(f"There is no depth at {path}.", hint="It must be where the workers can read it, at the same path.")
    return DepthVideo(path)


class DepthFolder(RecordedDepth):
    """A file for each frame, see `depth_file`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in DEPTH_SUFFIXES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def at(self, number: int) -> NDArray[np.float32]:
        """The depth of the file with that place among all."""
        if number >= len(self._files):
            raise too_short(self._path, len(self._files), number)
        return no_larger(read_depth(self._files[number]))


class DepthVideo(RecordedDepth):
    """The luma of a video, from black (far) to white (near)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._video = probe(path).video
        self._format, colour = working_format(self._video), working_colour(self._video)
        self._black, self._white, _ = grey_levels(colour, self._format.bits)
        self._colour = colour
        self._opened = contextlib.ExitStack()
        self._times: list[int] = []
        self._frames: Iterator[av.VideoFrame] = iter(())
        self._next = -1

    def __enter__(self) -> Self:
        self._container: InputContainer = self._opened.enter_context(open_media(self._path))
        self._stream: AvVideoStream = choose_video(self._container, self._path.name)
        self._times = sorted(packet.pts for packet in read_packets(self._container, [self._stream]) if packet.pts is not None)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._opened.close()

    def at(self, number: int) -> NDArray[np.float32]:
        """The luma of that frame; frames that follow one another are decoded in one go."""
        if number >= len(self._times):
            raise too_short(self._path, len(self._times), number)
        if number != self._next:
            self._frames = self._from(self._times[number])
        self._next = number + 1
        frame = next(self._frames, None)
        if frame is None or frame.pts != self._times[number]:
            raise UnsupportedMedia(f"Frame {number} of the depth video {self._path.name} does not decode.", hint="It may be damaged.")
        picture = Picture.view(convert(frame, self._format, self._colour, self._video.width, self._video.height), self._format)
        luma = picture.cropped(0).astype(np.float32)
        return no_larger(np.clip((luma - self._black) / np.float32(self._white - self._black), 0, 1).astype(np.float32))

    def _from(self, time: int) -> Iterator[av.VideoFrame]:
        """Decoded frames from the one at `time` on."""
        self._container.seek(time, stream=self._stream)
        self._stream.codec_context.flush_buffers()
        for packet in read_packets(self._container, [self._stream]):
            yield from (frame for frame in decode_leniently(packet) if frame.pts is not None and frame.pts >= time)
        yield from (frame for frame in drain(self._stream) if frame.pts is not None and frame.pts >= time)


def too_short(path: Path, count: int, number: int) -> UnsupportedMedia:
    """What it means when there is no depth for a frame."""
    return UnsupportedMedia(
        f"{path.name} holds depth for {count} frames, and frame {number} (counted from 0) needs one.",
        hint="Depth must be there for every frame of the video.",
    )


def no_larger(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """The map itself, or scaled down to LONG_SIDE."""
    height, width = depth.shape
    scale = LONG_SIDE / max(height, width)
    if scale >= 1:
        return depth
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(depth, size, interpolation=cv2.INTER_AREA), np.float32)
