"""The poster: one picture of a source, by which a person recognises it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream as AvVideoStream

from stereo_spot_media.hostile import DEFAULT_LIMITS, MediaLimits, open_media
from stereo_spot_media.ordinary_screen import OrdinaryScreen, as_jpeg
from stereo_spot_media.packets import read_packets
from stereo_spot_media.probe import PACKETS_PER_PLACE, decode_leniently, drain
from stereo_spot_shared.manifest import Manifest, VideoStream

MOST_WIDTH, MOST_HEIGHT = 640, 1280
PLACES = (Fraction(1, 10), Fraction(1, 4), Fraction(1, 2))
"""Shares of the video. Later ones are looked at only while everything before them was nearly of one colour."""
PICTURES_PER_PLACE = 48
"""Pictures that are decoded at most on the way from where decoding can begin to a place: the last of them is near enough."""
MOST_SECONDS = 15.0
"""After this time what was found so far has to do: the video waits to be cut."""
LEAST_SPREAD = 10.0
"""Standard deviation of luma, in 8-bit steps, from which on a picture shows something. Black and fades have less."""
GLANCE = (64, 36)
"""Size in which the spread is measured."""


def make_poster(
    path: Path, manifest: Manifest, output: Path, limits: MediaLimits = DEFAULT_LIMITS, *, on_progress: Callable[[], None] = lambda: None
) -> bool:
    """Write a poster of the source at `path` to `output`, a JPEG file: upright, with square pixels, at most 640 wide and 1280 high.

    It shows what is shown a tenth into the result. `on_progress` is called before each place. False where no picture decodes; what else
    is wrong with the file raises UnsupportedMedia, av.FFmpegError or ValueError.
    """
    video, deadline = manifest.video, time.monotonic() + MOST_SECONDS
    best, most = None, -1.0
    with open_media(path, limits) as container:
        stream = next(stream for stream in container.streams.video if stream.index == video.index)
        for share in PLACES:
            on_progress()
            frame = picture_near(container, stream, time_at(manifest, share), deadline)
            if frame is not None and (found := spread(frame)) > most:
                best, most = frame, found
            if most >= LEAST_SPREAD or time.monotonic() > deadline:
                break
    if best is None:
        return False
    width, height = stored_size(video)
    screen = OrdinaryScreen(
        video.colour, width, height, output.parent, form="yuvj420p", one_field=best.interlaced_frame, rotation=video.rotation
    )
    output.write_bytes(as_jpeg(screen.convert(best)))
    return True


def time_at(manifest: Manifest, share: Fraction) -> int:
    """Ticks of the source's clock at that share of the result."""
    return (manifest.frames.start or 0) + int(manifest.duration * share / manifest.video.time_base)


def picture_near(container: InputContainer, stream: AvVideoStream, wanted: int, deadline: float) -> VideoFrame | None:
    """The picture shown at `wanted` (ticks), or one a little before it; None where none decodes."""
    with contextlib.suppress(av.FFmpegError):  # where a format cannot seek, what comes next will do
        container.seek(wanted, stream=stream)
    stream.codec_context.flush_buffers()
    found = None
    for count, frame in enumerate(decoded(container, stream, deadline), 1):
        found = frame
        if count == PICTURES_PER_PLACE or (frame.pts is not None and frame.pts >= wanted):
            break
    return found


def decoded(container: InputContainer, stream: AvVideoStream, deadline: float) -> Iterator[VideoFrame]:
    """Pictures from here on, out of a bounded number of packets and in a bounded time."""
    for count, packet in enumerate(read_packets(container, [stream])):
        yield from decode_leniently(packet)
        if count >= PACKETS_PER_PLACE or time.monotonic() > deadline:
            return
    yield from drain(stream)


def spread(frame: VideoFrame) -> float:
    """How much the picture's luma varies: its standard deviation in 8-bit steps."""
    return float(frame.reformat(*GLANCE, format="gray", threads=1).to_ndarray().std())


def stored_size(video: VideoStream) -> tuple[int, int]:
    """The even size of the poster before it is turned upright."""
    shown = Fraction(video.width) * video.sample_aspect_ratio
    lying = video.rotation in (90, 270)
    most_width, most_height = (MOST_HEIGHT, MOST_WIDTH) if lying else (MOST_WIDTH, MOST_HEIGHT)
    factor = min(Fraction(1), most_width / shown, Fraction(most_height, video.height))
    return even(shown * factor), even(video.height * factor)


def even(size: Fraction) -> int:
    """The even number nearest below; 2 at least."""
    return max(2, int(size) // 2 * 2)
