"""Frames from a few places of a video, without reading all of it: what previews are made of."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream as AvVideoStream

from stereo_inference.picture import Picture
from stereo_inference.video_io.decode import SourceFrame
from stereo_inference.video_io.formats import convert, working_colour, working_format
from stereo_inference.video_io.upright import Deinterlacer, turned
from stereo_spot_media.hostile import open_media
from stereo_spot_media.packets import read_packets
from stereo_spot_media.probe import decode_leniently, drain
from stereo_spot_shared.manifest import VideoStream

APART = 1000
"""Added to the numbers of each place's frames: nothing connects it with the one before."""

EMPTY = 6.0
"""Standard deviation of luma (8-bit steps) below which a picture shows nothing: a fade, a title card's black."""

TRIES = 4
"""How often a place that shows nothing is passed over for one a little later."""


def sample_frames(
    path: Path, video: VideoStream, *, seconds: Fraction, places: int, each: int, between: tuple[Fraction, Fraction]
) -> Iterator[SourceFrame]:
    """`each` frames from each of `places` spread evenly over a video `seconds` long, within `between` (shares of it).

    Place n's are numbered from APART * n on. A place at which nothing decodes yields none.
    """
    form, colour = working_format(video), working_colour(video)
    with open_media(path) as container:
        stream = next(stream for stream in container.streams.video if stream.index == video.index)
        begin, end = between
        for place in range(places):
            length = (end - begin) * seconds / places
            room = max(Fraction(0), length - each / video.average_rate) if video.average_rate else length
            pictures: list[Picture] = []
            for attempt in range(TRIES):
                at = begin * seconds + length * place + room * (2 + attempt) / (2 + TRIES)
                frames = list(islice(frames_from(container, stream, video, at), each))
                pictures = [turned(Picture.view(convert(f, form, colour, video.width, video.height), form), video.rotation) for f in frames]
                if attempt == TRIES - 1 or (pictures and shows_something(pictures[0])):
                    break
            for number, picture in enumerate(pictures):
                yield SourceFrame(place * APART + number, number, True, picture)


def shows_something(picture: Picture) -> bool:
    """Whether there is more to see than one grey."""
    return bool(picture.cropped(0)[::8, ::8].std() > EMPTY * (1 << (picture.format.bits - 8)))


def frames_from(container: InputContainer, stream: AvVideoStream, video: VideoStream, at: Fraction) -> Iterator[av.VideoFrame]:
    """Decoded frames from `at` (seconds after the container's start) on, progressive."""
    start = (container.start_time or 0) + int(at * av.time_base)
    try:
        container.seek(start)
    except av.FFmpegError:
        return
    stream.codec_context.flush_buffers()
    clock = (stream.time_base or video.time_base) * av.time_base  # frames that are drained do not know theirs
    frames = (frame for frame in decoded(container, stream) if (frame.pts or 0) * clock >= start)
    if not video.interlaced:
        yield from frames
        return
    deinterlacer = Deinterlacer()
    for number, frame in enumerate(frames):
        for _, finished in deinterlacer.push(number, frame):
            yield finished
    for _, finished in deinterlacer.finish():
        yield finished


def decoded(container: InputContainer, stream: AvVideoStream) -> Iterator[av.VideoFrame]:
    """Every frame that decodes from here on."""
    for packet in read_packets(container, [stream]):
        yield from decode_leniently(packet)
    yield from drain(stream)
