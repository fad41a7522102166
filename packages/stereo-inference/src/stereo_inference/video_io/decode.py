"""Decoding a segment: exactly the frames that its specification lists, upright and progressive, in working format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.stream import VideoStream as InputVideoStream

from stereo_inference.picture import Picture
from stereo_inference.video_io.formats import convert, working_colour, working_format
from stereo_inference.video_io.upright import Deinterlacer, turned
from stereo_spot_media.hostile import open_media
from stereo_spot_media.timestamps import InexactTime, rescale_exact
from stereo_spot_shared.errors import Interrupted, RenderFailed, UnsupportedMedia
from stereo_spot_shared.inference import RenderRequest

MAX_DECODER_THREADS = 4
DECODER_BYTES = 24_000_000
"""Pictures that the threads of a decoder may hold, one each."""


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """A frame of the segment. `index` is its place in the video's list of frames; `time` is in source ticks."""

    index: int
    time: int
    core: bool
    picture: Picture


class SegmentReader:
    """Reads the frames of one request from the segment object at `path`.

    Frames that the container holds and the segment does not list (they belong to a neighbour, or lead up to it) are
    dropped. Packets that do not decode are counted and passed over. `lost` is complete when `frames` is exhausted.
    """

    def __init__(self, path: Path, request: RenderRequest, *, threads: int = 1, should_stop: Callable[[], bool] = lambda: False) -> None:
        self._path = path
        self._request = request
        self._should_stop = should_stop
        self.format = working_format(request.video)
        self.colour = working_colour(request.video)
        size = self.format.picture_bytes(request.video.width, request.video.height)
        self._threads = max(1, min(threads, MAX_DECODER_THREADS, DECODER_BYTES // size))
        self.bad_packets = 0
        self.lost: list[int] = []
        """Times of the core's frames that did not decode, in order."""

    def frames(self) -> Iterator[SourceFrame]:
        """The listed frames in order of presentation: context before, core, context after."""
        video = self._request.video
        segment = self._request.segment
        times = [*segment.before.times(), *segment.core.times(), *segment.after.times()]
        first_core = len(segment.before)
        core = range(first_core, first_core + len(segment.core))
        origin = segment.first_frame - first_core
        for place, decoded in self._progressive(self._listed(times, core)):
            frame = convert(decoded, self.format, self.colour, video.width, video.height)
            picture = turned(Picture.view(frame, self.format), video.rotation)
            yield SourceFrame(origin + place, times[place], place in core, picture)

    def _listed(self, times: list[int], core: range) -> Iterator[tuple[int, av.VideoFrame]]:
        """Match decoded frames with listed times; equal times stand for as many frames as there are."""
        place = 0

        def pass_over(until: int) -> None:
            self.lost.extend(times[i] for i in range(place, until) if i in core)

        for time, frame in self._decoded():
            reached = place
            while reached < len(times) and times[reached] < time:
                reached += 1
            pass_over(reached)
            place = reached
            if place < len(times) and times[place] == time:
                yield place, frame
                place += 1
            if place == len(times):
                return
        pass_over(len(times))

    def _decoded(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """Every frame that decodes, with its time in source ticks."""
        with open_media(self._path) as container:
            stream = self._stream(container)
            stream.codec_context.thread_count = self._threads
            stream.codec_context.thread_type = "AUTO"
            clock = stream.time_base or self._request.video.time_base
            for packet in self._packets(container, stream):
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    self.bad_packets += 1
                    continue
                for frame in frames:
                    if frame.pts is not None:
                        try:
                            ticks = rescale_exact(frame.pts, clock, self._request.video.time_base)
                        except InexactTime as error:
                            raise RenderFailed(
                                f"The segment's clock ({clock} s) does not hold the video's times "
                                f"({self._request.video.time_base} s) exactly."
                            ) from error
                        yield ticks - self._request.pts_offset, frame

    def _packets(self, container: InputContainer, stream: InputVideoStream) -> Iterator[av.Packet[Any]]:
        """The stream's packets until its end, or until the container itself cannot be read on."""
        packets = container.demux(stream)
        while True:
            if self._should_stop():
                raise Interrupted("Rendering was asked to stop.")
            try:
                yield next(packets)
            except StopIteration:
                return
            except av.FFmpegError:
                self.bad_packets += 1
                return

    def _stream(self, container: InputContainer) -> InputVideoStream:
        streams = container.streams.video
        for stream in streams:
            if len(streams) == 1 or stream.index == self._request.video.index:
                return stream
        raise UnsupportedMedia(f"{self._path.name} holds no video.")

    def _progressive(self, frames: Iterator[tuple[int, av.VideoFrame]]) -> Iterator[tuple[int, av.VideoFrame]]:
        if not self._request.video.interlaced:
            yield from frames
            return
        deinterlacer = Deinterlacer()
        for place, frame in frames:
            yield from deinterlacer.push(place, frame)
        yield from deinterlacer.finish()
