"""The rendition: a version of a finished video that every browser plays.

MP4 with its index first, H.264 High in 8 bit 4:2:0 and BT.709 (see `ordinary_screen` for HDR), at most level 5.1, and the first sound as
AAC. Every frame keeps its time.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av import Packet
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.filter import Graph
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream as AvVideoStream

from stereo_spot_media.hostile import open_media
from stereo_spot_media.joining import discard, disk_errors, movie_timescale
from stereo_spot_media.ordinary_screen import BT709, OrdinaryScreen
from stereo_spot_media.probe import decode_leniently, describe_colour
from stereo_spot_media.segment_io import OWN_LIMITS, pixel_aspect
from stereo_spot_media.timestamps import Times, durations, regenerate_dts
from stereo_spot_shared.errors import VerificationFailed

MOST_WIDTH, MOST_HEIGHT = 4096, 2160
MOST_BLOCKS_A_SECOND = 983_040
"""Blocks of 16x16 pixels that a decoder of level 5.1 manages (ITU-T H.264, table A-1)."""

REORDER_DEPTH = 1
"""Pictures that x264 moves others ahead of, with B-pictures that no others refer to."""
HOLDING_FEW = "sync-lookahead=0:rc-lookahead=3:b-pyramid=none"
X264 = {"preset": "veryfast", "crf": "23", "profile": "high", "threads": "2", "x264-params": HOLDING_FEW}
"""More threads, and one for looking ahead, would each hold more pictures. At 3840x1080 a picture to come is 12 MB, one that others refer
to 22: the preset's 10 ahead, and its pyramid, took 139 MB more, for files that are 3 % smaller at the same error."""
KEYFRAME_SECONDS = 2
"""At most so far does a browser have to decode when somebody seeks."""

SOUND_RATE = 48_000
SOUND_BITS = 160_000
"""A second, for both channels."""
PACKETS_BETWEEN_REPORTS = 500


def make_rendition(path: Path, output: Path, *, on_progress: Callable[[int], None]) -> None:
    """Write the rendition of the finished video at `path` to `output`, which is made anew.

    `on_progress` gets the number of frames done, now and then; what it raises ends the work. Raises UnsupportedMedia where the video
    cannot be read, VerificationFailed where a frame of it is missing in the result, NoSpaceLeft and StorageUnavailable from the disk.
    """
    times = picture_times(path, on_progress)
    with open_media(path, OWN_LIMITS) as source:
        video = source.streams.video[0]
        sounds = source.streams.audio[:1]
        video.codec_context.thread_count = 1
        assert video.time_base is not None  # noqa: S101 - every demuxed stream has one
        with opened(output, video.time_base) as writing:
            picture = Picture(writing, video, times, output.parent)
            sound = [sound_of(writing, stream) for stream in sounds]
            with disk_errors():
                writing.start_encoding()
            for count, packet in enumerate(source.demux([video, *sounds])):
                if packet.stream_index == video.index:
                    decoded: Any = packet.decode()  # its stubs do not tell kinds of packets apart
                    picture.take(decoded)
                    on_progress(picture.taken)
                else:
                    sound[0].take(packet)
                if count % PACKETS_BETWEEN_REPORTS == 0:
                    on_progress(picture.taken)
            picture.end()
            for each in sound:
                each.end()
    on_progress(picture.taken)


def picture_times(path: Path, on_progress: Callable[[int], None]) -> Times:
    """The presentation times of all frames, in order, in ticks of the video's clock."""
    found = array("q")
    with open_media(path, OWN_LIMITS) as source:
        for count, packet in enumerate(source.demux(source.streams.video[0])):
            if packet.size and packet.pts is not None and not packet.is_discard:
                found.append(packet.pts)
            if count % PACKETS_BETWEEN_REPORTS == 0:
                on_progress(0)
    return np.sort(np.array(found, np.int64))


@contextmanager
def opened(path: Path, time_base: Fraction) -> Iterator[OutputContainer]:
    """The muxer; its index is written, and moved to the front, when the block ends well."""
    ticks = time_base.denominator
    options = {"movflags": "+faststart", "video_track_timescale": str(ticks), "movie_timescale": str(movie_timescale(ticks))}
    with disk_errors():
        writing = av.open(f"file:{path}", "w", format="mp4", container_options=options)
    try:
        yield writing
    except BaseException:
        discard(writing)
        raise
    with disk_errors():
        writing.close()


class Picture:
    """The video on its way: decoded frames in, packets of the new file out."""

    def __init__(self, writing: OutputContainer, source: AvVideoStream, times: Times, folder: Path) -> None:
        self._writing, self._source, self._folder = writing, source, folder
        self._clock = source.time_base or Fraction(1)
        self._times: Sequence[int] = times.tolist()
        self._lasts = durations(self._times, self._times[-1] + typical(self._times)) if self._times else []
        # The encoder counts frames, since it refuses the duplicate times that sources have.
        self._dts = regenerate_dts(times, time_base=self._clock, depth=REORDER_DEPTH)
        self._stream = self._open()
        self._screen: OrdinaryScreen | None = None
        self.taken, self._written = 0, 0

    def take(self, frames: Sequence[VideoFrame]) -> None:
        """Encode the next frames."""
        for frame in frames:
            converted = self._converted(frame)
            converted.pts, converted.time_base = self.taken, self._stream.codec_context.time_base
            converted.pict_type = PictureType.NONE
            self.taken += 1
            self._mux(self._stream.encode(converted))

    def end(self) -> None:
        """Encode what is still held. VerificationFailed where a frame is missing."""
        self._mux(self._stream.encode(None))
        if not self._written == self.taken == len(self._times):
            raise VerificationFailed(
                f"Of {len(self._times)} frames {self.taken} could be decoded, and {self._written} were encoded for browsers."
            )

    def _open(self) -> AvVideoStream:
        source = self._source
        rate = (source.average_rate or Fraction(25)).limit_denominator(100_000)
        width, height = fitting(source.width, source.height, rate)
        stream = self._writing.add_stream("libx264", rate=rate, options=X264)
        assert isinstance(stream, AvVideoStream)  # noqa: S101 - x264 makes video
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = 1 / rate
        context.gop_size = max(1, math.ceil(rate * KEYFRAME_SECONDS))
        # Sides are rounded to even numbers: the shape of the whole picture stays what it was.
        aspect = pixel_aspect(source) * Fraction(source.width * height, source.height * width)
        context.sample_aspect_ratio = aspect.limit_denominator(1000)
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = 1
        stream.time_base = self._clock
        return stream

    def _converted(self, frame: VideoFrame) -> VideoFrame:
        context = self._stream.codec_context
        if self._screen is None:
            self._screen = OrdinaryScreen(describe_colour(self._source, frame), context.width, context.height, self._folder)
        return self._screen.convert(frame)

    def _mux(self, packets: list[Packet[Any]]) -> None:
        for packet in packets:
            number = packet.pts
            if number is None or number >= len(self._times):
                raise VerificationFailed(f"More than the {len(self._times)} frames of the video could be decoded.")
            packet.stream, packet.time_base = self._stream, self._clock
            packet.pts, packet.dts, packet.duration = self._times[number], self._dts[self._written], self._lasts[number]
            with disk_errors():
                self._writing.mux(packet)
            self._written += 1


def typical(times: Sequence[int]) -> int:
    """How long the last frame is shown: as long as the one before."""
    return times[-1] - times[-2] if len(times) > 1 else 1


def fitting(width: int, height: int, rate: Fraction) -> tuple[int, int]:
    """The largest size of this shape that a decoder of level 5.1 plays at `rate` frames a second, with even sides.

    One that has to be made smaller gets sides that are divisible by 4: then each of two views in it has even ones too.
    """
    factor = min(1.0, MOST_WIDTH / width, MOST_HEIGHT / height)
    while True:
        step = 2 if factor == 1.0 else 4
        wide, high = (max(step, int(side * factor) // step * step) for side in (width, height))
        if math.ceil(wide / 16) * math.ceil(high / 16) * rate <= MOST_BLOCKS_A_SECOND:
            return wide, high
        factor *= 0.99


def sound_of(writing: OutputContainer, source: AudioStream) -> CopiedSound | EncodedSound:
    """The sound on its way: as it is where it is AAC, else as AAC in stereo."""
    aac = source.codec_context.codec.canonical_name == "aac"
    return CopiedSound(writing, source) if aac else EncodedSound(writing)


class CopiedSound:
    """Packets as they are."""

    def __init__(self, writing: OutputContainer, source: AudioStream) -> None:
        self._writing = writing
        self._stream = writing.add_stream_from_template(source, opaque=True)

    def take(self, packet: Packet[Any]) -> None:
        """Write the next packet; the last one of all is empty."""
        if packet.size:
            packet.stream = self._stream
            with disk_errors():
                self._writing.mux(packet)

    def end(self) -> None:
        """Nothing is held."""


class EncodedSound:
    """Decoded, mixed to stereo, and encoded; gaps are filled with silence, so that it stays in time."""

    def __init__(self, writing: OutputContainer) -> None:
        self._writing = writing
        stream = writing.add_stream("aac", rate=SOUND_RATE, layout="stereo")
        assert isinstance(stream, AudioStream)  # noqa: S101 - AAC is sound
        stream.bit_rate = SOUND_BITS
        self._stream = stream
        self._graph: Graph | None = None

    def take(self, packet: Packet[Any]) -> None:
        """Encode what the next packet holds; one that is damaged is passed over, and the empty one at the end drains the decoder."""
        for frame in decode_leniently(packet):
            self._push(frame)

    def end(self) -> None:
        """Encode what is still held."""
        if self._graph is not None:
            self._push(None)
            self._mux(self._stream.encode(None))

    def _push(self, frame: Any) -> None:
        if self._graph is None:
            self._graph = self._build(frame)
        self._graph.push(frame)
        while True:
            try:
                mixed: Any = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            self._mux(self._stream.encode(mixed))

    def _build(self, frame: Any) -> Graph:
        graph = Graph()
        source = graph.add_abuffer(sample_rate=frame.sample_rate, format=frame.format, layout=frame.layout, time_base=frame.time_base)
        nodes = [
            graph.add("aresample", f"{SOUND_RATE}:async=1"),
            graph.add("aformat", f"sample_fmts=fltp:channel_layouts=stereo:sample_rates={SOUND_RATE}"),
            graph.add("abuffersink"),
        ]
        graph.link_nodes(source, *nodes).configure()
        graph.set_audio_frame_size(1024)
        return graph

    def _mux(self, packets: list[Packet[Any]]) -> None:
        for packet in packets:
            with disk_errors():
                self._writing.mux(packet)
